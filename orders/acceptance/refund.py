"""Refund what was accepted: pieces of a line or an amount, over payers and origins by what remains (DOMAIN rule 11).

No payment provider is asked: what the payer owes falls, and what he paid too much waits to be paid back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.acceptance.count import PIECE
from orders.acceptance.open_parts import what_was_accepted
from orders.acceptance.problems import NotAccepted, ReductionExceeds
from orders.acceptance.reduce import Taken, Why, reduce
from orders.acceptance.rules import NOBODY, Group, Open
from orders.aftersales.own_money import OwnMoney
from orders.aftersales.refund import UnknownLine
from orders.aftersales.rules import Part, of_amount, of_pieces
from orders.aftersales.schemas import RefundIn, RefundLineIn, RefundLineOut, RefundOut
from orders.order.is_joint import IS_JOINT
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.ids import new_id
from shop.core.money import split
from shop.organisation.queries import visible_unit_ids

_LOCK = text(f"""
SELECT o.id, o.unit_id, o.buyer_id FROM shop_order o
WHERE o.id = :order AND {IS_JOINT.format(order="o.id")} FOR NO KEY UPDATE
""")  # noqa: S608  # our own words
_LINES = text("SELECT id, supplier_id, title FROM order_line WHERE order_id = :order ORDER BY position")


async def refund_joint(
    session: WriteSession, *, actor: Actor, order_id: UUID, requested: RefundIn, key: str | None, now: datetime
) -> RefundOut | None:
    """None where the order is not one that is accepted. By staff of its unit, or the supplier for his own lines.

    Raises NotFound, OwnMoney for who ordered it, NotAccepted, UnknownLine, ReductionExceeds.
    """
    order = (await session.execute(_LOCK, {"order": order_id})).one_or_none()
    if order is None:
        return None
    lines = await _visible_lines(session, actor, order, now)
    if order.buyer_id == actor.user_id:
        raise OwnMoney
    accepted = await what_was_accepted(session, list(lines))
    if not any(group.milli for group in accepted.values()):
        raise NotAccepted("请先验收；没有收到的货在验收时填短少或拒收，不用退款。")
    if requested.lines is None:
        taken, pieces = _amount(accepted, lines, requested), dict[Group, int]()
    else:
        taken, pieces = _pieces(accepted, lines, requested.lines)
    why = Why(kind="refund", reason=requested.reason, key=key or str(new_id()), pieces=pieces)
    day = clock.business_day(now)
    refund_id = await reduce(session, actor=actor, order_id=order_id, taken=taken, why=why, occurred_on=day, now=now)
    return RefundOut(
        id=refund_id,
        order_id=order_id,
        payment_id=None,
        kind="amount" if requested.lines is None else "lines",
        state="succeeded",
        amount_fen=sum(one.part.fen for one in taken),
        reason=requested.reason,
        lines=[RefundLineOut(line.line_id, line.quantity) for line in requested.lines or ()],
        requested_at=now,
        succeeded_at=now,
    )


async def _visible_lines(session: WriteSession, actor: Actor, order: Row[Any], now: datetime) -> dict[UUID, Row[Any]]:
    rows = (await session.execute(_LINES, {"order": order.id})).all()
    visible = await visible_unit_ids(session, actor, Permission.REFUND_REQUEST, clock.business_day(now))
    if visible is None or order.unit_id in visible:
        return {row.id: row for row in rows}
    own = {grant.scope_id for grant in actor.scopes(Permission.REFUND_REQUEST) if grant.scope_kind == "supplier"}
    if not (mine := {row.id: row for row in rows if str(row.supplier_id) in own}):
        raise NotFound("没有这个订单。")
    return mine


def _pieces(
    accepted: Mapping[Group, Open], lines: Mapping[UUID, Row[Any]], requested: Sequence[RefundLineIn]
) -> tuple[list[Taken], dict[Group, int]]:
    """Where a payer is named, his share is the line; else all payers of the line bear it."""
    taken: list[Taken] = []
    pieces: dict[Group, int] = {}
    for i, line in enumerate(requested):
        if line.line_id not in lines:
            raise UnknownLine("请核对行号。", [Detail(f"/lines/{i}/line_id", "unknown_line", "订单里没有这一行")])
        groups = {
            group: opened
            for group, opened in accepted.items()
            if group[0] == line.line_id and (line.payer_share_id is None or group[1] in {line.payer_share_id, NOBODY})
        }
        left, milli = sum(one.milli for one in groups.values()), line.quantity * PIECE
        if milli > left:
            said = f"{lines[line.line_id].title} 还可退 {left // PIECE} 件"
            raise ReductionExceeds("请按剩余件数重新申请。", [Detail(f"/lines/{i}/quantity", "left", said)])
        parts = [part for opened in groups.values() for part in opened.parts]
        taken += _taken(groups, of_pieces([part.remaining() for part in parts], pieces=milli, unrefunded=left))
        share = split(milli, [opened.milli for opened in groups.values()])
        pieces |= {group: part for group, part in zip(groups, share, strict=True) if part}
    return taken, pieces


def _amount(accepted: Mapping[Group, Open], lines: Mapping[UUID, Row[Any]], requested: RefundIn) -> list[Taken]:
    if requested.line_id is not None and requested.line_id not in lines:
        raise UnknownLine("请核对行号。", [Detail("/line_id", "unknown_line", "订单里没有这一行")])
    groups = {
        group: opened
        for group, opened in accepted.items()
        if requested.line_id is None or group[0] == requested.line_id
    }
    parts = [part for opened in groups.values() for part in opened.parts]
    left, fen = sum(part.fen for part in parts), requested.amount_fen or 0
    if fen > left:
        raise ReductionExceeds(
            f"还可退 {left} 分，请按剩余金额重新申请。",
            [Detail("/amount_fen", "left", f"还可退 {left} 分")],
            extra={"left_fen": left},
        )
    return _taken(groups, of_amount([part.remaining() for part in parts], amount_fen=fen))


def _taken(groups: Mapping[Group, Open], parts: Sequence[Part]) -> list[Taken]:
    left = {part.component_id: part for opened in groups.values() for part in opened.parts}
    return [Taken(left[part.component_id], part, of_accepted=True) for part in parts]
