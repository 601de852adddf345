"""Every identity of the balance, over whatever was played."""

from sqlalchemy import text

from orders.balance.identity import identities
from orders.credit.check import differences
from orders.funds.prove import prove
from shop.core.database import Database

# What a company has credited for an order up to the end of a month: no reversal lands before what it takes back.
_BELOW_ZERO = text("""
SELECT * FROM (SELECT unit_path, order_id, period_month, sum(sum(amount_fen)) OVER (
        PARTITION BY unit_path, order_id ORDER BY period_month) AS fen
    FROM credit_entry GROUP BY unit_path, order_id, period_month) up_to
WHERE fen < 0
""")


async def identities_hold(database: Database) -> None:
    async with database.snapshot() as session:
        found = await identities(session)
        assert {one.code: one.apart for one in found if not one.holds} == {}
        assert (await prove(session)).wrong == ()
        assert await differences(session) == []
        below = await session.execute(_BELOW_ZERO)
        assert [tuple(row) for row in below] == [], "a month gives back what it has not got"
