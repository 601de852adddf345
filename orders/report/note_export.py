"""A report that leaves the shop as a file is noted: who took it, how many rows, under which digest."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from orders.report.sales import SalesReport
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import Database


async def note_export(
    database: Database, report: SalesReport, document: Mapping[str, Any], *, actor: Actor, now: datetime
) -> None:
    """Before the first byte goes out. document: as it was published."""
    unit = report.visibility.unit_id
    async with database.transaction() as session:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="report.exported",
            subject=f"unit:{unit}" if unit else "report:all",
            after={
                "format": report.question.format,
                "rows": len(document["rows"]),
                "sha256": document["digest"],
                "period": document["period"],
                "known_at": document["known_at"],
                **report.known_at_asked,
            },
            now=now,
        )
