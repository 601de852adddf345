"""A price that fell by the ship date lowers the order; one that rose does not raise it."""

from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text

from orders.acceptance.open_parts import what_is_open
from orders.acceptance.reduce import Taken, Why, reduce
from orders.acceptance.rules import Left
from orders.aftersales.rules import of_amount
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.window import in_force

AT_ONCE: Final = 50

_LOCK = text("""
SELECT id FROM shop_order WHERE id IN (SELECT order_id FROM bulk_purchase WHERE id = :purchase
    UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase) ORDER BY id FOR NO KEY UPDATE
""")
# The same step of the same list as the plan's price came from, today.
_FALLEN = f"""
FROM order_line l JOIN price p ON p.id = l.price_id
JOIN price q ON q.sku_id = p.sku_id AND q.list = p.list AND q.min_quantity = p.min_quantity
    AND {in_force("q", "{at}")}
WHERE l.order_id = {{order}} AND q.fen < l.unit_price_fen AND NOT EXISTS (
    SELECT FROM reduction d JOIN reduction_part r ON r.reduction_id = d.id
    JOIN share_component c ON c.id = r.component_id WHERE d.kind = 'price_protection' AND c.line_id = l.id)
"""  # an expression of our own
_LINES = text(f"""
SELECT l.id AS line_id, l.title, l.unit_price_fen, q.fen
{_FALLEN.format(at=":at", order=":order")} ORDER BY l.position
""")  # composed of our own constants
_ENDED = "least(:now, timezone('Asia/Shanghai', (b.ship_on + 1)::timestamp) - interval '1 microsecond')"
# What counts is the price of the ship date, also when it is looked at a little later.
_DUE = text(f"""
SELECT b.id FROM bulk_purchase b
WHERE b.state IN ('ordered', 'shipped') AND b.ship_on <= :day AND b.ship_on > CAST(:day AS date) - 7
    AND EXISTS (SELECT FROM (SELECT b.order_id AS id UNION ALL SELECT c.order_id FROM bulk_change c
            WHERE c.purchase_id = b.id AND c.order_id IS NOT NULL) o
        WHERE EXISTS (SELECT {_FALLEN.format(at=_ENDED, order="o.id")}))
ORDER BY b.id LIMIT :most
""")  # noqa: S608  # our own words
_ORDERED = text("""
SELECT ship_on FROM bulk_purchase WHERE id = :purchase AND state IN ('ordered', 'shipped') FOR NO KEY UPDATE
""")


async def protect_price(
    session: WriteSession, *, actor: Actor | None, purchase_id: UUID, now: datetime, at: datetime | None = None
) -> int:
    """Take (old price − new price) of every piece that is still open off its line, once; returns the fen taken off.

    at: the moment whose prices count, now if none is named. The caller holds the purchase's lock.
    """
    orders = (await session.scalars(_LOCK, {"purchase": purchase_id})).all()
    return sum([await _of_order(session, actor, order_id, now, at or now) for order_id in orders])


async def protect_due(database: Database, *, now: datetime) -> int:
    """On the ship date, without anybody shipping: each purchase in its own transaction. Returns how many."""
    asked = {"day": clock.business_day(now), "now": now, "most": AT_ONCE}
    async with database.reading() as session:
        due = list(await session.scalars(_DUE, asked))
    done = 0
    for purchase_id in due:
        async with database.transaction() as session:
            ship_on = await session.scalar(_ORDERED, {"purchase": purchase_id})
            if ship_on is not None:
                ended = datetime.combine(ship_on + timedelta(days=1), time(), clock.SHANGHAI)
                at = min(now, ended - timedelta(microseconds=1))
                done += await protect_price(session, actor=None, purchase_id=purchase_id, now=now, at=at) > 0
    return done


async def _of_order(session: WriteSession, actor: Actor | None, order_id: UUID, now: datetime, at: datetime) -> int:
    fallen = (await session.execute(_LINES, {"order": order_id, "at": at})).all()
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
