"""Parcels of a joint order leave: each once, by a carrier's waybill or a truck."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.acceptance.problems import AlreadySent
from orders.order.move_on import move_on
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Sent:
    """Carrier and waybill, or plate and driver of the truck."""

    parcel_id: UUID
    carrier: str | None = None
    waybill: str | None = None
    truck_plate: str | None = None
    truck_driver: str | None = None

    def of(self, parcel_id: UUID) -> "Sent":
        """The same truck for another parcel."""
        return replace(self, parcel_id=parcel_id)


# The same said again is success; a waybill of another parcel, or another waybill, is not.
_SEND = text("""
WITH said AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, parcel_id uuid, carrier text, waybill text,
        truck_plate text, truck_driver text)
), fresh AS (
    INSERT INTO dispatch (parcel_id, carrier, waybill, truck_plate, truck_driver, sent_by, sent_at)
    SELECT parcel_id, carrier, waybill, truck_plate, truck_driver, :actor, :now FROM said ORDER BY parcel_id
    ON CONFLICT DO NOTHING RETURNING parcel_id
)
SELECT s.index FROM said s WHERE NOT EXISTS (SELECT FROM fresh f WHERE f.parcel_id = s.parcel_id)
    AND NOT EXISTS (SELECT FROM dispatch d WHERE d.parcel_id = s.parcel_id AND d.carrier IS NOT DISTINCT FROM s.carrier
        AND d.waybill IS NOT DISTINCT FROM s.waybill AND d.truck_plate IS NOT DISTINCT FROM s.truck_plate)
ORDER BY s.index
""")
# An order whose parcels have all left is shipped; with some of them, partly.
_LEFT = text("""
SELECT t.order_id, NOT EXISTS (SELECT FROM parcel p WHERE p.order_id = t.order_id
    AND NOT EXISTS (SELECT FROM dispatch d WHERE d.parcel_id = p.id)) AS wholly
FROM (SELECT DISTINCT order_id FROM parcel WHERE id = ANY(:parcels)) t ORDER BY t.order_id
""").bindparams(bindparam("parcels", type_=ARRAY(Uuid)))


async def send_parcels(session: WriteSession, *, actor: Actor, sent: Sequence[Sent], now: datetime) -> None:
    """The caller has checked whose parcels they are. Raises AlreadySent, naming the rows; nothing is written then."""
    if not sent:
        return
    named = {"rows": as_rows(sent), "actor": actor.user_id, "now": now}
    if refused := (await session.scalars(_SEND, named)).all():
        said = "、".join(sent[i].waybill or sent[i].truck_plate or "" for i in refused[:5])
        raise AlreadySent(f"请核对第 {'、'.join(str(i + 1) for i in refused[:5])} 行：{said}。")
    left = (await session.execute(_LEFT, {"parcels": [one.parcel_id for one in sent]})).all()
    for state, wholly in (("partially_shipped", False), ("shipped", True)):
        orders = [row.order_id for row in left if row.wholly is wholly]
        await move_on(session, order_ids=orders, to=state, now=now, actor_id=actor.user_id)
