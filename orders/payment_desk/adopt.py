"""A refund that somebody made in the provider's dashboard becomes one of ours: two people say what it was for."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.aftersales.own_left import OwnLeft, Spread, own_left
from orders.aftersales.provider_refund import claim
from orders.aftersales.refund import RefundExceeds, UnknownLine
from orders.aftersales.reserve import RefundRequest, reserve
from orders.aftersales.rules import of_pieces
from orders.aftersales.schemas import RefundLineIn
from orders.aftersales.succeed import Success, succeed
from orders.aftersales.where_it_stands import Stands, lock_orders_of, where_it_stands
from orders.payment.move_refund import submit_refunds
from orders.payment_desk.decide import ask_or_decide
from orders.payment_desk.problems import NothingToDecide, NotThatWay
from orders.payment_desk.turn import Done
from orders.payment_desk.visibility import waiting_for
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.ui.filters import yuan

_PAYMENT = text("SELECT payment_id FROM provider_refund WHERE provider_refund_id = :provider")
_UNSETTLED = text("SELECT state = 'held' FROM payment WHERE id = :payment")


async def adopt(
    session: WriteSession,
    *,
    actor: Actor,
    provider_refund_id: str,
    lines: Sequence[RefundLineIn] | None,
    reason: str,
    now: datetime,
) -> Done:
    """lines: which pieces it was for, and their money must be the refund's to the fen; None: an amount, from where the
    payment's money stands: what is unsettled or kept of it, then the orders that it paid, goods before freight. It
    succeeds on the provider's day; out of each order it is a refund of its own, under the provider's one name.

    Raises RefundExceeds with what is left, UnknownLine, NotThatWay, and as `return_payment`.
    """
    subject = f"provider_refund:{provider_refund_id}"
    payment_id = await session.scalar(_PAYMENT, {"provider": provider_refund_id})
    await lock_orders_of(session, payment_id)
    waiting, _ = await waiting_for(session, actor, subject, now=now)
    stands = await _stands(session, waiting, lines)
    details = {"lines": [{"line_id": str(line.line_id), "quantity": line.quantity} for line in lines or ()]}
    step = await ask_or_decide(session, actor, subject, "adopt", reason=reason, now=now, details=details)
    if step.state == "asked":
        return Done(step)
    refunds = [(await _reserved(session, actor, waiting, one, step.reason, now), one.fen) for one in stands]
    ids = [refund_id for refund_id, _ in refunds]
    if not await claim(session, provider_refund_id=provider_refund_id, refund_id=ids[0]):
        raise NothingToDecide("请刷新页面查看结果。")
    await submit_refunds(session, ids, provider_refund_id=provider_refund_id)
    if waiting.why == "succeeded":
        for refund_id, fen in refunds:
            await succeed(session, refund_id, Success(provider_refund_id, fen, waiting.since), now=now)
    return Done(step, ids[0])


async def _stands(session: WriteSession, waiting: Row[Any], lines: Sequence[RefundLineIn] | None) -> list[Stands]:
    if lines and await session.scalar(_UNSETTLED, {"payment": waiting.payment_id}):
        raise NotThatWay("这笔款没有结算到这张订单，只能按金额认领。")
    stands = await where_it_stands(session, waiting.payment_id, waiting.amount_fen)
    left_fen = sum(one.fen for one in stands)
    if left_fen < waiting.amount_fen:
        raise _exceeds(left_fen)
    if not lines:
        return stands
    left = await own_left(session, waiting.order_id)
    return [replace(one, over=_pieces(left, waiting.amount_fen, lines)) for one in stands]


async def _reserved(
    session: WriteSession, actor: Actor, waiting: Row[Any], one: Stands, reason: str, now: datetime
) -> UUID:
    requested = RefundRequest(
        order_id=one.order_id,
        payment_id=one.payment_id,
        kind="adopted",
        amount_fen=one.fen,
        reason=reason,
        parts=one.over.parts,
        lines=one.over.lines,
        freight=one.over.freight,
        requested_by=actor.user_id,
        currency=waiting.currency,
    )
    return await reserve(session, requested, now=now)


def _pieces(left: OwnLeft, amount_fen: int, lines: Sequence[RefundLineIn]) -> Spread:
    by_id = {line.line_id: line for line in left.lines}
    if unknown := [i for i, line in enumerate(lines) if line.line_id not in by_id]:
        raise UnknownLine(
            "请核对行号。", [Detail(f"/lines/{i}/line_id", "unknown_line", "订单里没有这一行") for i in unknown]
        )
    if short := [(i, line) for i, line in enumerate(lines) if line.quantity > by_id[line.line_id].pieces]:
        raise RefundExceeds(
            "请按剩余件数填写。",
            [Detail(f"/lines/{i}/quantity", "left", f"还可退 {by_id[line.line_id].pieces} 件") for i, line in short],
        )
    if not left.whole:
        raise NotThatWay("订单有一部分由福利额度支付，平台退款只能按金额认领。")
    parts = [
        part
        for line in lines
        for part in of_pieces(by_id[line.line_id].parts, pieces=line.quantity, unrefunded=by_id[line.line_id].pieces)
    ]
    fen = sum(part.fen for part in parts)
    if fen != amount_fen:
        raise NotThatWay(
            f"这几件的金额是 {yuan(fen)}，平台退了 {yuan(amount_fen)}；金额不同的，请按金额认领。",
            extra={"lines_fen": fen, "amount_fen": amount_fen},
        )
    return Spread(parts, {}, {line.line_id: line.quantity for line in lines})


def _exceeds(left_fen: int) -> RefundExceeds:
    return RefundExceeds(
        f"这笔款还剩 {yuan(left_fen)}，平台退的比它多；多出的部分请追回，或两人写明原因后结清。",
        [Detail("/amount_fen", "left", f"还剩 {left_fen} 分")],
        extra={"left_fen": left_fen},
    )
