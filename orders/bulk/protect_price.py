"""A price that fell by the ship date lowers the order; one that rose does not raise it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.acceptance.open_parts import what_is_open
from orders.acceptance.reduce import Taken, Why, reduce
from orders.acceptance.rules import Left
from orders.aftersales.rules import of_amount
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession

_LOCK = text("""
SELECT id FROM shop_order WHERE id = (SELECT order_id FROM bulk_purchase WHERE id = :purchase) FOR NO KEY UPDATE
""")
# The same step of the same list as the plan's price came from, today.
_FALLEN = text("""
SELECT l.id AS line_id, l.title, l.unit_price_fen, q.fen
FROM order_line l JOIN price p ON p.id = l.price_id
JOIN price q ON q.sku_id = p.sku_id AND q.list = p.list AND q.min_quantity = p.min_quantity
    AND q.valid_from <= :now AND (q.valid_to IS NULL OR q.valid_to > :now)
WHERE l.order_id = :order AND q.fen < l.unit_price_fen AND NOT EXISTS (
    SELECT FROM reduction d JOIN reduction_part r ON r.reduction_id = d.id
    JOIN share_component c ON c.id = r.component_id WHERE d.kind = 'price_protection' AND c.line_id = l.id)
ORDER BY l.position
""")


async def protect_price(session: WriteSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> int:
    """Take (old price − new price) of every piece that is still open off its line, once; returns the fen taken off."""
    order_id: UUID | None = await session.scalar(_LOCK, {"purchase": purchase_id})
    if order_id is None:
        return 0
    fallen = (await session.execute(_FALLEN, {"order": order_id, "now": now})).all()
    opened = await what_is_open(session, [row.line_id for row in fallen])
    taken: list[Taken] = []
    for row in fallen:
        for (line_id, _), group in opened.items():
            if line_id != row.line_id or not group.parts:
                continue
            left: dict[UUID, Left] = {part.component_id: part for part in group.parts}
            fen = min((row.unit_price_fen - row.fen) * (group.milli // 1_000), sum(part.fen for part in group.parts))
            parts = of_amount([part.remaining() for part in group.parts], amount_fen=fen) if fen else []
            taken += [Taken(left[part.component_id], part, of_accepted=False) for part in parts]
    if not taken:
        return 0
    why = Why(
        kind="price_protection",
        reason="；".join(f"{row.title} 由 {row.unit_price_fen} 分降为 {row.fen} 分" for row in fallen)[:500],
        key=f"price:{order_id}:{fallen[0].line_id}",
        pieces={},
        of_accepted=False,
    )
    day = clock.business_day(now)
    await reduce(session, actor=actor, order_id=order_id, taken=taken, why=why, occurred_on=day, now=now)
    return sum(one.part.fen for one in taken)
