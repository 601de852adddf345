"""A purchase takes a part of the budget when it is approved: no two can take the same fen."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.budget.version import owner
from orders.funds.post import Moved, available_fen, post
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem


class NotEncumbered(Problem):
    """The purchase has taken nothing of this budget, or of another one."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_encumbered"
    title: ClassVar[str] = "这笔采购没有占用这个预算"


@dataclass(frozen=True, slots=True)
class _Taken:
    purchase_id: UUID
    union_id: UUID
    fiscal_year: int
    encumbered_fen: int
    steps: int


_OPEN = text("""
INSERT INTO encumbrance (purchase_id, union_id, fiscal_year, encumbered_fen, steps, changed_at)
VALUES (:purchase_id, :union_id, :fiscal_year, 0, 0, :now) ON CONFLICT DO NOTHING
""")
_LOCK = text("""
SELECT purchase_id, union_id, fiscal_year, encumbered_fen, steps FROM encumbrance WHERE purchase_id = :purchase_id
FOR NO KEY UPDATE
""")
_CHANGE = text("""
UPDATE encumbrance SET encumbered_fen = encumbered_fen + :change, steps = steps + 1, changed_at = :now
WHERE purchase_id = :purchase_id
""")


async def encumber(
    session: WriteSession, *, union_id: UUID, fiscal_year: int, purchase_id: UUID, amount_fen: int, now: datetime
) -> None:
    """From now on the purchase has `amount_fen` (≥ 0, spent parts included) of the budget; the difference moves.

    The same amount again is success and moves nothing. Raises FundsShort (for a union without a budget too), and
    NotEncumbered when the purchase took from another budget before.
    """
    facts = {"purchase_id": purchase_id, "union_id": union_id, "fiscal_year": fiscal_year, "now": now}
    await session.execute(_OPEN, facts)
    taken = await _locked(session, purchase_id)
    if taken is None or (taken.union_id, taken.fiscal_year) != (union_id, fiscal_year):
        raise NotEncumbered("它占用的是另一个工会或年度的预算，请核对采购计划。")
    await _change(session, taken, amount_fen - taken.encumbered_fen, now)


async def release(session: WriteSession, *, purchase_id: UUID, now: datetime) -> int:
    """What the purchase did not spend returns to its budget; returns how much. Nothing left is success: 0."""
    taken = await _locked(session, purchase_id)
    if taken is None:
        return 0
    left_fen = await available_fen(session, "encumbrance", str(purchase_id))
    await _change(session, taken, -left_fen, now)
    return left_fen


async def spend(session: WriteSession, *, purchase_id: UUID, amount_fen: int, reference: UUID, now: datetime) -> None:
    """So much (> 0) of the encumbrance is spent, once per reference. Raises NotEncumbered, FundsShort."""
    taken = await _locked(session, purchase_id)
    if taken is None:
        raise NotEncumbered("请先审批采购计划。")
    move = Moved(
        key=f"spend:{purchase_id}:{reference}",
        kind="encumbrance_spent",
        debit=("union_spent", owner(taken.union_id, taken.fiscal_year)),
        credit=("encumbrance", str(purchase_id)),
        amount_fen=amount_fen,
        reference=reference,
        occurred_on=clock.business_day(now),
    )
    await post(session, [move], now=now)


async def _locked(session: WriteSession, purchase_id: UUID) -> _Taken | None:
    row = (await session.execute(_LOCK, {"purchase_id": purchase_id})).one_or_none()
    return _Taken(*row) if row else None


async def _change(session: WriteSession, taken: _Taken, change_fen: int, now: datetime) -> None:
    """Positive: budget → encumbrance; negative: back."""
    if change_fen == 0:
        return
    budget, kept = ("budget", owner(taken.union_id, taken.fiscal_year)), ("encumbrance", str(taken.purchase_id))
    move = Moved(
        key=f"encumber:{taken.purchase_id}:{taken.steps}",
        kind="encumbered" if change_fen > 0 else "encumbrance_released",
        debit=kept if change_fen > 0 else budget,
        credit=budget if change_fen > 0 else kept,
        amount_fen=abs(change_fen),
        reference=taken.purchase_id,
        occurred_on=clock.business_day(now),
    )
    await post(session, [move], now=now)
    await session.execute(_CHANGE, {"purchase_id": taken.purchase_id, "change": change_fen, "now": now})
