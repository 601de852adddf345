"""What `shop seed` loads: published facts, and with the demo its invented people and goods."""

from shop.core.database import Database
from shop.demo.catalogue import COUNTY_CODE, SUPPLIER_ID, seed_catalogue, seed_facts
from shop.demo.people import grant_goods_roles, seed_people


async def seed(database: Database, *, demo: bool) -> None:
    """What is there already stays as it is."""
    if not demo:
        await seed_facts(database)
        return
    people = await seed_people(database)
    await seed_catalogue(database)
    await grant_goods_roles(database, people, supplier_id=SUPPLIER_ID, county_code=COUNTY_CODE)
