"""Partitions of entries, one a month, made ahead without end by a function of the owner's."""

from datetime import datetime

from sqlalchemy import text

from orders.month.models import FIRST_MONTH, LAST_MONTH
from shop.core import clock
from shop.core.database import Database, ReadSession

AHEAD = 24
FEWEST = 3
"""With fewer months ahead the shop says so: `/readyz`, `shop doctor`, `/metrics`."""
LAST_PARTITION = r"""(SELECT max(substring(c.relname FROM '\d{6}$')::int)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('credit_entry'))"""
"""SQL: the last month that has a partition."""
_LAST = text(f"SELECT {LAST_PARTITION}")  # our own constant
_MAKE = text("SELECT make_credit_months(:until)")


async def keep_ahead(database: Database, *, now: datetime) -> int:
    """Job: partitions for two years past both clocks, the shop's and the machine's; returns how many were made.

    It asks every two seconds and acts when a month is missing, so a clock that jumped is followed at once.
    """
    until = clock.add_months(max(clock.month_of(clock.business_day(of)) for of in (now, clock.wall())), AHEAD)
    until = min(until, LAST_MONTH)
    async with database.reading() as session:
        last = await last_partition(session)
    if last is not None and last >= until:
        return 0
    async with database.transaction() as session:
        made: int = (await session.execute(_MAKE, {"until": until})).scalar_one()
    return made


async def kept_months(session: ReadSession) -> tuple[int, int]:
    """The first and the last month that entries can be of."""
    return FIRST_MONTH, await last_partition(session) or 0


async def last_partition(session: ReadSession) -> int | None:
    """The last month that has a partition."""
    found: int | None = await session.scalar(_LAST)
    return found


def months_ahead(last: int | None, now: datetime) -> int:
    """How many months after this one have a partition, the last of which is `last`; negative when this one has none."""
    this = clock.month_of(clock.business_day(now))
    return _index(last or FIRST_MONTH - 1) - _index(this)


def _index(month: int) -> int:
    return month // 100 * 12 + month % 100
