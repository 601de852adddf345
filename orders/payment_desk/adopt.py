"""A refund that somebody made in the provider's dashboard becomes one of ours: two people say what it was for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from orders.aftersales.own_left import OwnLeft, Spread, own_left, spread
from orders.aftersales.refund import RefundExceeds, UnknownLine
from orders.aftersales.reserve import Wanted, reserve
from orders.aftersales.rules import of_pieces
from orders.aftersales.schemas import RefundLineIn
from orders.aftersales.succeed import Success, succeed
from orders.payment_desk.decide import ask_or_decide
from orders.payment_desk.problems import NothingToDecide, NotThatWay
from orders.payment_desk.reach import waiting_for
from orders.payment_desk.turn import Done
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.ui.filters import yuan

_MONEY = text("""
SELECT p.id, p.state = 'held' AS never_credited, coalesce(k.left_fen, p.received_fen - coalesce((
    SELECT sum(r.amount_fen) FROM refund r WHERE r.payment_id = p.id AND r.state <> 'failed'), 0))::bigint AS left_fen
FROM payment p LEFT JOIN kept_advance k ON k.payment_id = p.id WHERE p.id = :payment
""")
_OURS = text("""
WITH adopted AS (
    UPDATE provider_refund SET refund_id = :refund
    WHERE provider_refund_id = :provider AND refund_id IS NULL AND state <> 'failed' RETURNING provider_refund_id
)
UPDATE refund r SET state = 'submitted', provider_refund_id = a.provider_refund_id FROM adopted a WHERE r.id = :refund
RETURNING r.id
""")


async def adopt(
    session: WriteSession,
    *,
    actor: Actor,
    provider_refund_id: str,
    lines: Sequence[RefundLineIn] | None,
    reason: str,
    now: datetime,
) -> Done:
    """lines: which pieces it was for, and their money must be the refund's to the fen; None: an amount, spread over
    the goods that are left and then over freight. It succeeds on the provider's day.

    Raises RefundExceeds with what is left, UnknownLine, NotThatWay, and as `return_payment`.
    """
    subject = f"provider_refund:{provider_refund_id}"
    waiting, _ = await waiting_for(session, actor, subject, now=now)
    money = (await session.execute(_MONEY, {"payment": waiting.payment_id})).one()
    over = await _over(session, waiting, money, lines)
    details = {"lines": [{"line_id": str(line.line_id), "quantity": line.quantity} for line in lines or ()]}
    step = await ask_or_decide(session, actor, subject, "adopt", reason=reason, now=now, details=details)
    if step.state == "asked":
        return Done(step)
    refund_id = await reserve(
        session,
        Wanted(
            order_id=waiting.order_id,
            payment_id=waiting.payment_id,
            kind="adopted",
            amount_fen=waiting.amount_fen,
            reason=step.reason,
            parts=over.parts,
            lines=over.lines,
            freight=over.freight,
            requested_by=actor.user_id,
            currency=waiting.currency,
        ),
        now=now,
    )
    if await session.scalar(_OURS, {"refund": refund_id, "provider": provider_refund_id}) is None:
        raise NothingToDecide("请刷新页面查看结果。")
    if waiting.why == "succeeded":
        success = Success(provider_refund_id, waiting.amount_fen, waiting.since)
        await succeed(session, refund_id, success, now=now)
    return Done(step, refund_id)


async def _over(
    session: WriteSession, waiting: Row[Any], money: Row[Any], lines: Sequence[RefundLineIn] | None
) -> Spread:
    if money.never_credited:
        if lines:
            raise NotThatWay("这笔款没有结算到订单，只能按金额认领。")
        if waiting.amount_fen > money.left_fen:
            raise _exceeds(money.left_fen)
        return Spread((), {}, {})
    left = await own_left(session, waiting.order_id)
    if waiting.amount_fen > left.fen:
        raise _exceeds(left.fen)
    return _pieces(left, waiting.amount_fen, lines) if lines else spread(left, waiting.amount_fen)


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
