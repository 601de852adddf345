"""`shop reconcile`: ask about everything open, now."""

from orders.switchboard import reconcile
from shop.adapters.stripe.open import open_payments
from shop.core import clock
from shop.core.database import open_database
from shop.core.settings import Settings


async def reconcile_all() -> int:
    """Returns how many payments and refunds were asked about."""
    settings = Settings()
    database = await open_database(settings)
    try:
        async with open_payments(settings, database, now=clock.now) as payments:
            return await reconcile(database, payments.gateway, now=clock.now(), everything=True)
    finally:
        await database.close()
