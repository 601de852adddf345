"""The published facts, loaded: what an auditor would look up."""

from datetime import date

import pytest
from sqlalchemy import text

from catalog.county.browse import list_counties, read_county
from catalog.county.load import load_counties
from catalog.county.queries import lineage
from shop.core import clock
from shop.core.database import Database

pytestmark = pytest.mark.anyio
TODAY = date(2026, 11, 22)


@pytest.fixture
async def loaded(database: Database) -> Database:
    async with database.transaction() as session:
        await load_counties(session, now=clock.now())
    return database


async def count(database: Database, what: str) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {what}")) or 0)


async def test_every_list_is_complete_and_loading_again_changes_nothing(loaded: Database) -> None:
    async def figures() -> dict[str, int]:
        return {
            "counties": await count(loaded, "county WHERE valid_to IS NULL"),
            "former": await count(loaded, "county WHERE valid_to IS NOT NULL"),
            "lifted_out": await count(loaded, "designation WHERE kind = 'lifted_out'"),
            "severely_poor": await count(loaded, "designation WHERE kind = 'severely_poor'"),
            "key": await count(loaded, "designation WHERE kind = 'key_revitalisation'"),
            "unconfirmed": await count(loaded, "designation WHERE NOT confirmed"),
            "emergency": await count(loaded, "designation WHERE kind = 'emergency'"),
            "provincial": await count(loaded, "designation WHERE kind = 'provincial'"),
            "events": await count(loaded, "audit_event"),
        }

    first = await figures()
    assert {key: first[key] for key in ("counties", "former", "lifted_out", "severely_poor", "key", "emergency")} == {
        "counties": 2852,
        "former": 117,
        "lifted_out": 831,
        "severely_poor": 198,
        "key": 150,
        "emergency": 75,
    }
    assert first["provincial"] == 1
    assert first["unconfirmed"] == 58
    async with loaded.transaction() as session:
        await load_counties(session, now=clock.now())
    assert await figures() == first


async def test_blank_means_unknown_and_has_no_row(loaded: Database) -> None:
    async with loaded.reading() as session:
        found = [await list_counties(session, day=TODAY, limit=2, q=code) for code in ("532322", "130125", "110101")]
    kinds = {page.items[0].code: [one.kind for one in page.items[0].designations] for page in found}
    assert kinds == {"532322": ["lifted_out"], "130125": ["lifted_out"], "110101": []}


async def test_emergency_ended_with_2020(loaded: Database) -> None:
    async with loaded.reading() as session:
        last = await list_counties(session, day=date(2020, 12, 31), limit=5, designation="emergency", q="429005")
        after = await list_counties(session, day=date(2021, 1, 1), limit=5, designation="emergency")
    assert ([one.code for one in last.items], after.items) == (["429005"], [])


async def test_an_old_code_leads_to_the_new_one(loaded: Database) -> None:
    async with loaded.reading() as session:
        now = await list_counties(session, day=TODAY, limit=5, q="130721")
        then = await list_counties(session, day=date(2015, 12, 31), limit=5, q="130721")
        line = await lineage(session, "130721")
        detail = await read_county(session, "130721")
    assert [(one.code, one.name) for one in now.items] == [("130705", "宣化区")]
    assert ("130721", "宣化县") in [(one.code, one.name) for one in then.items]
    assert line == ["130705", "130721"]
    assert detail.valid_to == date(2016, 1, 1)
    assert [one.code for one in detail.successors] == ["130705"]


async def test_unconfirmed_is_said(loaded: Database) -> None:
    async with loaded.reading() as session:
        county = await read_county(session, "640303")
    assert [(one.kind, one.source, one.confirmed) for one in county.designations] == [
        ("key_revitalisation", "未核实", False)
    ]


@pytest.mark.parametrize(
    ("q", "code"),
    [("天祝", "620623"), ("天祝县", "620623"), ("tianzhu", "620623"), ("宣化县", "130705"), ("130721", "130705")],
)
async def test_found_by_every_name_in_use(loaded: Database, q: str, code: str) -> None:
    async with loaded.reading() as session:
        page = await list_counties(session, day=TODAY, limit=20, q=q)
    assert code in [one.code for one in page.items]


async def test_pages_follow_each_other_without_gap(loaded: Database) -> None:
    seen: list[str] = []
    cursor = None
    async with loaded.reading() as session:
        while True:
            page = await list_counties(session, day=TODAY, limit=100, designation="lifted_out", cursor=cursor)
            seen += [one.code for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
    assert len(seen) == len(set(seen)) == 831
