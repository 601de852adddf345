"""Who may see which paper."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256 as digest
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.evidence.keep import NO_UNIT, name_of
from shop.access.permissions import Actor, Permission
from shop.adapters.files.store import FileStore
from shop.core.database import Database, ReadSession
from shop.core.errors import NotFound, Problem
from shop.organisation.queries import visible_unit_ids


class EvidenceDamaged(Problem):
    """The bytes in the store are no longer those that were kept."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "evidence_damaged"
    title: ClassVar[str] = "文件与登记的摘要不符"


@dataclass(frozen=True, slots=True)
class Paper:
    sha256: str
    media_type: str
    bytes: int
    file_name: str


_PAPER = text("""
SELECT e.sha256, e.media_type, e.bytes, coalesce(own.file_name, e.file_name) AS file_name
FROM evidence e LEFT JOIN LATERAL (SELECT file_name FROM evidence_upload u
    WHERE u.sha256 = e.sha256 AND u.uploaded_by = :actor AND (:brings_all OR u.scope_id = :nobody
        OR u.scope_id = ANY(:brings_for)) ORDER BY u.at LIMIT 1) own ON true
WHERE e.sha256 = :sha AND (:all OR own.file_name IS NOT NULL OR EXISTS (
    SELECT FROM evidence_upload u WHERE u.sha256 = e.sha256 AND u.scope_id = ANY(:units)))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)), bindparam("brings_for", type_=ARRAY(Uuid)))


_ANY = text("SELECT sha256, media_type, bytes, file_name FROM evidence WHERE sha256 = :sha")


async def paper_seen_by(session: ReadSession, actor: Actor, sha256: str, *, day: date) -> Paper:
    """A paper that was brought for a unit of the caller's, or that he brought himself: for nobody in particular, or for
    a unit for which he still may. Raises NotFound for everybody else.
    """
    units = await visible_unit_ids(session, actor, Permission.EVIDENCE_READ, day)
    brings_for = await visible_unit_ids(session, actor, Permission.EVIDENCE_WRITE, day)
    visible = {"all": units is None, "units": sorted(units or ())}
    own = {"brings_all": brings_for is None, "brings_for": sorted(brings_for or ()), "nobody": NO_UNIT}
    row = (await session.execute(_PAPER, {"sha": sha256, "actor": actor.user_id} | visible | own)).one_or_none()
    if row is None:
        raise NotFound("没有这份佐证材料。")
    return Paper(row.sha256, row.media_type, row.bytes, row.file_name)


async def paper_of(session: ReadSession, sha256: str) -> Paper:
    """Of a caller who may see what the paper belongs to."""
    row = (await session.execute(_ANY, {"sha": sha256})).one()
    return Paper(row.sha256, row.media_type, row.bytes, row.file_name)


async def bytes_of(files: FileStore, sha256: str) -> bytes:
    """The kept bytes, proved by their digest. Raises FileMissing, EvidenceDamaged, FilesUnavailable."""
    data = await files.get(name_of(sha256))
    if digest(data).hexdigest() != sha256:
        raise EvidenceDamaged("请联系管理员从备份中恢复这份文件。")
    return data


async def file_again(
    files: FileStore, database: Database, actor: Actor, sha256: str, *, day: date
) -> tuple[str, bytes]:
    """A file that its caller brought a moment ago, by its digest: (name, bytes), so that nobody must choose it twice.

    Raises what `paper_seen_by` and `bytes_of` raise.
    """
    async with database.reading() as session:
        paper = await paper_seen_by(session, actor, sha256, day=day)
    return paper.file_name, await bytes_of(files, sha256)


async def may_bring_for(session: ReadSession, actor: Actor, unit_id: UUID, *, day: date) -> None:
    """Raises NotFound for a unit outside of the caller's reach."""
    units = await visible_unit_ids(session, actor, Permission.EVIDENCE_WRITE, day)
    if units is not None and unit_id not in units:
        raise NotFound("没有找到这个单位，或者它不在您的范围内。")
