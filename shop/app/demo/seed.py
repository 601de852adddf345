"""Everything that the demo starts from: published facts, fictitious people, and the sample catalogue."""

from datetime import date
from hashlib import sha256
from typing import Final

from sqlalchemy import select, text

from catalog.listing.jobs import refresh_touched
from orders.spending.seed_rules import seed_rules
from shop.app.demo.catalogue import COUNTY_CODE, SUPPLIER_ID, seed_catalogue, seed_facts
from shop.app.demo.people import SINCE, DemoPeople, grant_goods_roles, seed_people
from shop.core import clock
from shop.core.database import Database
from shop.organisation.grant_mandate import NewMandate, grant_mandate

UNTIL: Final = date(2036, 1, 1)
_MANDATED: Final = text("SELECT EXISTS (SELECT FROM audit_mandate WHERE auditor_id = :auditor)")
_AUDITED: Final = (
    ("auditor@demo.test", "admin@demo.test", "DEMO"),
    ("auditor@other.test", "admin@other.test", "OTHER"),
)


async def seed(database: Database, *, demo: bool) -> None:
    """Safe to run again. demo: the people and goods too, ready for sale; else only what documents say."""
    await seed_rules(database, invented=demo, now=clock.now())
    if not demo:
        await seed_facts(database)
        return
    people = await seed_people(database)
    await seed_catalogue(database)
    await grant_goods_roles(database, people, supplier_id=SUPPLIER_ID, county_code=COUNTY_CODE)
    await _let_audit(database, people)
    await refresh_touched(database)


async def _let_audit(database: Database, people: DemoPeople) -> None:
    """An engagement letter (虚构) for each company's auditor over the whole of it; once."""
    letter = sha256("审计委托书（虚构）".encode()).hexdigest()
    async with database.transaction() as session:
        for auditor, admin, unit in _AUDITED:
            if await session.scalar(_MANDATED, {"auditor": people.user_ids[auditor]}):
                continue
            requested = NewMandate(auditor, [people.unit_ids[unit]], SINCE, UNTIL, SINCE, UNTIL, letter)
            await grant_mandate(session, actor_id=people.user_ids[admin], requested=requested, now=clock.now())


async def is_empty(database: Database) -> bool:
    """Whether nobody and nothing is there yet."""
    async with database.reading() as session:
        return not await session.scalar(select(text("EXISTS (SELECT FROM product) OR EXISTS (SELECT FROM person)")))
