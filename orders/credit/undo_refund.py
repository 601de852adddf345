"""The money of a refund came back to us: what it had taken stands again, on the day on which it came back."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.credit.record import Grade, Recognised, record
from orders.credit.remaining import Remaining, locked, remaining_of
from shop.core.database import WriteSession

# Found by their lines, as what stands is.
_TAKEN = text("""
SELECT id, component_id, amount_fen, grams, quantity_milli, occurred_on, sale_on, grade FROM credit_entry
WHERE order_line_id = ANY(ARRAY(SELECT order_line_id FROM attribution WHERE id = ANY(:components)))
    AND component_id = ANY(:components) AND kind = 'refund' AND cause_id = :refund
ORDER BY component_id, sale_on, id
""").bindparams(bindparam("components", type_=ARRAY(Uuid)))


async def undo_refund(
    session: WriteSession,
    *,
    refund_id: UUID,
    component_ids: Collection[UUID],
    occurred_on: date,
    now: datetime,
    cause_id: UUID | None = None,
) -> int:
    """Enter one positive entry for each that the refund wrote, linked to it; returns how many components stand again.

    refund_id: the cause of the entries to undo, component_ids: all that it touched; cause_id: what undid them, by
    default the refund itself. Never before the day on which those landed. Done before is success. Amounts are the
    refund's own; the facts are those that hold now, and so is the grade, where what remains of that day's sale was
    proven better meanwhile.
    """
    await locked(session, component_ids)
    taken = (await session.execute(_TAKEN, {"components": list(component_ids), "refund": refund_id})).all()
    remaining = await remaining_of(session, {row.component_id for row in taken})
    rows = [
        Recognised(
            kind="refund_undone",
            cause_id=cause_id or refund_id,
            component_id=row.component_id,
            amount_fen=-row.amount_fen,
            grams=-row.grams,
            quantity_milli=-row.quantity_milli,
            occurred_on=max(occurred_on, row.occurred_on),
            sale_on=row.sale_on,
            grade=_grade_now(row, remaining),
            reverses_id=row.id,
        )
        for row in taken
    ]
    return await record(session, rows, now=now)


def _grade_now(taken: Row[Any], remaining: Sequence[Remaining]) -> Grade:
    """Its own; if nothing of that day's sale stands in it any more, the next better one in which something does."""
    own: Grade = taken.grade
    grades = {one.grade for one in remaining if (one.component_id, one.sale_on) == (taken.component_id, taken.sale_on)}
    return own if own in grades else max((grade for grade in grades if grade < own), default=own)
