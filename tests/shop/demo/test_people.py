"""The demo's people are there, may do what their part says, and seeding again changes nothing."""

import pytest
from sqlalchemy import text

from shop.app.demo.people import CHARACTERS, PASSWORD, grant_goods_roles, seed_people
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.keys import Keys
from tests.make.people import bearer, client_of
from tests.shop.access.conftest import door_app

EVERYTHING = text(
    "SELECT (SELECT count(*) FROM unit), (SELECT count(*) FROM unit_parent), (SELECT count(*) FROM user_account),"
    " (SELECT count(*) FROM membership), (SELECT count(*) FROM introduction), (SELECT count(*) FROM union_membership),"
    " (SELECT count(*) FROM role_grant), (SELECT count(*) FROM audit_event), (SELECT count(*) FROM invitation_link),"
    " (SELECT count(*) FROM canteen)"
)


@pytest.mark.anyio
async def test_seeding_twice_is_seeding_once(database: Database) -> None:
    states = []
    for _ in range(2):
        people = await seed_people(database)
        await grant_goods_roles(database, people, supplier_id=_SUPPLIER, county_code="522633")
        async with database.reading() as session:
            states.append(tuple((await session.execute(EVERYTHING)).one()))
    assert states[0] == states[1]
    assert states[0][0] == 6
    assert set(people.user_ids) == {character.email for character in CHARACTERS}
    async with database.reading() as session:
        invented = await session.scalar(text("SELECT bool_and(name LIKE '%（虚构）') FROM person"))
    assert invented


@pytest.mark.anyio
async def test_each_account_signs_in_with_its_part(database: Database, keys: Keys) -> None:
    people = await seed_people(database)
    await grant_goods_roles(database, people, supplier_id=_SUPPLIER, county_code="522633")
    demo = people.unit_ids["DEMO"]
    introduced = {}
    async with client_of(door_app(database, keys)) as client:
        seen = {}
        for email in people.user_ids:
            me = (await client.get("/api/v1/me", headers=await bearer(client, email, PASSWORD))).json()
            introduced[email] = (me["introducing_unit"] or {}).get("id")
            seen[email] = (me["unit"] or {}).get("code"), me["roles"][0]["role"], me["roles"][0]["scope_id"]
    assert seen["employee@demo.test"] == ("DEMO-1", "employee", str(people.unit_ids["DEMO-1"]))
    assert seen["staff@demo.test"] == seen["staff.second@demo.test"] == ("DEMO", "staff", str(demo))
    assert seen["supplier@demo.test"] == (None, "supplier", str(_SUPPLIER))
    assert seen["county@demo.test"] == (None, "county_reviewer", "522633")
    assert seen["admin@demo.test"] == (None, "administrator", "*")
    other = people.unit_ids["OTHER"]
    assert seen["employee@other.test"] == ("OTHER", "employee", str(other))
    assert seen["admin@other.test"] == (None, "administrator", str(other))
    assert (seen["outside@demo.test"][0], introduced["outside@demo.test"]) == (None, str(demo))


_SUPPLIER = new_id()
