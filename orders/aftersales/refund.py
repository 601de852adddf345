"""Ask for money to be given back: by pieces of lines, or by an amount spread over what is left (DOMAIN rule 11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.own_money import OwnMoney
from orders.aftersales.reserve import LineLeft, RefundRequest, reserve, what_is_left
from orders.aftersales.rules import Part, of_amount, of_pieces
from orders.aftersales.schemas import RefundIn
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.idempotency import IdempotencyKeyReused, take_key
from shop.organisation.queries import visible_unit_ids


class NotPaid(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "not_paid"
    title: ClassVar[str] = "订单还没有付款，没有可退的金额"


class RefundExceeds(Problem):
    """More than what is left. `left_fen` of the whole reach, or `errors[]` with what is left of each line."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "refund_exceeds"
    title: ClassVar[str] = "退款超过剩余可退部分"


class UnknownLine(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "unknown_line"
    title: ClassVar[str] = "订单里没有这一行"


class AlreadyRequested(Problem):
    """The key's refund exists, but its first answer was purged after 72 hours."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_requested"
    title: ClassVar[str] = "这个请求编号已经申请过退款"


@dataclass(frozen=True, slots=True)
class Requested:
    """first_answer: where the key was used before, the answer given then; nothing new was reserved."""

    refund_id: UUID
    first_answer: str | None = None


_LOCK = text("SELECT id, unit_id, buyer_id FROM shop_order WHERE id = :order FOR NO KEY UPDATE")
_PAID = text("SELECT id FROM payment WHERE order_id = :order AND state = 'succeeded'")
_ANSWERED = text("""
SELECT i.request_sha256, i.answer, r.id AS refund_id
FROM (SELECT * FROM idempotency WHERE actor_id = :actor AND key = :key) i
FULL JOIN (SELECT id FROM refund WHERE requested_by = :actor AND idempotency_key = :key) r ON true
""")


async def request_refund(
    session: WriteSession,
    *,
    actor: Actor,
    order_id: UUID,
    requested: RefundIn,
    now: datetime,
    key: str | None = None,
    request_sha256: bytes = b"",
) -> Requested:
    """Reserve a refund; `give_back.send` then moves the money, outside of this transaction.

    Asked by programme staff whose units cover the buyer's (or introducing) unit, or by the supplier for his own lines;
    anybody else gets NotFound. Raises OwnMoney for the buyer himself, NotPaid, UnknownLine, RefundExceeds,
    IdempotencyKeyReused, AlreadyRequested.
    """
    order = (await session.execute(_LOCK, {"order": order_id})).one_or_none()
    if order is None:
        raise NotFound("没有这个订单。")
    left = await _visible_lines(session, actor, order.unit_id, await what_is_left(session, order_id), now)
    if order.buyer_id == actor.user_id:
        raise OwnMoney
    if key is not None and (before := await _answered(session, actor, key, request_sha256)):
        return before
    payment_id = await session.scalar(_PAID, {"order": order_id})
    if payment_id is None:
        raise NotPaid("请在付款成功之后再申请退款。")
    parts = _parts(left, requested)
    refund_id = await reserve(
        session,
        RefundRequest(
            order_id=order_id,
            payment_id=payment_id,
            kind="amount" if requested.lines is None else "lines",
            amount_fen=sum(part.fen for part in parts),
            reason=requested.reason,
            parts=parts,
            lines={line.line_id: line.quantity for line in requested.lines or ()},
            requested_by=actor.user_id,
            idempotency_key=key,
        ),
        now=now,
    )
    # A request for another order may have taken the key meanwhile: then this one is refused, and rolled back.
    if key is not None and not await take_key(
        session, actor_id=actor.user_id, key=key, request_sha256=request_sha256, now=now
    ):
        raise IdempotencyKeyReused
    return Requested(refund_id)


async def _visible_lines(
    session: WriteSession, actor: Actor, unit_id: UUID | None, left: Sequence[LineLeft], now: datetime
) -> Sequence[LineLeft]:
    """The lines this actor may refund: all of them for staff of the unit, his own for a supplier."""
    visible = await visible_unit_ids(session, actor, Permission.REFUND_REQUEST, clock.business_day(now))
    if visible is None or unit_id in visible:
        return left
    suppliers = {grant.scope_id for grant in actor.scopes(Permission.REFUND_REQUEST) if grant.scope_kind == "supplier"}
    if not (own := [line for line in left if str(line.supplier_id) in suppliers]):
        raise NotFound("没有这个订单。")
    return own


def _parts(left: Sequence[LineLeft], requested: RefundIn) -> list[Part]:
    by_id = {line.line_id: line for line in left}
    if requested.lines is None:
        return _amount(left, by_id, requested.amount_fen or 0, requested.line_id)
    if unknown := [i for i, line in enumerate(requested.lines) if line.line_id not in by_id]:
        raise UnknownLine(
            "请核对行号。", [Detail(f"/lines/{i}/line_id", "unknown_line", "订单里没有这一行") for i in unknown]
        )
    if short := [(i, line) for i, line in enumerate(requested.lines) if line.quantity > by_id[line.line_id].pieces]:
        raise RefundExceeds(
            "请按剩余件数重新申请。",
            [Detail(f"/lines/{i}/quantity", "left", f"还可退 {by_id[line.line_id].pieces} 件") for i, line in short],
            extra={"left": {str(line.line_id): by_id[line.line_id].pieces for _, line in short}},
        )
    parts = [
        part
        for line in requested.lines
        for part in of_pieces(by_id[line.line_id].parts, pieces=line.quantity, unrefunded=by_id[line.line_id].pieces)
    ]
    if not any(part.fen for part in parts):
        raise RefundExceeds("这些商品的金额已经全部退回。", extra={"left_fen": 0})
    return parts


def _amount(left: Sequence[LineLeft], by_id: dict[UUID, LineLeft], amount_fen: int, line_id: UUID | None) -> list[Part]:
    if line_id is not None and line_id not in by_id:
        raise UnknownLine("请核对行号。", [Detail("/line_id", "unknown_line", "订单里没有这一行")])
    lines = left if line_id is None else [by_id[line_id]]
    left_fen = sum(line.fen for line in lines)
    if amount_fen > left_fen:
        raise RefundExceeds(
            f"还可退 {left_fen} 分，请按剩余金额重新申请。",
            [Detail("/amount_fen", "left", f"还可退 {left_fen} 分")],
            extra={"left_fen": left_fen},
        )
    return of_amount([part for line in lines for part in line.parts], amount_fen=amount_fen)


async def _answered(session: WriteSession, actor: Actor, key: str, digest: bytes) -> Requested | None:
    row = (await session.execute(_ANSWERED, {"actor": actor.user_id, "key": key})).one_or_none()
    if row is None:
        return None
    if row.request_sha256 is None:
        raise AlreadyRequested("请在订单里查看这笔退款。")
    if row.request_sha256 != digest:
        raise IdempotencyKeyReused
    return Requested(row.refund_id, row.answer)
