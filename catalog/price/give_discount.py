"""A supplier gives something back on larger orders."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.touch import touch_suppliers
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import derived_id

_GIVE = text("""
INSERT INTO seller_discount (id, supplier_id, threshold_fen, discount_fen, valid_from, valid_to)
VALUES (:id, :supplier_id, :threshold_fen, :discount_fen, :valid_from, :valid_to)
ON CONFLICT (id) DO NOTHING
RETURNING id
""")


async def give_discount(
    session: WriteSession,
    *,
    actor: Actor | None,
    supplier_id: UUID,
    threshold_fen: int,
    discount_fen: int,
    valid_from: date,
    now: datetime,
    valid_to: date | None = None,
) -> UUID:
    """`discount_fen` off once the supplier's goods in one order reach `threshold_fen`; it lowers credit.

    The same supplier, threshold and first day is the same discount. Raises NotYourSupplier.
    """
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    if mine is not None and supplier_id not in mine:
        raise NotYourSupplier
    facts = {
        "id": derived_id("discount", supplier_id, threshold_fen, valid_from),
        "supplier_id": supplier_id,
        "threshold_fen": threshold_fen,
        "discount_fen": discount_fen,
        "valid_from": valid_from,
        "valid_to": valid_to,
    }
    if (await session.execute(_GIVE, facts)).scalar() is not None:
        await touch_suppliers(session, [supplier_id], now=now)
        await record_change(
            session,
            actor_id=actor.user_id if actor else None,
            action="discount.give",
            subject=f"supplier:{supplier_id}",
            after={"threshold_fen": threshold_fen, "discount_fen": discount_fen, "valid_from": valid_from.isoformat()},
            now=now,
        )
    key: UUID = facts["id"]  # type: ignore[assignment]
    return key
