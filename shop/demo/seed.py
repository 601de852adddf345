"""Everything that the demo starts from: published facts, fictitious people, and the sample catalogue."""

from sqlalchemy import select, text

from catalog.listing.jobs import refresh_touched
from orders.spending.seed_rules import seed_rules
from shop.core import clock
from shop.core.database import Database
from shop.demo.catalogue import COUNTY_CODE, SUPPLIER_ID, seed_catalogue, seed_facts
from shop.demo.people import grant_goods_roles, seed_people


async def seed(database: Database, *, demo: bool) -> None:
    """Safe to run again. demo: the people and goods too, ready for sale; else only what documents say."""
    await seed_rules(database, now=clock.now())
    if not demo:
        await seed_facts(database)
        return
    people = await seed_people(database)
    await seed_catalogue(database)
    await grant_goods_roles(database, people, supplier_id=SUPPLIER_ID, county_code=COUNTY_CODE)
    await refresh_touched(database)


async def is_empty(database: Database) -> bool:
    """Whether nobody and nothing is there yet."""
    async with database.reading() as session:
        return not await session.scalar(select(text("EXISTS (SELECT FROM product) OR EXISTS (SELECT FROM person)")))
