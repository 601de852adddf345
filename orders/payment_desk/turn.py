"""What becomes of money that came and could not settle: it goes back, or stays as its payer's advance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.reserve import RefundRequest, reserve
from orders.checkout.settle import CURRENCY
from orders.funds.post import Moved, post
from orders.payment.kept_advance import keep_advance
from orders.payment_desk.decide import Step, ask_or_decide
from orders.payment_desk.problems import NotThatWay, OnItsWay
from orders.payment_desk.visibility import waiting_for
from orders.payment_desk.words import BY_BANK
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Done:
    """A step, and the refund to be sent afterwards, outside of the transaction."""

    step: Step
    refund_id: UUID | None = None


_FOREIGN = text("""
SELECT EXISTS (SELECT FROM provider_refund WHERE payment_id = :payment AND refund_id IS NULL AND state <> 'failed')
""")


async def return_payment(session: WriteSession, *, actor: Actor, payment_id: UUID, reason: str, now: datetime) -> Done:
    """All of a held payment goes back where it came from, in its own currency; of a kept one what is left of it.

    Raises NotFound, OwnMoney, NothingToDecide, OnItsWay, NotThatWay (by bank), SecondPersonNeeded, OtherThingAsked.
    """
    waiting, _ = await _money(session, actor, payment_id, now)
    step = await ask_or_decide(session, actor, waiting.subject, "return", reason=reason, now=now)
    if step.state == "asked":
        return Done(step)
    refund_id = await reserve(
        session,
        RefundRequest(
            order_id=waiting.order_id,
            payment_id=payment_id,
            kind="late_payment" if waiting.what == "held" else "kept_advance",
            amount_fen=waiting.amount_fen,
            reason=step.reason,
            requested_by=actor.user_id,
            currency=waiting.currency,
        ),
        now=now,
    )
    return Done(step, refund_id)


async def keep(session: WriteSession, *, actor: Actor, payment_id: UUID, reason: str, now: datetime) -> Done:
    """A held payment stays as an advance of its payer: uncredited until it is matched to an order of his.

    Raises as `return_payment`; NotThatWay besides for what is kept already and for another currency.
    """
    waiting, order = await _money(session, actor, payment_id, now)
    if waiting.what != "held":
        raise NotThatWay("这笔款已经保留为预收款，可以匹配到订单或退回。")
    if waiting.currency != CURRENCY:
        raise NotThatWay("不是人民币的款项只能原路退回。")
    step = await ask_or_decide(session, actor, waiting.subject, "keep", reason=reason, now=now)
    if step.state == "decided":
        await keep_advance(session, payment_id=payment_id, person_id=order.person_id, fen=waiting.amount_fen, now=now)
        kept = Moved(
            key=f"advance_kept:{payment_id}",
            kind="advance_kept",
            debit=("advance", "stripe"),
            credit=("advance", str(order.person_id)),
            amount_fen=waiting.amount_fen,
            reference=payment_id,
            occurred_on=clock.business_day(now),
        )
        await post(session, [kept], now=now)
    return Done(step)


async def _money(session: WriteSession, actor: Actor, payment_id: UUID, now: datetime) -> tuple[Row[Any], Row[Any]]:
    waiting, order = await waiting_for(session, actor, f"payment:{payment_id}", now=now)
    if waiting.by_bank:
        raise NotThatWay(BY_BANK + "。")
    if waiting.on_its_way:
        raise OnItsWay("请等支付平台的结果。")
    await nothing_returned_elsewhere(session, payment_id)
    return waiting, order


async def nothing_returned_elsewhere(session: WriteSession, payment_id: UUID) -> None:
    """Whoever made a refund in the provider's dashboard has returned what is decided about here. Raises NotThatWay."""
    if await session.scalar(_FOREIGN, {"payment": payment_id}):
        raise NotThatWay("支付平台上已有人直接退过这笔款：请先认领那笔退款，再决定剩下的。")
