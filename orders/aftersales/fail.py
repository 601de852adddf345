"""A refund failed: before it had succeeded, its amounts are left again; afterwards, everything it did is undone."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.reserve import return_reservation
from orders.aftersales.restock import own_again
from orders.aftersales.succeed import PARTS
from orders.allowance.spend import Returned, take_again
from orders.credit.undo_refund import undo_refund
from orders.funds.reverse import reverse
from orders.payment.move_refund import refund_failed
from shop.core import clock
from shop.core.database import WriteSession

_GIVEN = text("""
SELECT CAST(a.owner AS uuid) AS allowance_id, t.amount_fen FROM transfer t JOIN account a ON a.id = t.debit_account_id
WHERE t.reference = :refund AND t.kind = 'allowance_refunded' ORDER BY a.owner
""")


async def fail(
    session: WriteSession,
    refund_id: UUID,
    failure: str,
    *,
    provider_refund_id: str | None,
    now: datetime,
    day: date | None = None,
) -> bool:
    """Returns whether anything changed: failed before is success. The caller holds the order's lock.

    A refund that had succeeded is undone on the business day of `now`, or on the `day` that a bank states: a positive
    entry for each negative one, linked; transfers that go back; allowances taken again as far as they are there; pieces
    of an order that is still to be sent are its own again as far as they are free. What it returned can be refunded
    again.
    """
    was = await refund_failed(session, refund_id, failure, provider_refund_id=provider_refund_id, now=now)
    if was is None:
        return False
    await return_reservation(session, refund_id)
    if was != "succeeded":
        return True
    day = day or clock.business_day(now)
    parts = (await session.execute(PARTS, {"refund": refund_id})).all()
    components = [part.component_id for part in parts]
    await undo_refund(session, refund_id=refund_id, component_ids=components, occurred_on=day, now=now)
    await reverse(session, reference=refund_id, day=day, now=now)
    given = [Returned(*row) for row in await session.execute(_GIVEN, {"refund": refund_id})]
    await take_again(session, refund_id=refund_id, returned=given, day=day, now=now)
    await own_again(session, refund_id, now=now)
    return True
