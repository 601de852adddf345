"""A county gets a new code: what was said of it goes on."""

from datetime import UTC, date, datetime

import pytest

from catalog.county.browse import list_counties
from catalog.county.designate import DesignationOverlaps, NewDesignation, UnknownCounty, designate
from catalog.county.pair import NewPairing, pair
from catalog.county.queries import lineage
from catalog.county.save import NewCounty, save_counties
from catalog.county.succeed import AlreadySucceeded, succeed
from catalog.product.follow_successors import follow_successors
from shop.core.database import Database
from shop.organisation.units import add_unit
from tests.make.catalogue import COUNTY, new_product, rows, stock_of_goods

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 6, 15, 4, tzinfo=UTC)
FIRST_DAY = date(2026, 7, 1)
NEW = NewCounty("620699", "天祝市", "甘肃省", "test")


@pytest.fixture
async def renumbered(database: Database) -> Database:
    """Announced in June: from 1 July on 620699 stands for 620623."""
    await stock_of_goods(database, new_product("T1"))
    async with database.transaction() as session:
        await save_counties(session, [NEW])
        await add_unit(session, actor=None, code="U1", name="单位", valid_from=date(2021, 1, 1), now=NOW)
        await pair(
            session, actor_id=None, pairings=[NewPairing("U1", COUNTY.code, date(2021, 1, 1), "letter")], now=NOW
        )
        await succeed(
            session,
            actor_id=None,
            code=COUNTY.code,
            successor_code=NEW.code,
            valid_from=FIRST_DAY,
            source="公告",
            now=NOW,
        )
    return database


async def test_designations_and_pairings_pass_on_from_the_first_day(renumbered: Database) -> None:
    codes = [COUNTY.code, NEW.code]
    async with renumbered.reading() as session:
        assert await lineage(session, NEW.code) == codes
        for day, code in ((date(2026, 6, 30), COUNTY.code), (FIRST_DAY, NEW.code)):
            stands = await list_counties(session, day=day, limit=5, designation="lifted_out")
            assert [one.code for one in stands.items] == [code]
    answered_for = await rows(renumbered, "SELECT county_code, valid_from, valid_to FROM pairing ORDER BY valid_from")
    assert answered_for == [(COUNTY.code, date(2021, 1, 1), FIRST_DAY), (NEW.code, FIRST_DAY, None)]


async def test_product_origins_follow_on_the_day_and_not_before(renumbered: Database) -> None:
    async with renumbered.transaction() as session:
        assert await follow_successors(session, now=NOW) == 0
        assert await follow_successors(session, now=datetime(2026, 6, 30, 16, tzinfo=UTC)) == 1  # midnight in Shanghai
        assert await follow_successors(session, now=datetime(2026, 6, 30, 16, tzinfo=UTC)) == 0
    assert await rows(renumbered, "SELECT origin_county_code FROM product") == [(NEW.code,)]


async def test_saying_it_again_is_one_succession_and_another_day_is_refused(renumbered: Database) -> None:
    before = await rows(renumbered, "SELECT * FROM designation ORDER BY id")
    async with renumbered.transaction() as session:
        await succeed(
            session,
            actor_id=None,
            code=COUNTY.code,
            successor_code=NEW.code,
            valid_from=FIRST_DAY,
            source="公告",
            now=NOW,
        )
    assert await rows(renumbered, "SELECT * FROM designation ORDER BY id") == before
    with pytest.raises(AlreadySucceeded):
        async with renumbered.transaction() as session:
            await succeed(
                session,
                actor_id=None,
                code=COUNTY.code,
                successor_code=NEW.code,
                valid_from=date(2026, 8, 1),
                source="公告",
                now=NOW,
            )
    assert await rows(renumbered, "SELECT count(*) FROM county_successor") == [(1,)]


async def test_one_kind_holds_once_a_day(renumbered: Database) -> None:
    again = NewDesignation(NEW.code, "lifted_out", "another list", valid_from=date(2027, 1, 1))
    with pytest.raises(DesignationOverlaps):
        async with renumbered.transaction() as session:
            await designate(session, actor_id=None, designations=[again], now=NOW)
    with pytest.raises(UnknownCounty):
        async with renumbered.transaction() as session:
            await designate(session, actor_id=None, designations=[NewDesignation("999999", "emergency", "x")], now=NOW)
    assert await rows(renumbered, "SELECT count(*) FROM designation") == [(2,)]
