"""Flags, raised by rows or by what was done."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.integrity.scan import scan
from shop.core.database import Database
from shop.core.ids import new_id


async def raised(database: Database, unit_id: UUID | None, *, lines: tuple[UUID, ...] = ()) -> UUID:
    """A flag on these order lines."""
    flag = new_id()
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO flag (id, kind, subject, unit_id, facts, raised_at)"
                " VALUES (:id, 'round_numbers', 'import:' || CAST(:id AS uuid), :unit, '{}', now())"
            ),
            {"id": flag, "unit": unit_id},
        )
        for line in lines:
            await session.execute(
                text("INSERT INTO flag_line (flag_id, order_line_id) VALUES (:flag, :line)"),
                {"flag": flag, "line": line},
            )
    return flag


async def scanned(database: Database, *, now: datetime | None = None) -> dict[str, int]:
    """A scan; only the kinds that raised something."""
    async with database.transaction() as session:
        found = await scan(session, now=now or datetime.now(UTC))
    return {kind: count for kind, count in found.items() if count}


async def flags(database: Database) -> list[tuple[str, str, UUID | None, dict[str, Any], int]]:
    """kind, subject, unit, facts, lines."""
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT kind, subject, unit_id, facts::text, (SELECT count(*) FROM flag_line l WHERE l.flag_id = f.id)"
                " FROM flag f ORDER BY kind, subject"
            )
        )
        return [(kind, subject, unit, msgspec.json.decode(facts), lines) for kind, subject, unit, facts, lines in rows]
