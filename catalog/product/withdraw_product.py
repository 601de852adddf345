"""Take a product out of the window."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.touch import touch
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound

_OWNER = text("SELECT supplier_id FROM product WHERE id = :id")
_WITHDRAW = text("UPDATE product SET state = 'withdrawn', changed_at = :now WHERE id = :id AND state <> 'withdrawn'")


async def withdraw_product(
    session: WriteSession, *, actor: Actor | None, product_id: UUID, reason: str, now: datetime
) -> None:
    """Nobody can order it any more; what was ordered stays. Already withdrawn is success.

    Raises NotFound, NotYourSupplier.
    """
    supplier_id = (await session.execute(_OWNER, {"id": product_id})).scalar()
    if supplier_id is None:
        raise NotFound("没有这个商品。")
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    if mine is not None and supplier_id not in mine:
        raise NotYourSupplier
    if (await session.execute(_WITHDRAW, {"id": product_id, "now": now})).rowcount == 0:  # type: ignore[attr-defined]
        return
    await touch(session, [product_id], now=now)
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action="product.withdraw",
        subject=f"product:{product_id}",
        before={"state": "listed"},
        after={"state": "withdrawn"},
        reason=reason,
        now=now,
    )
