"""A substitution: the pieces of one SKU that are not on their way yet leave the order, another SKU comes instead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.campaign.entitled import asked_of
from catalog.stock import moving
from orders.acceptance.open_parts import what_is_open
from orders.acceptance.reduce import Taken, Why, reduce
from orders.bulk.change.change_order import ApprovedChange
from orders.bulk.joint.demand import Demand, Destination, PackageLine, further
from orders.bulk.joint.place import write_order
from orders.bulk.problems import PlanInvalid
from orders.order.allocate import drop_empty_parcels, drop_pieces
from orders.order.shares import lower_due
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession

_PURCHASE = text("SELECT * FROM bulk_purchase WHERE id = :purchase")
_LOCK = text("SELECT id FROM shop_order WHERE id = :order FOR NO KEY UPDATE")
# What of the SKU is still to come: where it goes, and whose it is.
_COMING = text("""
SELECT a.delivery_id, a.line_id, a.pieces, y.position AS payer_position, d.name, d.phone, d.region_code, d.street
FROM order_line l JOIN allocation a ON a.line_id = l.id JOIN payer_share y ON y.id = a.payer_share_id
JOIN delivery d ON d.id = a.delivery_id
WHERE l.order_id = :order AND l.sku_id = :sku AND NOT EXISTS (SELECT FROM acceptance x WHERE x.delivery_id = d.id)
    AND NOT EXISTS (SELECT FROM parcel p JOIN dispatch s ON s.parcel_id = p.id
        WHERE p.delivery_id = d.id AND p.supplier_id = l.supplier_id)
ORDER BY d.position, y.position
""")
_INSIDE = text("""
SELECT c.stock_sku_id, c.pieces FROM sku_content c WHERE c.sku_id = :sku
""")
_PRICE = text(f"""
SELECT min(q.fen) FROM price q WHERE q.sku_id = :sku AND q.min_quantity = 1 AND {asked_of("union", "q", ":now")}
""")  # noqa: S608  # our own words


async def substitute(session: WriteSession, actor: Actor, change: ApprovedChange, now: datetime) -> UUID | None:
    """The old pieces' money and stock are given up, the new ones are a further order for the same places and payers.

    Parcels that become empty cost nothing; other freight stays what it was. Raises PlanInvalid when nothing of it is
    still to come.
    """
    purchase = (await session.execute(_PURCHASE, {"purchase": change.purchase_id})).one()
    old, new = UUID(str(change.terms["sku_id"])), UUID(str(change.terms["by_sku_id"]))
    order_id = await session.scalar(_LOCK, {"order": purchase.order_id})
    named = {"order": order_id, "sku": old}
    coming = (await session.execute(_COMING, named)).all()
    if not coming:
        raise PlanInvalid("要替换的商品都已发出或验收，不能再替换。")
    day = clock.business_day(now)
    plan = await further(session, purchase, [], day=day)
    price = await session.scalar(_PRICE, {"sku": new, "now": now})
    demand = replace(
        plan, destinations=_places(plan, coming, new), packages={new: [PackageLine(new, 1, int(price or 0))]}
    )
    await _give_up(session, actor, change, order_id, coming, now)
    inside = await session.execute(_INSIDE, {"sku": old})
    pieces = sum(row.pieces for row in coming)
    await moving.release_part(
        session, order_id=order_id, pieces={row.stock_sku_id: row.pieces * pieces for row in inside}, now=now
    )
    await drop_pieces(session, places={(row.delivery_id, row.line_id) for row in coming})
    await lower_due(session, order_id, await drop_empty_parcels(session, order_id=order_id))
    key = f"bulk-change:{change.id}"
    return await write_order(session, purchase, demand, approver_id=actor.user_id, key=key, now=now)


def _places(plan: Demand, coming: Sequence[Row[Any]], sku_id: UUID) -> list[Destination]:
    by_position = {payer.position: number for number, payer in enumerate(plan.payers)}
    found: dict[UUID, Destination] = {}
    for row in coming:
        there = found.setdefault(row.delivery_id, Destination(row.name, row.phone, row.region_code, row.street))
        there.add(by_position[row.payer_position], sku_id, row.pieces)
    return list(found.values())


async def _give_up(
    session: WriteSession,
    actor: Actor,
    change: ApprovedChange,
    order_id: UUID,
    coming: Sequence[Row[Any]],
    now: datetime,
) -> None:
    """What is still to come of the old line leaves, payer by payer, by what remains (DOMAIN rule 11)."""
    lines = sorted({row.line_id for row in coming})
    leaving: dict[UUID, int] = {}
    for row in coming:
        leaving[row.line_id] = leaving.get(row.line_id, 0) + row.pieces * 1_000
    taken: list[Taken] = []
    pieces = {}
    for group, opened in (await what_is_open(session, lines)).items():
        if not opened.milli:
            continue
        by_id = {part.component_id: replace(part) for part in opened.parts}
        milli = min(opened.milli, leaving[group[0]])
        leaving[group[0]] -= milli
        taken += [Taken(by_id[part.component_id], part, of_accepted=False) for part in opened.take(milli)]
        pieces[group] = milli
    why = Why("substitution", change.reason, f"bulk-change:{change.id}", pieces, of_accepted=False)
    day = clock.business_day(now)
    await reduce(session, actor=actor, order_id=order_id, taken=taken, why=why, occurred_on=day, now=now)
