"""The sealed ledger leaves the shop: who took it, how many bytes, under which digest, is kept before it goes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from hashlib import sha256
from tempfile import TemporaryFile
from typing import IO, Final

from sqlalchemy import text

from orders.audit.visibility import units_of
from orders.seal.export import export
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, ReadSession
from shop.core.errors import NotAllowed
from shop.core.window import in_force

CHUNK: Final = 256 * 1024
_OUTSIDE = text(f"""
SELECT count(*) FROM unit u WHERE NOT u.id = ANY(CAST(:units AS uuid[]))
    AND {in_force("u", ":day")}
""")  # noqa: S608  # our own words


@dataclass(frozen=True, slots=True)
class Exported:
    """file: at its beginning; rows: lines of it, seals included."""

    file: IO[bytes]
    sha256: str
    size: int
    rows: int

    def chunks(self) -> Iterator[bytes]:
        """Piece by piece; the file is closed at its end."""
        with self.file as file:
            yield from iter(partial(file.read, CHUNK), b"")


async def may_export(session: ReadSession, actor: Actor, *, now: datetime) -> bool:
    """Auditors whose mandates cover all units of the day."""
    if not actor.has(Role.AUDITOR):
        return False
    units = await units_of(session, actor, now=now)
    named = {"units": list(units or ()), "day": clock.business_day(now)}
    return units is None or not await session.scalar(_OUTSIDE, named)


async def export_ledger(database: Database, *, actor: Actor, now: datetime) -> Exported:
    """The seals chain all units' entries, so the file is for auditors whose mandate covers all units.

    It lies on disk, not in memory. Raises NotAllowed.
    """
    async with database.reading() as session:
        allowed = await may_export(session, actor, now=now)
    if not allowed:
        raise NotAllowed("整本台账只提供给审计范围覆盖全部单位的审计人员。")
    file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # whoever reads it to the end closes it
    digest, rows = sha256(), 0
    async for chunk in export(database):
        file.write(chunk)
        digest.update(chunk)
        rows += chunk.count(b"\n")
    made = Exported(file, digest.hexdigest(), file.tell(), rows)
    file.seek(0)
    async with database.transaction() as session:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="ledger.exported",
            subject="ledger:sealed",
            after={"sha256": made.sha256, "bytes": made.size, "rows": rows},
            now=now,
        )
    return made
