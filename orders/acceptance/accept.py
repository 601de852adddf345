"""Two people count what came: what they accept is credited and owed, what they do not leaves the order.

One transaction under the order's lock: acceptance, credit, funds, what payers owe, stock. All or nothing, each once.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from catalog.stock import moving
from orders.acceptance.count import counted, from_here
from orders.acceptance.open_parts import what_is_open
from orders.acceptance.owe import PAY_WITHIN, Owed, owe
from orders.acceptance.problems import AlreadyAccepted, DayOutOfRange, DutiesNotApart, NotToBeAccepted
from orders.acceptance.received import Acceptors, Delivered, Truck
from orders.acceptance.reduce import prove_paid
from orders.acceptance.rules import Counted, Divided, Group, Left, Open, divide
from orders.acceptance.write import Written, write
from orders.credit.record import Recognised, record
from orders.evidence.cite import cited
from orders.order.move_on import move_on
from orders.order.shares import lower_due
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id

_DELIVERIES = bindparam("deliveries", type_=ARRAY(Uuid))
# Everybody who changes what an order's payers owe locks the order first, then its shares.
_LOCK = text("""
SELECT o.id, o.state, o.placed_at, d.requester_id, d.approver_id,
    EXISTS (SELECT FROM user_account u WHERE u.id = :witness) AS witness_known
FROM shop_order o JOIN acceptance_duty d ON d.order_id = o.id WHERE o.id = :order FOR NO KEY UPDATE OF o
""").bindparams(bindparam("witness", type_=Uuid))
_BEFORE = text("""
SELECT id, delivery_id, received_by, idempotency_key FROM acceptance WHERE delivery_id = ANY(:deliveries)
""").bindparams(_DELIVERIES)
# What a piece of a line takes out of the barn was frozen in its components.
_PIECES = text("""
WITH inside AS (
    SELECT c.line_id, c.stock_sku_id, sum(c.quantity_milli) AS milli FROM share_component c
    WHERE c.line_id IN (SELECT line_id FROM allocation WHERE delivery_id = ANY(:deliveries)) GROUP BY 1, 2
)
SELECT i.stock_sku_id, sum(ceil(i.milli * a.pieces / (l.quantity * 1000)))::bigint AS pieces
FROM allocation a JOIN order_line l ON l.id = a.line_id JOIN inside i ON i.line_id = l.id
WHERE a.delivery_id = ANY(:deliveries) GROUP BY 1
""").bindparams(_DELIVERIES)
_ALL_HERE = text("""
SELECT NOT EXISTS (SELECT FROM delivery d WHERE d.order_id = :order
    AND EXISTS (SELECT FROM allocation a WHERE a.delivery_id = d.id)
    AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id))
