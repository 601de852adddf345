"""The nightly proof."""

from datetime import datetime

import msgspec
import structlog
from sqlalchemy import text

from orders.funds.prove import prove
from shop.core import clock
from shop.core.database import Database

_KNOWN = text("SELECT 1 FROM funds_proof WHERE day = :day")
_KEEP = text("""
INSERT INTO funds_proof (day, proven_at, accounts, transfers, wrong)
VALUES (:day, :now, :accounts, :transfers, CAST(:wrong AS jsonb)) ON CONFLICT DO NOTHING
""")

_log = structlog.get_logger(__name__)


async def prove_nightly(database: Database, *, now: datetime) -> None:
    """Once a business day, as soon as it has begun: prove the accounts, keep the answer, and cry if it is no."""
    day = clock.business_day(now)
    async with database.reading() as session:
        if await session.scalar(_KNOWN, {"day": day}):
            return
        proof = await prove(session)
    async with database.transaction() as session:
        await session.execute(
            _KEEP,
            {
                "day": day,
                "now": now,
                "accounts": proof.accounts,
                "transfers": proof.transfers,
                "wrong": msgspec.json.encode(proof.wrong).decode(),
            },
        )
    if not proof.holds:
        _log.error("funds_do_not_add_up", day=str(day), wrong=proof.wrong)
