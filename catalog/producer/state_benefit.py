"""What a producer states about households helped: kept with source and day, never computed from money."""

from datetime import date
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.ids import derived_id

_STATE = text("""
INSERT INTO benefit_statement (id, producer_id, period, households, persons, mode, source, stated_on)
VALUES (:id, :producer_id, :period, :households, :persons, :mode, :source, :stated_on)
ON CONFLICT (id) DO NOTHING
""")


async def state_benefit(
    session: WriteSession,
    *,
    producer_id: UUID,
    period: str,
    households: int,
    persons: int,
    mode: str,
    source: str,
    stated_on: date,
) -> UUID:
    """Keep one statement; its id. period: e.g. `2025` or `2026H1`. Said again with the same day and source: one row."""
    key = derived_id("benefit", producer_id, period, stated_on, source)
    await session.execute(
        _STATE,
        {
            "id": key,
            "producer_id": producer_id,
            "period": period,
            "households": households,
            "persons": persons,
            "mode": mode,
            "source": source,
            "stated_on": stated_on,
        },
    )
    return key
