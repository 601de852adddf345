"""A refund of an order that was paid by bank transfer: no provider sends it, somebody at the bank desk does."""

from datetime import date, datetime, time
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.sent_transfer import must_be_possible, note_sent
from orders.aftersales.succeed import Success, succeed
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.clock import SHANGHAI
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.organisation.queries import visible_unit_ids


class RefundOver(Problem):
    """It failed meanwhile, or another transfer gave it back."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refund_over"
    title: ClassVar[str] = "这笔退款不能再登记"


_LOCK = text("""
SELECT o.id, o.unit_id FROM shop_order o JOIN refund r ON r.order_id = o.id JOIN payment p ON p.id = r.payment_id
WHERE r.id = :refund AND p.method = 'bank_transfer' FOR UPDATE OF o
""")
# Read again under the lock: somebody may have recorded it, or undone what had paid the order, while this one waited.
_REFUND = text("""
SELECT r.state, r.amount_fen - r.allowance_fen AS own_fen, r.provider_refund_id, (
    SELECT min(t.day) FROM payer_share s JOIN transfer_match m ON m.payer_share_id = s.id
    JOIN bank_transfer t ON t.id = m.transfer_id WHERE s.order_id = r.order_id) AS came
FROM refund r WHERE r.id = :refund
""")


async def return_refund(
    session: WriteSession, *, actor: Actor, refund_id: UUID, bank_reference: str, returned_on: date, now: datetime
) -> None:
    """Record the bank transfer that returned a refund: it has succeeded, on that day. The same transfer recorded before
    is success.

    Raises NotFound out of the actor's reach, RefundOver, ReferenceUsed, Invalid for a day before the money came or
    after today.
    """
    order = (await session.execute(_LOCK, {"refund": refund_id})).one_or_none()
    units = await visible_unit_ids(session, actor, Permission.BANK_CONFIRM, clock.business_day(now))
    if order is None or (units is not None and order.unit_id not in units):
        raise NotFound("没有这笔退款。")
    refund = (await session.execute(_REFUND, {"refund": refund_id})).one()
    provider_refund_id = f"bank:{bank_reference}"
    if refund.state == "succeeded":
        if refund.provider_refund_id != provider_refund_id:
            said = (refund.provider_refund_id or "").removeprefix("bank:")
            raise RefundOver(f"它已经用流水号 {said} 登记退回；如果又转了一笔，请先向收款人追回。")
        return
    if refund.state != "requested":
        raise RefundOver("这笔退款已经作废，请不要转账；已经转出的，请在付款处理台登记。")
    today = clock.business_day(now)
    must_be_possible(returned_on, came=refund.came or today, today=today)
    await note_sent(
        session,
        unit_id=order.unit_id,
        day=returned_on,
        reference=bank_reference,
        subject=f"refund:{refund_id}",
        actor=actor,
        now=now,
    )
    at = min(now, datetime.combine(returned_on, time(12), SHANGHAI))
    await succeed(session, refund_id, Success(provider_refund_id, refund.own_fen, at), now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bank.return_refund",
        subject=f"refund:{refund_id}",
        before={"state": "requested"},
        after={"state": "succeeded", "amount_fen": refund.own_fen, "bank_reference": bank_reference},
        now=now,
    )
