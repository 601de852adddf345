"""`POST /evidence` and `GET /evidence/{sha256}`."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Path, UploadFile
from pydantic import BaseModel
from starlette.responses import Response

from orders.evidence.keep import FILE_BYTES_MAX, keep
from orders.evidence.queries import Paper, bytes_of, may_bring_for, paper_seen_by
from orders.evidence.sniff import EXTENSIONS
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.organisation.queries import unit_of_person

routes = APIRouter(prefix="/api/v1", tags=["evidence"])


class EvidenceOut(BaseModel):
    """media_type: what is in the file, whatever it was called."""

    sha256: str
    media_type: str
    bytes: int


@routes.post(
    "/evidence",
    status_code=201,
    responses={
        413: {"description": "文件太大"},
        415: {"description": "不接受这种文件"},
        503: {"description": "文件库没有响应"},
    },
)
async def post_evidence(
    actor: Annotated[Actor, Depends(requires(Permission.EVIDENCE_WRITE))],
    database: TheDatabase,
    files: TheFiles,
    file: UploadFile,
    unit_id: Annotated[UUID | None, Form()] = None,
) -> EvidenceOut:
    """Keep a paper for a unit (one's own where none is named). The same file twice is the same evidence."""
    now = clock.now()
    day = clock.business_day(now)
    async with database.reading() as session:
        if unit_id is None:
            unit_id = await unit_of_person(session, actor.person_id, day)
        else:
            await may_bring_for(session, actor, unit_id, day=day)
    data = await file.read(FILE_BYTES_MAX + 1)
    kept = await keep(files, database, data=data, file_name=file.filename or "", actor=actor, unit_id=unit_id, now=now)
    return EvidenceOut(sha256=kept.sha256, media_type=kept.media_type, bytes=kept.bytes)


@routes.get("/evidence/{sha256}", response_class=Response)
async def get_evidence(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")],
    actor: Annotated[Actor, Depends(requires(Permission.EVIDENCE_READ))],
    database: TheDatabase,
    files: TheFiles,
) -> Response:
    """The file as it came. Whoever neither brought it nor may read his unit's papers gets 404."""
    async with database.reading() as session:
        paper = await paper_seen_by(session, actor, sha256, day=clock.today())
    return download(paper, await bytes_of(files, sha256))


def download(paper: Paper, data: bytes) -> Response:
    """A file of somebody else's is only ever saved, never shown by the browser as a page of ours."""
    name = f"{paper.sha256[:12]}.{EXTENSIONS[paper.media_type]}"
    return Response(
        data,
        media_type=paper.media_type,
        headers={
            "content-disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(paper.file_name)}",
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
            "cache-control": "private, no-store",
            "etag": f'"{paper.sha256}"',
        },
    )
