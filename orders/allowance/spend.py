"""Spend an allowance on an order: held when it is placed, spent when it is paid, given back when it ends or returns."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.allowance.allocate import Allocated
from orders.budget.version import owner
from orders.funds.hold import hold, post_held, void_held
from orders.funds.post import Moved, post
from shop.core import clock
from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Returned:
    """So much of a refund goes back to an allowance."""

    allowance_id: UUID
    fen: int


# What allowances promised these orders when they were placed, whatever became of it.
_HELD = text("""
SELECT h.reference AS order_id, a.owner AS allowance_id
FROM held_transfer h JOIN account a ON a.id = h.credit_account_id AND a.kind = 'allowance'
WHERE h.reference = ANY(:orders) ORDER BY h.reference, a.owner
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))
_FREE = text("""
SELECT owner, balance_fen - held_fen AS fen FROM account WHERE kind = 'allowance' AND owner = ANY(:owners)
ORDER BY id FOR NO KEY UPDATE
""")
_GRANTS = text("""
SELECT w.id, g.union_id, g.fiscal_year FROM allowance w JOIN allowance_grant g ON g.id = w.grant_id
WHERE w.id = ANY(:allowances)
""").bindparams(bindparam("allowances", type_=ARRAY(Uuid)))


async def hold_for(session: WriteSession, *, order_id: UUID, allocated: Sequence[Allocated], now: datetime) -> None:
    """Promise an order what its shares say. Raises FundsShort when another order was quicker."""
    sums: dict[UUID, int] = {}
    for one in allocated:
        sums[one.purse.allowance_id] = sums.get(one.purse.allowance_id, 0) + one.fen
    purses = {one.purse.allowance_id: one.purse for one in allocated}
    moves = [
        Moved(
            key=_key(order_id, allowance_id),
            kind="allowance_spent",
            debit=("union_spent", owner(purses[allowance_id].union_id, purses[allowance_id].fiscal_year)),
            credit=("allowance", str(allowance_id)),
            amount_fen=fen,
            reference=order_id,
            occurred_on=clock.business_day(now),
        )
        for allowance_id, fen in sums.items()
    ]
    await hold(session, moves, now=now)


async def spend_for(session: WriteSession, *, order_days: Mapping[UUID, date], now: datetime) -> None:
    """These orders were paid on these days: what they held is spent. Done before is success."""
    keys = await _keys(session, order_days.keys())
    for day in sorted(set(order_days.values())):
        of_day = [key for order_id, key in keys if order_days[order_id] == day]
        await post_held(session, of_day, day=day, now=now)


async def release_for(session: WriteSession, *, order_ids: Collection[UUID], now: datetime) -> None:
    """These orders ended unpaid: what they held can be spent again. Done before is success."""
    await void_held(session, [key for _, key in await _keys(session, order_ids)], now=now)


async def refund_to(
    session: WriteSession, *, refund_id: UUID, returned: Sequence[Returned], day: date, now: datetime
) -> None:
    """Give back what a refund returns: never as cash. What expired meanwhile goes on to the budget with the sweep."""
    if not returned:
        return
    ids = sorted({one.allowance_id for one in returned})
    grants = {row.id: row for row in await session.execute(_GRANTS, {"allowances": ids})}
    moves = [
        Moved(
            key=f"allowance_refunded:{refund_id}:{one.allowance_id}",
            kind="allowance_refunded",
            debit=("allowance", str(one.allowance_id)),
            credit=("union_spent", owner(grants[one.allowance_id].union_id, grants[one.allowance_id].fiscal_year)),
            amount_fen=one.fen,
            reference=refund_id,
            occurred_on=day,
        )
        for one in returned
    ]
    await post(session, moves, now=now)


async def take_again(
    session: WriteSession, *, refund_id: UUID, returned: Sequence[Returned], day: date, now: datetime
) -> None:
    """A refund did not arrive after all: what it had given back to allowances is taken again, as far as it is there.

    What the member has spent meanwhile, or the sweep returned to the budget, stays where it is.
    """
    if not returned:
        return
    ids = sorted({one.allowance_id for one in returned})
    grants = {row.id: row for row in await session.execute(_GRANTS, {"allowances": ids})}
    owners = [str(allowance_id) for allowance_id in ids]
    free = {row.owner: row.fen for row in await session.execute(_FREE, {"owners": owners})}
    moves = [
        Moved(
            key=f"allowance_taken_again:{refund_id}:{one.allowance_id}",
            kind="allowance_taken_again",
            debit=("union_spent", owner(grants[one.allowance_id].union_id, grants[one.allowance_id].fiscal_year)),
            credit=("allowance", str(one.allowance_id)),
            amount_fen=fen,
            reference=refund_id,
            occurred_on=day,
        )
        for one in returned
        if (fen := min(one.fen, free.get(str(one.allowance_id), 0))) > 0
    ]
    await post(session, moves, now=now)


def _key(order_id: UUID, allowance_id: UUID | str) -> str:
    return f"allowance_spent:{order_id}:{allowance_id}"


async def _keys(session: WriteSession, order_ids: Collection[UUID]) -> list[tuple[UUID, str]]:
    if not order_ids:
        return []
    rows = (await session.execute(_HELD, {"orders": list(order_ids)})).all()
    return [(row.order_id, _key(row.order_id, row.allowance_id)) for row in rows]
