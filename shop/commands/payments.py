"""`shop reconcile`: ask about everything open, now; then compare the books."""

from dataclasses import dataclass

from sqlalchemy import text

from orders.balance.run import run_balance
from orders.switchboard import reconcile
from shop.adapters.stripe.open import open_payments
from shop.core import clock
from shop.core.database import open_database
from shop.core.settings import Settings

_SAID = text("""
SELECT code, subject, amount, measure, said, owner, reason FROM balance_difference WHERE last_run_id = :run
ORDER BY first_seen_at, id
""")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """asked: payments and refunds the provider was asked about; differences: what the balance named afterwards."""

    asked: int
    differences: list[dict[str, object]]


async def reconcile_all() -> Reconciled:
    settings = Settings()
    database = await open_database(settings)
    try:
        async with open_payments(settings, database, now=clock.now) as payments:
            asked = await reconcile(database, payments.gateway, now=clock.now(), everything=True)
            run = await run_balance(database, payments.gateway, now=clock.now())
        async with database.reading() as session:
            rows = (await session.execute(_SAID, {"run": run})).mappings()
            return Reconciled(asked, [dict(row) for row in rows])
    finally:
        await database.close()
