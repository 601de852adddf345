"""The goods of an ordered purchase are on their way: with waybills, or by truck."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.acceptance.problems import NoSuchParcel
from orders.acceptance.send_parcels import Sent, send_parcels
from orders.bulk.move_on import move_on
from orders.bulk.problems import STATE_WORDS, WrongState
from orders.bulk.receiving.protect_price import protect_price
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.organisation.queries import visible_unit_ids

_LOCK = text("SELECT * FROM bulk_purchase WHERE id = :purchase FOR NO KEY UPDATE")
_ORDERS = """
SELECT order_id FROM bulk_purchase WHERE id = :purchase AND order_id IS NOT NULL
UNION SELECT order_id FROM bulk_change WHERE purchase_id = :purchase AND order_id IS NOT NULL
"""
_PARCELS = text(f"""
SELECT p.id, p.order_id, p.supplier_id, EXISTS (SELECT FROM dispatch s WHERE s.parcel_id = p.id) AS sent
FROM parcel p WHERE p.order_id IN ({_ORDERS}) AND (CAST(:all AS bool) OR p.id = ANY(:parcels))
ORDER BY p.id
""").bindparams(bindparam("parcels", type_=ARRAY(Uuid)))  # noqa: S608  # our own constant is put in
_ALL_SENT = text(f"""
SELECT NOT EXISTS (SELECT FROM parcel p WHERE p.order_id IN ({_ORDERS})
    AND NOT EXISTS (SELECT FROM dispatch s WHERE s.parcel_id = p.id))
""")  # noqa: S608  # our own words


async def ship(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, sent: Sequence[Sent], truck: Sent | None, now: datetime
) -> str:
    """Mark parcels as sent, each once; `truck`: all of the caller's that are not sent yet. Returns the state.

    By the supplier for his own parcels, or by staff of the purchase's unit. Prices that fell until the ship date lower
    the order first. Raises NotFound, WrongState, NoSuchParcel, AlreadySent.
    """
    purchase = (await session.execute(_LOCK, {"purchase": purchase_id})).one_or_none()
    if purchase is None or purchase.order_id is None:
        raise NotFound("没有这笔采购。")
    suppliers = await _suppliers(session, actor, purchase, now)
    if purchase.state not in {"ordered", "shipped"}:
        raise WrongState(f"采购现在是“{STATE_WORDS[purchase.state]}”，不能发货。", extra={"state": purchase.state})
    named = {"purchase": purchase_id, "all": truck is not None, "parcels": [one.parcel_id for one in sent]}
    parcels = (await session.execute(_PARCELS, named)).all()
    mine = {row.id: row for row in parcels if suppliers is None or str(row.supplier_id) in suppliers}
    if not mine and not parcels and truck is None:
        raise NoSuchParcel("请核对包裹编号。")
    if suppliers is not None and not mine:
        raise NotFound("没有这笔采购。")
    if unknown := [one.parcel_id for one in sent if one.parcel_id not in mine]:
        raise NoSuchParcel(f"这些包裹不在这笔采购里：{'、'.join(map(str, unknown[:5]))}。")
    await protect_price(session, actor=actor, purchase_id=purchase_id, now=now)
    rows = list(sent)
    if truck is not None:
        rows = [truck.of(row.id) for row in mine.values() if not row.sent]
    await send_parcels(session, actor=actor, sent=rows, now=now)
    if not await session.scalar(_ALL_SENT, {"purchase": purchase_id}):
        return str(purchase.state)
    if purchase.state == "ordered":
        await move_on(session, purchase_id=purchase_id, to="shipped", actor_id=actor.user_id, now=now)
    return "shipped"


async def _suppliers(session: WriteSession, actor: Actor, purchase: Row[Any], now: datetime) -> set[str] | None:
    """Whose parcels the caller may send: None is all. Raises NotFound for strangers."""
    visible = await visible_unit_ids(session, actor, Permission.REFUND_REQUEST, clock.business_day(now))
    if visible is None or purchase.unit_id in visible:
        return None
    own = {grant.scope_id for grant in actor.scopes(Permission.REFUND_REQUEST) if grant.scope_kind == "supplier"}
    if not own:
        raise NotFound("没有这笔采购。")
    return own
