"""`/bulk-purchases/{id}/archive`: the zip, the checklist, and the last step of a purchase."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from orders.bulk.visibility import purchase_for
from orders.roll.archive import archive_of, close_archive
from orders.roll.checklist import Item, checklist_of, missing
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.core import clock
from shop.core.audit import record_change
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/bulk-purchases/{purchase_id}/archive", tags=["bulk purchases"])

Reader = Annotated[Actor, Depends(requires(Permission.BULK_READ))]
Why = Annotated[str, Field(min_length=1, max_length=300, pattern=NO_NUL)]


class ArchiveIn(BaseModel):
    """explanations: code of a missing item of the checklist → why it is missing."""

    model_config = ConfigDict(extra="forbid")

    explanations: Annotated[dict[str, Why], Field(max_length=200)] = {}


@dataclass(frozen=True, slots=True)
class ChecklistOut:
    """complete: nothing is missing."""

    complete: bool
    items: list[Item]


@dataclass(frozen=True, slots=True)
class ArchivedOut:
    state: str
    sha256: str
    bytes: int


@routes.get("", response_class=StreamingResponse)
async def get_archive(purchase_id: UUID, actor: Reader, database: TheDatabase, files: TheFiles) -> StreamingResponse:
    """Everything in one zip, with manifest. Each export is noted."""
    now = clock.now()
    packed = await archive_of(database, files, actor=actor, purchase_id=purchase_id, now=now)
    async with database.transaction() as session:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="bulk_purchase.archive_exported",
            subject=f"bulk_purchase:{purchase_id}",
            after={"sha256": packed.sha256, "bytes": packed.size},
            now=now,
        )
    return StreamingResponse(
        packed.chunks(),
        media_type="application/zip",
        headers={
            "content-disposition": f'attachment; filename="{packed.number}.zip"',
            "content-length": str(packed.size),
            "etag": f'"{packed.sha256}"',
            "cache-control": "private, no-store",
        },
    )


@routes.get("/checklist")
async def get_checklist(purchase_id: UUID, actor: Reader, database: TheDatabase) -> ChecklistOut:
    """What is there and what is missing, with why."""
    async with database.snapshot() as session:
        await purchase_for(session, actor, Permission.BULK_READ, purchase_id, clock.now())
        items = await checklist_of(session, purchase_id)
    return ChecklistOut(not missing(items), items)


@routes.post("")
async def post_archive(
    purchase_id: UUID,
    body: ArchiveIn,
    actor: Annotated[Actor, Depends(requires(Permission.BULK_WRITE))],
    database: TheDatabase,
    files: TheFiles,
) -> ArchivedOut:
    """The purchase is archived: complete, or with every missing item explained. 409 `archive_incomplete` otherwise."""
    now = clock.now()
    packed = await archive_of(database, files, actor=actor, purchase_id=purchase_id, now=now)
    packed.file.close()
    async with database.transaction() as session:
        await close_archive(
            session, actor=actor, purchase_id=purchase_id, packed=packed, explained=body.explanations, now=now
        )
    return ArchivedOut("archived", packed.sha256, packed.size)
