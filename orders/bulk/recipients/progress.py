"""How far a list of recipients is, and what became of it: its row of `recipient_import`, which the page reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row, text

from shop.core import clock
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail

NO_NOTES: Final[Mapping[str, Sequence[str]]] = {}


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A list that is being worked on, for the purchase as it stood when it was handed in.

    acknowledged: titles that need no reading, as whoever handed it in said.
    """

    id: UUID
    purchase: Row[Any]
    sha: str
    dry_run: bool
    acknowledged: tuple[str, ...] = ()


_BEGIN = text("""
INSERT INTO recipient_import (id, purchase_id, file_name, file_sha256, dry_run, state, done, total, error_count,
    errors, created_by, created_at, changed_at, acknowledged_columns)
VALUES (:id, :purchase, :file_name, :sha, :dry_run, 'working', 0, 0, 0, '[]', :actor, :now, :now, :acknowledged)
""")
_GO_ON = text("""
UPDATE recipient_import SET done = :done, total = :total, acknowledged_columns = :acknowledged, changed_at = :now
WHERE id = :id
""")
_END = text("""
UPDATE recipient_import SET state = :state, done = total, said = :said, errors = CAST(:errors AS jsonb),
    error_count = :error_count, revision = :revision, notes = CAST(:notes AS jsonb), changed_at = :now
WHERE id = :id
""")
_PROGRESS = text("""
SELECT id, state, dry_run, done, total, error_count, errors, said, notes, file_name, changed_at, acknowledged_columns
FROM recipient_import
WHERE purchase_id = :purchase AND (CAST(:id AS uuid) IS NULL OR id = :id) ORDER BY created_at DESC, id DESC LIMIT 1
""")


async def open_job(session: WriteSession, job: ImportJob, *, file_name: str, actor_id: UUID, now: datetime) -> None:
    """The row in which the progress stands."""
    named = {
        "id": job.id,
        "purchase": job.purchase.id,
        "file_name": file_name[:200].replace("\0", ""),
        "sha": job.sha,
        "dry_run": job.dry_run,
        "actor": actor_id,
        "acknowledged": list(job.acknowledged),
        "now": now,
    }
    await session.execute(_BEGIN, named)


async def go_on(database: Database, job: ImportJob, done: int, total: int, acknowledged: Sequence[str]) -> None:
    """A sign of life. acknowledged: those of its columns that nobody reads, now that its header is known."""
    named = {"id": job.id, "done": done, "total": total, "acknowledged": list(acknowledged), "now": clock.now()}
    async with database.transaction() as session:
        await session.execute(_GO_ON, named)


async def end(
    database: Database,
    job: ImportJob,
    state: str,
    said: str | None,
    errors: Sequence[Detail],
    notes: Mapping[str, Sequence[str]] = NO_NOTES,
) -> None:
    """What became of it, in a transaction of its own."""
    async with database.transaction() as session:
        await close(session, job, state, said, errors, None, notes)


async def close(
    session: WriteSession,
    job: ImportJob,
    state: str,
    said: str | None,
    errors: Sequence[Detail],
    revision: int | None,
    notes: Mapping[str, Sequence[str]],
) -> None:
    """What became of it. revision: the purchase's, that a saved list made."""
    named = {
        "id": job.id,
        "state": state,
        "said": said,
        "errors": msgspec.json.encode([one.as_json() for one in errors]).decode(),
        "error_count": len(errors),
        "revision": revision,
        "notes": msgspec.json.encode(notes).decode(),
        "now": clock.now(),
    }
    await session.execute(_END, named)


async def progress_of(session: ReadSession, purchase_id: UUID, import_id: UUID | None = None) -> Row[Any] | None:
    """The newest list, or the one that is named, as its row; `errors` are dicts of pointer, code, detail."""
    found = await session.execute(_PROGRESS, {"purchase": purchase_id, "id": import_id})
    return found.one_or_none()
