"""A refund that failed is asked for once more, was given back by bank, or nothing is owed any more."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.repeat import repeat
from orders.aftersales.sent_transfer import note_sent
from orders.aftersales.succeed import Success, succeed
from orders.aftersales.where_it_stands import where_it_stands
from orders.payment_desk.decide import Step, ask_or_decide
from orders.payment_desk.problems import NotThatWay
from orders.payment_desk.turn import Done
from orders.payment_desk.visibility import waiting_for
from orders.payment_desk.words import TO_DO
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession

_OWN = text("SELECT amount_fen - allowance_fen FROM refund WHERE id = :refund")
_FAILED = frozenset({"refund_failed", "refund_undone"})
_SUBJECTS = _FAILED | {"dispute_short", "provider_refund"}


async def retry(session: WriteSession, *, actor: Actor, refund_id: UUID, now: datetime) -> UUID:
    """Reserve the same parts again, as a refund of its own; `give_back.send` moves the money. Once a failed refund.

    Raises NotFound, OwnMoney, NothingToDecide (retried before), NotThatWay while the bank desk has still to send it,
    RefundExceeds when another refund took them meanwhile.
    """
    await _failed(session, actor, refund_id, now)
    return await repeat(session, refund_id=refund_id, requested_by=actor.user_id, now=now)


async def given_back(
    session: WriteSession, *, actor: Actor, refund_id: UUID, bank_reference: str, reason: str, now: datetime
) -> Done:
    """Two people say that the buyer got the money by a bank transfer of ours: the refund, repeated, has succeeded.

    Credit, claims and what may be refunded fall as by any refund, today. Raises as `return_payment`, RefundExceeds,
    ReferenceUsed.
    """
    waiting, order = await _failed(session, actor, refund_id, now)
    details = {"bank_reference": bank_reference}
    step = await ask_or_decide(session, actor, waiting.subject, "given_back", reason=reason, now=now, details=details)
    if step.state == "asked":
        return Done(step)
    again = await repeat(session, refund_id=refund_id, requested_by=actor.user_id, now=now)
    own_fen: int = (await session.execute(_OWN, {"refund": again})).scalar_one()
    if own_fen:
        await note_sent(
            session,
            unit_id=order.unit_id,
            day=clock.business_day(now),
            reference=bank_reference,
            subject=f"refund:{again}",
            actor=actor,
            now=now,
        )
    success = Success(f"bank:{bank_reference}" if own_fen else None, own_fen, now)
    await succeed(session, again, success, now=now)
    return Done(step)


async def _failed(session: WriteSession, actor: Actor, refund_id: UUID, now: datetime) -> tuple[Row[Any], Row[Any]]:
    waiting, order = await waiting_for(session, actor, f"refund:{refund_id}", now=now)
    if waiting.what not in _FAILED:
        raise NotThatWay(TO_DO["bank_refund"] + "。")
    return waiting, order


async def _stands(session: WriteSession, waiting: Row[Any]) -> bool:
    stands = await where_it_stands(session, waiting.payment_id, waiting.amount_fen)
    return bool(sum(one.fen for one in stands) >= waiting.amount_fen)


async def settle_otherwise(session: WriteSession, *, actor: Actor, subject: str, reason: str, now: datetime) -> Step:
    """Two people say that nothing is owed here any more, and why. subject: `refund:…`, `dispute:…`,
    `provider_refund:…`. Raises as `return_payment`; NotThatWay for the refund of a cancelled order, whose buyer has no
    goods, and gets his money, and for a refund of the dashboard whose money stands in the books: it is adopted.
    """
    waiting, order = await waiting_for(session, actor, subject, now=now)
    if waiting.what == "bank_refund":
        raise NotThatWay(TO_DO["bank_refund"] + "。")
    if waiting.what not in _SUBJECTS:
        raise NotThatWay("未决的争议要等银行的结果；收款请退回或保留。")
    if waiting.what in _FAILED and order.state == "cancelled":
        raise NotThatWay("订单已取消，货没有给买家：请重新退款，或登记已退给买家的那笔银行转账。")
    if waiting.what == "provider_refund" and await _stands(session, waiting):
        raise NotThatWay("这笔款还记在本店的订单或预收款里，买家已经拿回去了：请认领，计入的金额随它退回。")
    return await ask_or_decide(session, actor, subject, "settle_otherwise", reason=reason, now=now)
