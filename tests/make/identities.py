"""Every identity of the balance, over whatever was played."""

from orders.balance.identity import identities
from orders.credit.check import differences
from orders.funds.prove import prove
from shop.core.database import Database


async def identities_hold(database: Database) -> None:
    async with database.snapshot() as session:
        found = await identities(session)
        assert {one.code: one.apart for one in found if not one.holds} == {}
        assert (await prove(session)).wrong == ()
        assert await differences(session) == []
