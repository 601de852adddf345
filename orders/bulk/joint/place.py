"""An approved purchase becomes one order, once: every branch's exact share, and stock held until the ship date."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from catalog.price import pricing
from catalog.stock import moving
from orders.acceptance.rules import NOBODY
from orders.bulk.joint.demand import Demand, demand_of
from orders.bulk.joint.draw import Rates, draw, regions_of
from orders.bulk.joint.rows import Placing, order_rows
from orders.bulk.move_on import move_on
from orders.bulk.plan.content import content_hash
from orders.bulk.problems import ApprovalStale
from orders.bulk.visibility import purchase_for
from orders.checkout.facts import Goods, goods_of
from orders.order.write import driver_of, write
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.window import in_force

_APPROVED = text("""
SELECT approver_id FROM bulk_approval
WHERE purchase_id = :purchase AND revision = :revision AND decision = 'approved' AND content_sha256 = :content
ORDER BY step DESC
""")
_BUYER = text("""
SELECT a.person_id, u.name AS unit_name FROM user_account a, unit u WHERE a.id = :requester AND u.id = :unit
""")
_RATES = text(f"""
SELECT f.supplier_id, f.region, f.served, f.first_grams, f.first_fen, f.step_grams, f.step_fen, f.free_from_fen
FROM freight_rate f WHERE f.supplier_id = ANY(:suppliers) AND f.region = ANY(:prefixes)
    AND {in_force("f", ":day")}
""").bindparams(bindparam("suppliers", type_=ARRAY(Uuid)), bindparam("prefixes", type_=ARRAY(Text)))  # noqa: S608
_ORDERED = text("UPDATE bulk_purchase SET order_id = :order, changed_at = :now WHERE id = :purchase")


_ORDERED_FEN = text("""
SELECT coalesce(sum(y.due_fen), 0)::bigint FROM payer_share y WHERE y.order_id IN (
    SELECT order_id FROM bulk_purchase WHERE id = :purchase AND order_id IS NOT NULL
    UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase AND order_id IS NOT NULL)
""")


class OverBudget(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "over_budget"
    title: ClassVar[str] = "超出批准的预算"


class StockShort(Problem):
    """`missing`: SKU → pieces that are missing."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "out_of_stock"
    title: ClassVar[str] = "库存不足"


async def place(session: WriteSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> UUID:
    """Place it; returns the order's id. Placed before is success, and the same order.

    Raises NotFound, WrongState, NoticeOpen, ApprovalStale, PlanInvalid, RecipientsDiffer, StockShort: nothing is
    written then.
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.order_id is not None:
        placed: UUID = purchase.order_id
        return placed
    await move_on(
        session, purchase_id=purchase_id, to="ordered", actor_id=actor.user_id, now=now, revision=purchase.revision
    )
    approver_id = await _approver(session, purchase)
    demand = await demand_of(session, purchase, day=clock.business_day(now))
    key = f"bulk:{purchase_id}"
    order_id = await write_order(session, purchase, demand, approver_id=approver_id, key=key, now=now)
    await session.execute(_ORDERED, {"order": order_id, "purchase": purchase_id, "now": now})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.placed",
        subject=f"bulk_purchase:{purchase_id}",
        after={"order_id": str(order_id), "content_sha256": purchase.content_sha256},
        now=now,
    )
    return order_id


async def write_order(
    session: WriteSession, purchase: Row[Any], demand: Demand, *, approver_id: UUID, key: str, now: datetime
) -> UUID:
    """Draw up what is wanted on today's facts and write it as an order of the purchase's, under `key` for ever.

    The stock is promised last. Raises PlanInvalid, OverBudget, StockShort.
    """
    goods = await _goods(session, demand, now)
    rates = await _rates(session, demand, goods, now)
    drawn = draw(demand, goods, rates, ship_on=purchase.ship_on)
    await _within_budget(session, purchase, sum(drawn.due_fen.values()))
    buyer = (await session.execute(_BUYER, {"requester": purchase.requester_id, "unit": purchase.unit_id})).one()
    placing = Placing(
        purchase_id=purchase.id,
        union_id=purchase.union_id,
        unit_id=purchase.unit_id,
        unit_name=buyer.unit_name,
        buyer_id=purchase.requester_id,
        person_id=buyer.person_id,
        key=key,
        fund_source=purchase.fund_source,
        terms=purchase.terms,
        shared_by=purchase.shared_by,
        ship_on=purchase.ship_on,
        requester_id=purchase.requester_id,
        approver_id=approver_id,
        now=now,
    )
    rows = order_rows(drawn, demand, goods, placing)
    await write(session, rows)
    if missing := await moving.hold_or_missing(session, order_id=rows.order.id, pieces=dict(drawn.stock)):
        said = [f"{one.title} {one.spec} 缺 {one.pieces} 件" for one in missing]
        raise StockShort(
            "请减少数量，或请供应商补货后再下单：" + "；".join(said[:20]),
            [Detail("/packages", "out_of_stock", one) for one in said],
            extra={"missing": {str(one.sku_id): one.pieces for one in missing}},
        )
    return rows.order.id


async def _approver(session: WriteSession, purchase: Row[Any]) -> UUID:
    """Who approved exactly this content last; nobody where a rule asks for none. Raises ApprovalStale."""
    if purchase.content_sha256 != await content_hash(session, purchase.id):
        raise ApprovalStale("采购内容在审批之后有改动，请重新提交审批。")
    named = {"purchase": purchase.id, "revision": purchase.revision, "content": purchase.content_sha256}
    approved = (await session.scalars(_APPROVED, named)).all()
    needed = purchase.approvers_needed if purchase.approvers_needed is not None else 1
    if len(approved) < needed:
        raise ApprovalStale("批准的不是现在的内容，请重新提交审批。")
    return approved[0] if approved else NOBODY


async def _within_budget(session: WriteSession, purchase: Row[Any], total_fen: int) -> None:
    """Goods and freight of all the purchase's orders stay within what was approved. Raises OverBudget."""
    ordered: int = await session.scalar(_ORDERED_FEN, {"purchase": purchase.id}) or 0
    if (over := ordered + total_fen - purchase.budget_fen) > 0:
        raise OverBudget(
            f"货款和运费共 {ordered + total_fen} 分，超出预算 {over} 分，请调整计划后重新提交审批。",
            extra={"over_fen": over},
        )


async def _goods(session: WriteSession, demand: Demand, now: datetime) -> Goods:
    """Facts of goods and papers as checkout reads them; freight has regions of its own here."""
    sku_ids = {line.sku_id for lines in demand.packages.values() for line in lines}
    return await goods_of(await driver_of(session), sku_ids=sku_ids, region_code="", now=now)


async def _rates(session: WriteSession, demand: Demand, goods: Goods, now: datetime) -> Rates:
    named = {
        "suppliers": [supplier.id for supplier in goods.suppliers],
        "prefixes": sorted({code[:n] for code in regions_of(demand.destinations) for n in (6, 4, 2, 0)}),
        "day": clock.business_day(now),
    }
    found: dict[UUID, dict[str, pricing.Rate]] = {}
    for row in await session.execute(_RATES, named):
        found.setdefault(row.supplier_id, {})[row.region] = pricing.Rate(
            row.served, row.first_grams, row.first_fen, row.step_grams, row.step_fen, row.free_from_fen
        )
    return found