""")
_MAY_COME = frozenset({"confirmed", "partially_shipped", "shipped"})


async def accept(
    session: WriteSession,
    *,
    actor: Actor,
    kind: Literal["bulk", "canteen"],
    order_id: UUID,
    delivery_id: UUID,
    witness_id: UUID,
    lines: Sequence[Counted] | None,
    accepted_on: date,
    key: str,
    now: datetime,
    truck: Truck | None = None,
    note: str | None = None,
    evidence_sha256: str | None = None,
) -> UUID:
    """Accept one delivery; returns the acceptance's id. The caller has checked that the actor may see the order.

    The same receiver's key again is success. Raises NotFound, NotToBeAccepted, AlreadyAccepted, DutiesNotApart,
    CountDiffers, PastBestBefore, DayOutOfRange.
    """
    by = Acceptors(kind, actor, witness_id, accepted_on, key, truck, note, evidence_sha256)
    delivered = [Delivered(delivery_id, lines, truck.delivery_note if truck else None)]
    return (await accept_deliveries(session, order_id, delivered, by, now=now))[0]


async def accept_deliveries(
    session: WriteSession, order_id: UUID, delivered: Sequence[Delivered], by: Acceptors, *, now: datetime
) -> list[UUID]:
    """Accept several deliveries of an order at once, as `accept` does one; returns their acceptances, in order."""
    order = (await session.execute(_LOCK, {"order": order_id, "witness": by.witness_id})).one_or_none()
    if order is None or not order.witness_known:
        raise NotFound("没有这个订单。" if order is None else "没有这位共同验收人，请核对账号。")
    ids = [one.delivery_id for one in delivered]
    known = {row.delivery_id: row for row in await session.execute(_BEFORE, {"deliveries": ids})}
    if known:
        return _again(known, ids, by)
    _check(order, by, now)
    await cited(session, by.actor, by.evidence_sha256, field="evidence_sha256", day=clock.business_day(now))
    counts = await counted(session, order_id, delivered, by)
    opened = await what_is_open(session, sorted({count.line_id for one in counts for _, count in one.groups}))
    acceptances, divided = [], []
    for number, one in enumerate(counts):
        key = by.key if number == 0 else f"{by.key}#{number}"
        acceptances.append(Written(new_id(), key, one))
        divided.append(divide(opened, one.groups))
    await write(session, order, acceptances, divided, by, now=now)
    await _carry_on(session, order_id, acceptances, divided, opened, by, now)
    return [acceptance.id for acceptance in acceptances]


async def _carry_on(
    session: WriteSession,
    order_id: UUID,
    acceptances: Sequence[Written],
    divided: Sequence[Sequence[Divided]],
    opened: Mapping[Group, Open],
    by: Acceptors,
    now: datetime,
) -> None:
    """Dues, funds, credit and stock follow from what was counted."""
    whose = {part.component_id: part for group in opened.values() for part in group.parts}
    less: dict[UUID, int] = {}
    for part in (part for one in divided for part in one):
        share = whose[part.component_id].payer_share_id
        less[share] = less.get(share, 0) + part.gone.fen
    due_on = by.accepted_on + PAY_WITHIN
    shares = {share.id: share for share in await lower_due(session, order_id, less, due_on=due_on)}
    owed = [
        Owed(acceptance.id, whose[part.component_id].payer_share_id, whose[part.component_id].supplier_id,
             part.accepted.fen)
        for acceptance, parts in zip(acceptances, divided, strict=True)
        for part in parts
    ]  # fmt: skip
    freight = await from_here(session, [(acceptance.id, acceptance.counts.delivery_id) for acceptance in acceptances])
    await owe(session, [*owed, *freight], occurred_on=by.accepted_on, now=now)
    rows = [
        _sale(acceptance.id, part, whose[part.component_id], by.accepted_on, shares)
        for acceptance, parts in zip(acceptances, divided, strict=True)
        for part in parts
        if part.accepted.fen or part.accepted.grams or part.accepted.quantity_milli
    ]
    await record(session, rows, now=now)
    proven = [share_id for share_id, fen in less.items() if fen and shares[share_id].paid_and_proven]
    await prove_paid(session, proven, acceptances[0].id, by.accepted_on, now)
    ids = [acceptance.counts.delivery_id for acceptance in acceptances]
    pieces = {row.stock_sku_id: row.pieces for row in await session.execute(_PIECES, {"deliveries": ids})}
    reference = f"acceptance:{acceptances[0].id}"
    await moving.commit_part(session, order_id=order_id, reference=reference, pieces=pieces, now=now)
    if await session.scalar(_ALL_HERE, {"order": order_id}):
        await move_on(session, order_ids=[order_id], to="received", now=now, actor_id=by.actor.user_id)
    await record_change(
        session,
        actor_id=by.actor.user_id,
        action="acceptance.recorded",
        subject=f"order:{order_id}",
        after={
            "acceptances": [str(one.id) for one in acceptances],
            "accepted_on": by.accepted_on.isoformat(),
            "witness": str(by.witness_id),
            "accepted_fen": sum(row.amount_fen for row in rows),
            "gone_fen": sum(less.values()),
        },
        reason=by.note,
        now=now,
    )


def _again(known: Mapping[UUID, Row[Any]], ids: Sequence[UUID], by: Acceptors) -> list[UUID]:
    rows = [known[one] for one in ids if one in known]
    mine = all(row.received_by == by.actor.user_id and row.idempotency_key.split("#")[0] == by.key for row in rows)
    if mine and len(rows) == len(ids):
        return [row.id for row in rows]
    raise AlreadyAccepted("验收记录不能改。数量有误的，请由帮扶办按退款或更正办理。")


def _check(order: Row[Any], by: Acceptors, now: datetime) -> None:
    if order.state not in _MAY_COME:
        raise NotToBeAccepted("只有已确认、尚未取消的订单可以验收。", extra={"state": order.state})
    people, duties = {by.actor.user_id, by.witness_id}, {order.requester_id, order.approver_id}
    if len(people) < 2:
        raise DutiesNotApart("验收要两个人，请填写另一位共同验收人。")
    if people & duties:
        raise DutiesNotApart("申请人和审批人不能验收这笔采购，请换一位验收人。")
    first, last = clock.business_day(order.placed_at), clock.business_day(now)
    if not first <= by.accepted_on <= last:
        raise DayOutOfRange(f"验收日期要在 {first} 到 {last} 之间。")


def _sale(acceptance_id: UUID, part: Divided, left: Left, day: date, shares: Mapping[UUID, Row[Any]]) -> Recognised:
    """Grade B: two people signed for it; A where the bank's record already covers all that the payer owes."""
    return Recognised(
        kind="sale",
        cause_id=acceptance_id,
        component_id=part.component_id,
        amount_fen=part.accepted.fen,
        grams=part.accepted.grams,
        quantity_milli=part.accepted.quantity_milli,
        occurred_on=day,
        sale_on=day,
        grade="A" if shares[left.payer_share_id].paid_and_proven else "B",
    )
