"""What a union's purchase brought is accepted: a site by two people, homes of a branch on the basis of waybills."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.acceptance.accept import accept_deliveries
from orders.acceptance.problems import DutiesNotApart, WaybillMissing, WitnessUnknown
from orders.acceptance.received import Acceptors, Delivered
from orders.acceptance.receivers import may_receive
from orders.budget.encumber import release, spend
from orders.bulk.move_on import move_on
from orders.bulk.problems import STATE_WORDS, WrongState
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound
from shop.organisation.queries import visible_unit_ids

_LOCK = text("SELECT * FROM bulk_purchase WHERE id = :purchase FOR NO KEY UPDATE")
_ORDERS = """
SELECT order_id FROM bulk_purchase WHERE id = :purchase AND order_id IS NOT NULL
UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase AND order_id IS NOT NULL
"""
_DELIVERY = text(f"""
SELECT d.order_id, array_agg(DISTINCT y.unit_id) AS unit_ids FROM delivery d JOIN allocation a ON a.delivery_id = d.id
JOIN payer_share y ON y.id = a.payer_share_id WHERE d.id = :delivery AND d.order_id IN ({_ORDERS}) GROUP BY d.order_id
""")  # noqa: S608  # our own constant is put in
# A branch's homes whose goods are all its own, and which nobody accepted yet.
_HOMES = text(f"""
SELECT d.id, d.order_id, ARRAY[y.unit_id] AS unit_ids,
    (SELECT string_agg(x.carrier || ' ' || x.waybill, '、' ORDER BY x.waybill)
        FROM parcel p JOIN dispatch x ON x.parcel_id = p.id WHERE p.delivery_id = d.id) AS waybills,
    (SELECT count(*) FROM parcel p LEFT JOIN dispatch x ON x.parcel_id = p.id
        WHERE p.delivery_id = d.id AND x.waybill IS NULL) AS missing
FROM delivery d JOIN payer_share y ON y.order_id = d.order_id AND y.id = :share
WHERE d.order_id IN ({_ORDERS}) AND EXISTS (SELECT FROM allocation a WHERE a.delivery_id = d.id
        AND a.payer_share_id = y.id)
    AND NOT EXISTS (SELECT FROM allocation a WHERE a.delivery_id = d.id AND a.payer_share_id <> y.id)
    AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id
        AND NOT (x.received_by = :actor AND split_part(x.idempotency_key, '#', 1) = :key))
ORDER BY d.position
""")  # noqa: S608  # our own words
_APPROVED_BY = text("""
SELECT 1 FROM bulk_approval WHERE purchase_id = :purchase AND revision = :revision AND decision = 'approved'
    AND (approver_id IN (:receiver, :witness) OR delegated_by IN (:receiver, :witness))
""")
_ALL_ACCEPTED = text(f"""
SELECT NOT EXISTS (SELECT FROM delivery d JOIN allocation a ON a.delivery_id = d.id WHERE d.order_id IN ({_ORDERS})
    AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id))
""")  # noqa: S608  # our own words
_WORTH = text("""
SELECT (SELECT coalesce(sum(p.accepted_fen), 0) FROM acceptance_part p WHERE p.acceptance_id = ANY(:acceptances))
    + (SELECT coalesce(sum(r.freight_fen), 0) FROM acceptance a JOIN parcel r ON r.delivery_id = a.delivery_id
        WHERE a.id = ANY(:acceptances))
