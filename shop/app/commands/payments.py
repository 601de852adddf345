"""`shop reconcile`: ask about everything open, now; then compare the books."""

from dataclasses import dataclass

from sqlalchemy import text

from orders.balance.run import run_balance
from orders.switchboard import reconcile
from shop.adapters.stripe.open import open_payments
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings

_RUN = text("SELECT holds, differences FROM balance_run WHERE id = :run")
_NAMED = text("""
SELECT code, subject, amount, measure, said, owner, reason, waits FROM balance_difference WHERE closed_at IS NULL
ORDER BY waits, first_seen_at, id
""")


@dataclass(frozen=True, slots=True)
class Reconciled:
    """asked: payments and refunds the provider was asked about. holds, differences: what the run itself found. named:
    everything that is open now; what only waits for a person (`waits`) is no difference.
    """

    asked: int
    holds: bool
    differences: int
    named: list[dict[str, object]]


async def reconcile_all(database: Database) -> Reconciled:
    async with open_payments(Settings(), database, now=clock.now) as payments:
        asked = await reconcile(database, payments.gateway, now=clock.now(), everything=True)
        run = await run_balance(database, payments.gateway, now=clock.now())
    async with database.reading() as session:
        found = (await session.execute(_RUN, {"run": run})).one()
        named = (await session.execute(_NAMED)).mappings()
        return Reconciled(asked, found.holds, found.differences, [dict(row) for row in named])
