"""What happens to orders by itself."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.checkout.expire import expire
from orders.order.close_payments import Closed, close_payments
from shop.adapters.stripe.gateway import GatewayRefused, GatewayUnavailable, PaymentGateway
from shop.core.database import Database

BATCH = 200
_OPEN_PAGES = text("""
SELECT id, session_id FROM payment WHERE order_id = ANY(:orders) AND state = 'pending' AND session_id IS NOT NULL
ORDER BY id
""").bindparams(bindparam("orders", type_=ARRAY(Uuid)))

_log = structlog.get_logger(__name__)


async def expire_due(database: Database, gateway: PaymentGateway, *, now: datetime) -> int:
    """Every second: orders whose time to pay is over give their goods back; returns how many.

    Their open payment pages are closed afterwards, outside of any transaction. A process that dies in between leaves
    pages that close by themselves; money that comes all the same is a late payment, and `reconcile` sees to it.
    """
    count = 0
    while True:
        async with database.transaction() as session:
            expired = await expire(session, now=now, most=BATCH)
        count += len(expired)
        await _close_pages(database, gateway, expired)
        if len(expired) < BATCH:
            return count


async def _close_pages(database: Database, gateway: PaymentGateway, order_ids: Sequence[UUID]) -> None:
    if not order_ids:
        return
    async with database.reading() as session:
        pages = (await session.execute(_OPEN_PAGES, {"orders": list(order_ids)})).all()
    closed = []
    for payment_id, session_id in pages:
        try:
            seen = await gateway.expire_checkout(session_id)
        except (GatewayUnavailable, GatewayRefused) as trouble:
            _log.warning("payment_page_left_open", payment_id=str(payment_id), trouble=type(trouble).__name__)
            continue
        if seen.state == "expired":  # complete: it was paid in that moment, and will be settled as a late payment
            closed.append(Closed(payment_id, "cancelled"))
    async with database.transaction() as session:
        await close_payments(session, closed)