""").bindparams(bindparam("acceptances", type_=ARRAY(Uuid)))


async def accept_site(
    session: WriteSession, *, purchase_id: UUID, delivered: Delivered, by: Acceptors, now: datetime
) -> list[UUID]:
    """One delivery. Receivers of any unit whose goods are in it may, both of them; returns the acceptance.

    Raises NotFound, WrongState, WitnessUnknown, and what `orders.acceptance.accept` raises.
    """
    purchase = await _purchase(session, purchase_id)
    named = {"purchase": purchase_id, "delivery": delivered.delivery_id}
    found = (await session.execute(_DELIVERY, named)).one_or_none()
    if found is None or not await _sees(session, by.actor, found.unit_ids, now):
        raise NotFound("没有这批货。")
    return await _accept(session, purchase, found, [delivered], by, now)


async def accept_homes(
    session: WriteSession,
    *,
    purchase_id: UUID,
    payer_share_id: UUID,
    exceptions: Sequence[Delivered],
    by: Acceptors,
    now: datetime,
) -> list[UUID]:
    """All homes of a branch that nobody accepted yet: as expected, but for the exceptions that were counted.

    Raises WaybillMissing while a parcel of them has none, and as `accept_site`.
    """
    purchase = await _purchase(session, purchase_id)
    named = {"purchase": purchase_id, "share": payer_share_id, "actor": by.actor.user_id, "key": by.key}
    homes = (await session.execute(_HOMES, named)).all()
    if not homes or not await _sees(session, by.actor, homes[0].unit_ids, now):
        raise NotFound("没有这个分会待验收的货。")
    if missing := sum(home.missing for home in homes):
        raise WaybillMissing(f"还有 {missing} 个包裹没有运单，请供应商先登记发货。")
    counted = {one.delivery_id: one for one in exceptions}
    if strangers := set(counted) - {home.id for home in homes}:
        raise NotFound(f"有 {len(strangers)} 批货不在这个分会的待验收名单里。")
    delivered = [
        Delivered(home.id, counted[home.id].lines if home.id in counted else None, home.waybills) for home in homes
    ]
    return await _accept(session, purchase, homes[0], delivered, by, now)


async def _purchase(session: WriteSession, purchase_id: UUID) -> Row[Any]:
    row = (await session.execute(_LOCK, {"purchase": purchase_id})).one_or_none()
    if row is None or row.order_id is None:
        raise NotFound("没有这笔采购。")
    return row


async def _sees(session: WriteSession, actor: Actor, unit_ids: Sequence[UUID], now: datetime) -> bool:
    visible = await visible_unit_ids(session, actor, Permission.ACCEPTANCE_WRITE, clock.business_day(now))
    return visible is None or not visible.isdisjoint(unit_ids)


async def _accept(
    session: WriteSession,
    purchase: Row[Any],
    goods: Row[Any],
    delivered: Sequence[Delivered],
    by: Acceptors,
    now: datetime,
) -> list[UUID]:
    if purchase.state not in {"ordered", "shipped", "accepted"}:
        raise WrongState(f"采购现在是“{STATE_WORDS[purchase.state]}”，不能验收。", extra={"state": purchase.state})
    named = {
        "purchase": purchase.id,
        "revision": purchase.revision,
        "receiver": by.actor.user_id,
        "witness": by.witness_id,
    }
    if purchase.requester_id in {by.actor.user_id, by.witness_id} or await session.scalar(_APPROVED_BY, named):
        raise DutiesNotApart("申请或批准过这笔采购的人不能验收，请换一位验收人。")
    if by.witness_id != by.actor.user_id and not await may_receive(
        session, by.witness_id, goods.unit_ids, clock.business_day(now)
    ):
        raise WitnessUnknown(
            "请从这批货所属分会的验收人里选一位。", [Detail("/witness_id", WitnessUnknown.code, "不能验收这批货")]
        )
    acceptances = await accept_deliveries(session, goods.order_id, delivered, by, now=now)
    if purchase.fund_source == "union":
        fen = await session.scalar(_WORTH, {"acceptances": acceptances})
        if fen:
            await spend(session, purchase_id=purchase.id, amount_fen=int(fen), reference=acceptances[0], now=now)
    if purchase.state != "accepted" and await session.scalar(_ALL_ACCEPTED, {"purchase": purchase.id}):
        if purchase.state == "ordered":  # it came, so it was sent
            await move_on(session, purchase_id=purchase.id, to="shipped", actor_id=by.actor.user_id, now=now)
        await move_on(session, purchase_id=purchase.id, to="accepted", actor_id=by.actor.user_id, now=now)
        await release(session, purchase_id=purchase.id, now=now)
    return acceptances
