"""A refund that failed is asked for once more, was given back by bank, or nothing is owed any more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from orders.aftersales.refund import RefundExceeds
from orders.aftersales.reserve import Wanted, reserve, what_is_left
from orders.aftersales.rules import Part
from orders.aftersales.succeed import Success, succeed
from orders.payment_desk.decide import Step, ask_or_decide
from orders.payment_desk.problems import NotThatWay, ReferenceUsed
from orders.payment_desk.reach import waiting_for
from orders.payment_desk.turn import Done
from orders.payment_desk.words import TO_DO
from shop.access.permissions import Actor
from shop.core.database import WriteSession

_PARTS = text("SELECT component_id, fen, grams, quantity_milli FROM refund_part WHERE refund_id = :refund")
_LINES = text("SELECT line_id, quantity FROM refund_line WHERE refund_id = :refund")
_FREIGHT = text("""
SELECT f.parcel_id, f.fen, p.freight_fen - p.refunded_freight_fen AS left_fen
FROM refund_freight f JOIN parcel p ON p.id = f.parcel_id WHERE f.refund_id = :refund
""")
_KIND = text("SELECT kind, reason FROM refund WHERE id = :refund")
_OWN = text("SELECT amount_fen - allowance_fen FROM refund WHERE id = :refund")
_AGAIN: dict[str, Literal["lines", "amount", "cancel"]] = {
    "lines": "lines", "amount": "amount", "cancel": "cancel", "adopted": "amount", "dispute": "cancel",
}  # fmt: skip
"""What a refund is that repeats one of this kind."""
_FAILED = frozenset({"refund_failed", "refund_undone"})
_SUBJECTS = _FAILED | {"dispute_short", "provider_refund"}


async def retry(session: WriteSession, *, actor: Actor, refund_id: UUID, now: datetime) -> UUID:
    """Reserve the same parts again, as a refund of its own; `give_back.send` moves the money. Once a failed refund.

    Raises NotFound, OwnMoney, NothingToDecide (retried before), NotThatWay while the bank desk has still to send it,
    RefundExceeds when another refund took them meanwhile.
    """
    waiting = await _failed(session, actor, refund_id, now)
    return await _again(session, actor, waiting, refund_id, now)


async def given_back(
    session: WriteSession, *, actor: Actor, refund_id: UUID, bank_reference: str, reason: str, now: datetime
) -> Done:
    """Two people say that the buyer got the money by a bank transfer of ours: the refund, repeated, has succeeded.

    Credit, claims and what may be refunded fall as by any refund, today. Raises as `return_payment`, RefundExceeds,
    ReferenceUsed.
    """
    waiting = await _failed(session, actor, refund_id, now)
    details = {"bank_reference": bank_reference}
    step = await ask_or_decide(session, actor, waiting.subject, "given_back", reason=reason, now=now, details=details)
    if step.state == "asked":
        return Done(step)
    again = await _again(session, actor, waiting, refund_id, now)
    own_fen: int = (await session.execute(_OWN, {"refund": again})).scalar_one()
    success = Success(f"bank:{bank_reference}" if own_fen else None, own_fen, now)
    try:
        async with session.begin_nested():
            await succeed(session, again, success, now=now)
    except IntegrityError as error:
        raise ReferenceUsed("同一笔转账只登记一次；请填写它自己的流水号。") from error
    return Done(step)


async def _failed(session: WriteSession, actor: Actor, refund_id: UUID, now: datetime) -> Row[Any]:
    waiting, _ = await waiting_for(session, actor, f"refund:{refund_id}", now=now)
    if waiting.what not in _FAILED:
        raise NotThatWay(TO_DO["bank_refund"] + "。")
    return waiting


async def _again(session: WriteSession, actor: Actor, waiting: Row[Any], refund_id: UUID, now: datetime) -> UUID:
    failed = (await session.execute(_KIND, {"refund": refund_id})).one()
    parts = [Part(*row) for row in await session.execute(_PARTS, {"refund": refund_id})]
    lines = {row.line_id: row.quantity for row in await session.execute(_LINES, {"refund": refund_id})}
    freight = (await session.execute(_FREIGHT, {"refund": refund_id})).all()
    await _must_be_left(session, waiting.order_id, parts, lines, freight)
    return await reserve(
        session,
        Wanted(
            order_id=waiting.order_id,
            payment_id=waiting.payment_id,
            kind=_AGAIN[failed.kind],
            amount_fen=waiting.amount_fen,
            reason=failed.reason,
            parts=parts,
            lines=lines,
            freight={row.parcel_id: row.fen for row in freight},
            requested_by=actor.user_id,
            retries_id=refund_id,
        ),
        now=now,
    )


async def settle_otherwise(session: WriteSession, *, actor: Actor, subject: str, reason: str, now: datetime) -> Step:
    """Two people say that nothing is owed here any more, and why. subject: `refund:…`, `dispute:…`,
    `provider_refund:…`. Raises as `return_payment`; NotThatWay for the refund of a cancelled order: its buyer has no
    goods, and gets his money.
    """
    waiting, order = await waiting_for(session, actor, subject, now=now)
    if waiting.what == "bank_refund":
        raise NotThatWay(TO_DO["bank_refund"] + "。")
    if waiting.what not in _SUBJECTS:
        raise NotThatWay("未决的争议要等银行的结果；收款请退回或保留。")
    if waiting.what in _FAILED and order.state == "cancelled":
        raise NotThatWay("订单已取消，货没有给买家：请重新退款，或登记已退给买家的那笔银行转账。")
    return await ask_or_decide(session, actor, subject, "settle_otherwise", reason=reason, now=now)


async def _must_be_left(
    session: WriteSession, order_id: UUID, parts: list[Part], lines: dict[UUID, int], freight: Sequence[Row[Any]]
) -> None:
    found = await what_is_left(session, order_id)
    remaining = {part.component_id: part for line in found for part in line.parts}
    pieces = {line.line_id: line.pieces for line in found}
    enough = (
        all(
            one.fen <= remaining[one.component_id].fen
            and one.grams <= remaining[one.component_id].grams
            and one.quantity_milli <= remaining[one.component_id].quantity_milli
            for one in parts
        )
        and all(quantity <= pieces[line_id] for line_id, quantity in lines.items())
        and all(row.fen <= row.left_fen for row in freight)
    )
    if not enough:
        left_fen = sum(line.fen for line in found) + sum(row.left_fen for row in freight)
        raise RefundExceeds(
            "其中一部分已由另一笔退款退回，请在订单里按剩余部分重新申请。", extra={"left_fen": left_fen}
        )
