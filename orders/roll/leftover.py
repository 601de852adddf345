"""Goods that nobody took: how many, what was decided about them, and the minutes of the decision."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.bulk.plan.cases import cased
from orders.bulk.visibility import purchase_for
from orders.evidence.queries import paper_seen_by
from orders.roll.draw_up import ROLL_STATES, RollTooEarly
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id


class TooManyLeft(Problem):
    """More left over than was bought."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "leftover_too_many"
    title: ClassVar[str] = "剩余件数不对"


_KNOWN = text("""
SELECT coalesce(sum(pieces), 0)::bigint FROM roll_leftover WHERE purchase_id = :purchase AND sku_id = :sku
""")
_BOUGHT = text("""
SELECT l.sku_id, sum(l.quantity)::bigint AS pieces FROM order_line l WHERE l.order_id IN (
    SELECT order_id FROM bulk_purchase WHERE id = :purchase AND order_id IS NOT NULL
    UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase AND order_id IS NOT NULL)
GROUP BY l.sku_id
""")
_KEEP = text("""
INSERT INTO roll_leftover (id, purchase_id, sku_id, pieces, decision, minutes_sha256, recorded_by, recorded_at)
VALUES (:id, :purchase, :sku, :pieces, :decision, :minutes, :actor, :now)
""")


async def record_leftover(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    sku_id: UUID,
    pieces: int,
    decision: str,
    minutes_sha256: str,
    now: datetime,
) -> UUID:
    """Raises NotFound (purchase, minutes), RollTooEarly, TooManyLeft."""
    purchase = await purchase_for(session, actor, Permission.ROLL_WRITE, purchase_id, now, lock=True)
    if purchase.state not in ROLL_STATES:
        raise RollTooEarly("下单之后才有剩余。")
    await paper_seen_by(session, actor, minutes_sha256, day=clock.business_day(now))
    bought = {one.sku_id: one.members + one.planned + one.rounding for one in await cased(session, purchase_id)}
    for row in await session.execute(_BOUGHT, {"purchase": purchase_id}):  # changes may have added full cases
        bought[row.sku_id] = max(row.pieces, bought.get(row.sku_id, 0))
    known = await session.scalar(_KNOWN, {"purchase": purchase_id, "sku": sku_id}) or 0
    if known + pieces > bought.get(sku_id, 0):
        said = f"这个规格一共 {bought.get(sku_id, 0)} 件，已登记剩余 {known} 件。"
        raise TooManyLeft(said, [Detail("/pieces", TooManyLeft.code, said)])
    leftover_id = new_id()
    named = {"id": leftover_id, "purchase": purchase_id, "sku": sku_id, "pieces": pieces, "decision": decision}
    await session.execute(_KEEP, named | {"minutes": minutes_sha256, "actor": actor.user_id, "now": now})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="roll.leftover",
        subject=f"bulk_purchase:{purchase_id}",
        after={"sku_id": str(sku_id), "pieces": pieces, "minutes_sha256": minutes_sha256},
        reason=decision,
        now=now,
    )
    return leftover_id
