"""Keep a file: its bytes first, under their digest, then the row. Killed in between, no row points at nothing."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

import anyio.to_thread
from sqlalchemy import text

from orders.evidence.sniff import sniff
from shop.access.permissions import Actor
from shop.adapters.files.store import FileStore
from shop.core.database import Database
from shop.core.errors import Problem

FILE_BYTES_MAX: Final = 20 * 1024 * 1024
NO_UNIT: Final = UUID(int=0)


class EvidenceTooLarge(Problem):
    status: ClassVar[int] = 413
    code: ClassVar[str] = "evidence_too_large"
    title: ClassVar[str] = "文件太大"


class EvidenceEmpty(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "evidence_empty"
    title: ClassVar[str] = "文件是空的"


@dataclass(frozen=True, slots=True)
class Kept:
    sha256: str
    media_type: str
    bytes: int


_KEEP = text("""
WITH first AS (
    INSERT INTO evidence (sha256, media_type, bytes, file_name, uploaded_by, unit_id, at)
    VALUES (:sha, :media_type, :bytes, :file_name, :actor, :unit_id, :now) ON CONFLICT DO NOTHING
)
INSERT INTO evidence_upload (sha256, uploaded_by, scope_id, file_name, at)
VALUES (:sha, :actor, coalesce(:unit_id, :nobody), :file_name, :now) ON CONFLICT DO NOTHING
""")


async def keep(
    files: FileStore,
    database: Database,
    *,
    data: bytes,
    file_name: str,
    actor: Actor,
    unit_id: UUID | None,
    now: datetime,
) -> Kept:
    """Keep a file for its uploader and for the people of `unit_id`. The same bytes again are the same evidence.

    To be called outside of any transaction: the store may be far away. Pictures are kept as they came, since another
    byte would be another digest; what is served is served as a download only.
    Raises EvidenceEmpty, EvidenceTooLarge, KindRefused, FilesUnavailable.
    """
    if not data:
        raise EvidenceEmpty("请选择一个有内容的文件。")
    if len(data) > FILE_BYTES_MAX:
        raise EvidenceTooLarge("文件超过 20 MB，请压缩或分成几个文件。")
    media_type, sha = await anyio.to_thread.run_sync(_look_at, data)
    await files.put(name_of(sha), data)
    async with database.transaction() as session:
        await session.execute(
            _KEEP,
            {
                "sha": sha,
                "media_type": media_type,
                "bytes": len(data),
                "file_name": plain_name(file_name),
                "actor": actor.user_id,
                "unit_id": unit_id,
                "nobody": NO_UNIT,
                "now": now,
            },
        )
    return Kept(sha, media_type, len(data))


def name_of(sha256: str) -> str:
    """Where a digest lies in the file store."""
    return f"evidence/{sha256[:2]}/{sha256}"


def plain_name(file_name: str) -> str:
    """The last part of a path of any system, printable, at most 120 characters."""
    last = file_name.replace("\\", "/").rpartition("/")[2]
    return "".join(mark for mark in last if mark.isprintable())[-120:] or "file"


def _look_at(data: bytes) -> tuple[str, str]:
    return sniff(data), hashlib.sha256(data).hexdigest()
