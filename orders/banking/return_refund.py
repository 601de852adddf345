"""A refund of an order that was paid by bank transfer: no provider sends it, somebody at the bank desk does."""

from datetime import date, datetime, time
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.aftersales.give_back import follow
from orders.banking.pay_back import ReferenceUsed
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import RefundSeen
from shop.core import clock
from shop.core.audit import record_change
from shop.core.clock import SHANGHAI
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_REFUND = text("""
SELECT r.id, r.state, r.amount_fen - r.allowance_fen AS own_fen, r.requested_at, o.unit_id FROM refund r
JOIN payment p ON p.id = r.payment_id JOIN shop_order o ON o.id = r.order_id
WHERE r.id = :refund AND p.method = 'bank_transfer' AND r.state IN ('requested', 'succeeded') FOR UPDATE OF o
""")


async def return_refund(
    session: WriteSession, *, actor: Actor, refund_id: UUID, bank_reference: str, returned_on: date, now: datetime
) -> None:
    """Record the bank transfer that returned a refund: now it has succeeded. Recorded before is success.

    Raises NotFound out of the actor's reach, ReferenceUsed.
    """
    refund = (await session.execute(_REFUND, {"refund": refund_id})).one_or_none()
    units = await visible_unit_ids(session, actor, Permission.BANK_CONFIRM, clock.business_day(now))
    if refund is None or (units is not None and refund.unit_id not in units):
        raise NotFound("没有这笔退款。")
    if refund.state == "succeeded":
        return
    at = max(refund.requested_at, min(now, datetime.combine(returned_on, time(12), SHANGHAI)))
    seen = RefundSeen(
        refund_id=refund_id,
        provider_refund_id=f"bank:{bank_reference}",
        state="succeeded",
        amount_fen=refund.own_fen,
        succeeded_at=at,
        failure_reason=None,
    )
    try:
        async with session.begin_nested():
            await follow(session, [seen], now=now)
    except IntegrityError as error:
        raise ReferenceUsed("同一笔退款只登记一次；如果是另一笔，请填写它自己的流水号。") from error
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bank.return_refund",
        subject=f"refund:{refund_id}",
        before={"state": "requested"},
        after={"state": "succeeded", "amount_fen": refund.own_fen, "bank_reference": bank_reference},
        reason=None,
        now=now,
    )
