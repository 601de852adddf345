"""What a report says: whose figure, which month, which scope, and that nothing afterwards changes it."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.jobs import fold_deltas
from orders.report.question import KEYS, read_question
from orders.report.visibility import UnitRequired
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotAllowed, NotFound
from shop.core.ids import new_id
from tests.make.credit import CONGJIANG, HUNYUAN, XIANFENG, Given, Sale, enter, producer_id
from tests.make.report import published
from tests.make.units import unit

pytestmark = pytest.mark.anyio

YEAR = clock.today().year
MARCH, APRIL, MAY = date(YEAR, 3, 10), date(YEAR, 4, 2), date(YEAR, 5, 1)


def staff(*scopes: tuple[str, object]) -> Actor:
    grants = tuple(Grant(Role.STAFF, kind, str(scope)) for kind, scope in scopes)  # type: ignore[arg-type]
    return Actor(new_id(), new_id(), new_id(), grants)


async def report(
    database: Database, actor: Actor | None = None, *, since: date | str = f"{YEAR}-01-01",
    until: date | str = f"{YEAR + 1}-01-01", **asked: object,
) -> dict[str, Any]:  # fmt: skip
    question = read_question({"from": str(since), "to": str(until)} | {k: str(v) for k, v in asked.items()})
    return await published(database, question, actor=actor)


def by(key: str, document: dict[str, Any]) -> dict[Any, int]:
    """Key → credited fen."""
    found = {}
    for row in document["rows"]:
        value = row[key]
        found[value.get("code") or value.get("name") if isinstance(value, dict) else value] = row["credited_fen"]
    return found


# --- whose figure ----------------------------------------------------------------------------------------------------


async def test_a_parent_is_the_sum_of_its_tree_and_a_branch_is_its_own(database: Database) -> None:
    bank = await unit(database, "BANK")
    one, two = await unit(database, "ONE", under=bank), await unit(database, "TWO", under=bank)
    other = await unit(database, "OTHER")
    await enter(
        database,
        Sale(on=MARCH, fen=100, path=[one, bank]),
        Sale(on=MARCH, fen=250, path=[two, bank], kind="assisted_sale"),
        Sale(on=MARCH, fen=7, path=[bank]),
        Sale(on=MARCH, fen=9_000, path=[other]),
    )
    whole = await report(database, staff(("unit", bank)))
    assert (whole["totals"]["direct_purchase_fen"], whole["totals"]["assisted_sale_fen"]) == (107, 250)
    assert whole["totals"]["credited_fen"] == 357
    assert whole["unit"] == {"id": str(bank), "name": "BANK（虚构）"}
    assert (await report(database, staff(("unit", bank)), unit=one))["totals"]["credited_fen"] == 100
    assert (await report(database, staff(("unit", one))))["totals"]["credited_fen"] == 100
    assert (await report(database, None))["totals"]["credited_fen"] == 9_357
    rows = (await report(database, staff(("unit", bank)), group_by="unit"))["rows"]
    assert {row["unit"]["id"]: row["credited_fen"] for row in rows} == {str(one): 100, str(two): 250, str(bank): 7}


async def test_a_unit_that_moved_leaves_what_was_reported_where_it_was(database: Database) -> None:
    old, new = await unit(database, "OLD"), await unit(database, "NEW")
    branch = await unit(database, "BRANCH", under=new)
    await enter(database, Sale(on=MARCH, fen=100, path=[branch, old]), Sale(on=APRIL, fen=30, path=[branch, new]))
    await fold_deltas(database)
    assert (await report(database, None, unit=old))["totals"]["credited_fen"] == 100
    assert (await report(database, None, unit=new))["totals"]["credited_fen"] == 30
    assert (await report(database, None, unit=branch))["totals"]["credited_fen"] == 130


async def test_strangers_units_are_not_found_and_no_scope_is_no_report(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    branch = await unit(database, "BRANCH", under=bank)
    for actor, asked in ((staff(("unit", bank)), other), (staff(("unit", branch)), bank), (None, new_id()),
                         (staff(("all", "*")), new_id()), (staff(("county", "522633")), bank)):  # fmt: skip
        with pytest.raises(NotFound):
            await report(database, actor, unit=asked)
    with pytest.raises(UnitRequired):
        await report(database, staff(("unit", bank), ("unit", other)))
    with pytest.raises(NotAllowed):
        await report(database, staff(("producer", new_id())))


async def test_being_an_employee_everywhere_does_not_widen_a_staff_members_report(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await enter(database, Sale(on=MARCH, fen=100, path=[bank]), Sale(on=MARCH, fen=50, path=[other]))
    both = staff(("unit", bank))
    both = replace(both, grants=(*both.grants, Grant(Role.EMPLOYEE, "all", "*")))
    assert (await report(database, both))["totals"]["credited_fen"] == 100


async def test_a_county_grant_sees_that_county_only(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        Sale(on=MARCH, fen=100, path=[bank]),
        Sale(on=MARCH, fen=50, path=[bank], place=HUNYUAN),
        Sale(on=MARCH, fen=3, path=[bank], place=HUNYUAN, reason="recognition_missing"),
    )
    seen = await report(database, staff(("county", "522633")), group_by="county")
    assert by("county", seen) == {"522633": 100}
    assert seen["not_counted"] == []
    assert (await report(database, staff(("county", "522633")), county="140225"))["recognised_fen"] == 0


# --- scope -----------------------------------------------------------------------------------------------------------


async def test_a_branchs_own_pairing_never_swells_head_offices_letter(database: Database) -> None:
    bank = await unit(database, "BANK")
    branch = await unit(database, "BRANCH", under=bank)
    await enter(
        database,
        Sale(on=MARCH, fen=100, path=[branch, bank], pairings=[bank]),
        Sale(on=MARCH, fen=40, path=[branch, bank], place=HUNYUAN, pairings=[branch]),
        Sale(on=MARCH, fen=20, path=[branch, bank], place=HUNYUAN, pairings=[branch], designations=[]),
    )
    assert by("scope", await report(database, None, unit=bank, group_by="scope")) == {
        "designated": 100,
        "other_assisted": 60,
    }
    assert by("scope", await report(database, None, unit=branch, group_by="scope")) == {"designated": 160}
    assert by("scope", await report(database, None, group_by="scope")) == {"designated": 100, "other_assisted": 60}
    only = await report(database, None, unit=bank, scope="designated", group_by="county")
    assert by("county", only) == {"522633": 100}


async def test_emergency_goods_never_swell_a_designated_county(database: Database) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await enter(
        database,
        Sale(on=MARCH, fen=10, path=[bank], place=XIANFENG, designations=["emergency"]),
        Sale(on=MARCH, fen=5, path=[bank], place=XIANFENG, designations=["emergency"], pairings=[other]),
        Sale(on=MARCH, fen=300, path=[bank], place=XIANFENG, designations=["emergency", "lifted_out"]),
        Sale(on=MARCH, fen=2_000, path=[bank], designations=["emergency"], pairings=[bank]),
        Sale(on=MARCH, fen=1, path=[bank], designations=[], reason="no_designation"),
    )
    asked = await report(database, None, unit=bank, group_by="scope")
    assert by("scope", asked) == {"designated": 2_000, "emergency": 15, "other_assisted": 300}
    assert asked["not_counted"] == [{"reason": "no_designation", "amount_fen": 1}]
    assert (await report(database, None, unit=bank, scope="other_assisted"))["not_counted"] == []


async def test_the_kinds_a_county_holds_make_one_row_so_rows_add_up(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        Sale(on=MARCH, fen=10, path=[bank], designations=["severely_poor", "lifted_out"]),
        Sale(on=MARCH, fen=5, path=[bank], designations=["lifted_out"], place=HUNYUAN),
        Sale(on=MARCH, fen=2, path=[bank], designations=[], pairings=[bank], place=HUNYUAN),
    )
    found = by("designation", await report(database, None, group_by="designation"))
    assert found == {"lifted_out": 5, "lifted_out+severely_poor": 10, None: 2}


# --- which month -----------------------------------------------------------------------------------------------------


async def test_a_refund_falls_in_its_own_month_or_on_the_day_of_its_sale(database: Database) -> None:
    bank = await unit(database, "BANK")
    given = Given(on=APRIL, fen=400, grams=200, milli=500)
    await enter(database, Sale(on=MARCH, fen=1_000, grams=500, milli=1_500, path=[bank], given=[given]))
    official = await report(database, None, group_by="month")
    assert by("month", official) == {f"{YEAR}-03": 1_000, f"{YEAR}-04": -400}
    assert [row["refunded_fen"] for row in official["rows"]] == [0, 400]
    assert [row["quantity"] for row in official["rows"]] == [2, -1]
    assert [(row["orders"], row["participants"]) for row in official["rows"]] == [(1, None), (0, 0)]
    assert by("month", await report(database, None, group_by="month", view="sale_day")) == {f"{YEAR}-03": 600}
    only_march = await report(database, None, since=f"{YEAR}-03-01", until=f"{YEAR}-04-01")
    assert only_march["totals"]["credited_fen"] == 1_000
    by_sale = await report(database, None, since=f"{YEAR}-03-01", until=f"{YEAR}-04-01", view="sale_day")
    assert (by_sale["totals"]["credited_fen"], by_sale["totals"]["refunded_fen"]) == (600, 400)
    assert (by_sale["totals"]["grams"], by_sale["totals"]["orders"]) == (300, 1)
    nothing = await report(database, None, since=f"{YEAR}-04-01", until=f"{YEAR}-05-01", view="sale_day")
    assert (nothing["recognised_fen"], nothing["rows"]) == (0, [])


async def test_days_are_half_open_and_times_of_the_year_are_named(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(database, *(Sale(on=day, fen=fen, path=[bank]) for day, fen in ((MARCH, 1), (APRIL, 20), (MAY, 300))))
    assert (await report(database, None, since=MARCH, until=APRIL))["totals"]["credited_fen"] == 1
    assert (await report(database, None, since=APRIL, until=MAY))["totals"]["credited_fen"] == 20
    assert (await report(database, None, since=MARCH, until=date(YEAR, 5, 2)))["totals"]["credited_fen"] == 321
    assert by("quarter", await report(database, None, group_by="quarter")) == {f"{YEAR}-Q1": 1, f"{YEAR}-Q2": 320}
    assert by("half_year", await report(database, None, group_by="half_year")) == {f"{YEAR}-H1": 321}
    assert by("year", await report(database, None, group_by="year")) == {str(YEAR): 321}


# --- what counts -----------------------------------------------------------------------------------------------------


async def test_counted_and_not_counted_make_what_was_recognised(database: Database) -> None:
    bank = await unit(database, "BANK")
    refund = Given(on=APRIL, fen=30, milli=100)
    await enter(
        database,
        Sale(on=MARCH, fen=1_000, path=[bank], given=[refund]),
        Sale(on=MARCH, fen=500, path=[bank], grade="D", person=None),
        Sale(on=MARCH, fen=200, path=[bank], grade="C", kind="assisted_sale"),
        Sale(on=MARCH, fen=80, path=[bank], reason="recognition_expired", given=[replace(refund, id=new_id(), fen=9)]),
        Sale(on=MARCH, fen=66, path=[bank], reason="recognition_missing"),
        Sale(on=MARCH, fen=5, reason="no_credited_unit", kind="assisted_sale"),
    )
    whole = await report(database, None)
    totals = whole["totals"]
    assert (totals["direct_purchase_fen"], totals["assisted_sale_fen"], totals["credited_fen"]) == (970, 200, 1_170)
    assert (totals["unverified_fen"], totals["refunded_fen"], totals["flagged_fen"]) == (500, 30, 0)
    assert whole["not_counted"] == [
        {"reason": "recognition_missing", "amount_fen": 66},
        {"reason": "recognition_expired", "amount_fen": 71},
        {"reason": "no_credited_unit", "amount_fen": 5},
    ]
    async with database.reading() as session:
        entered = (await session.execute(text("SELECT sum(amount_fen)::bigint FROM credit_entry"))).scalar_one()
    assert whole["recognised_fen"] == entered == 1_170 + 500 + 66 + 71 + 5
    assisted = await report(database, None, kind="assisted_sale")
    assert (assisted["totals"]["credited_fen"], assisted["totals"]["direct_purchase_fen"]) == (200, 0)
    assert assisted["not_counted"] == [{"reason": "no_credited_unit", "amount_fen": 5}]
    assert (await report(database, None, unit=bank))["recognised_fen"] == entered - 5


async def test_every_filter_narrows_figures_people_and_what_is_not_counted(database: Database) -> None:
    bank = await unit(database, "BANK")
    campaign = new_id()
    mine = {"channel": "fair", "fund_source": "union", "campaign": campaign, "producer": "乙合作社（虚构）"}
    people = [new_id() for _ in range(6)]
    await enter(
        database,
        *(Sale(on=MARCH, fen=100, path=[bank], person=person, **mine) for person in people),
        Sale(on=MARCH, fen=3, path=[bank], reason="recognition_missing", **mine),
        Sale(on=MARCH, fen=10_000, path=[bank], place=HUNYUAN),
        Sale(on=MARCH, fen=20_000, path=[bank], reason="recognition_missing", place=HUNYUAN),
    )
    for asked in ({"channel": "fair"}, {"fund_source": "union"}, {"campaign": campaign}, {"county": "522633"},
                  {"producer": producer_id("乙合作社（虚构）")}):  # fmt: skip
        found = await report(database, None, group_by="province", **asked)
        assert (found["totals"]["credited_fen"], found["totals"]["participants"]) == (600, 6), asked
        assert found["not_counted"] == [{"reason": "recognition_missing", "amount_fen": 3}]
        assert found["recognised_fen"] == 603


async def test_renaming_afterwards_changes_nothing_and_two_names_are_one_row(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database, Sale(on=MARCH, fen=100, path=[bank], unit_name="旧名支行（虚构）", producer="示例合作社（虚构）")
    )
    keys = "county,producer,supplier,unit"
    before = await report(database, None, group_by=keys)
    async with database.transaction() as session:
        await session.execute(text("UPDATE unit SET name = '新名（虚构）'"))
    assert (await report(database, None, group_by=keys))["rows"] == before["rows"]
    (row,) = before["rows"]
    assert row["unit"]["name"] == "旧名支行（虚构）"
    assert row["county"] == {"code": "522633", "name": "从江县", "province": "贵州省"}
    renamed = replace(CONGJIANG, name="从江市")
    await enter(database, Sale(on=APRIL, fen=11, path=[bank], place=renamed, producer="示例合作社（虚构），改名"))
    await fold_deltas(database)
    (row,) = (await report(database, None, group_by="county"))["rows"]
    assert (row["county"]["name"], row["credited_fen"], row["orders"]) == ("从江市", 111, 2)
    assert by("county", await report(database, None, group_by="county", until=date(YEAR, 4, 1))) == {"522633": 100}
    (row,) = (await report(database, None, group_by="producer"))["rows"]
    assert (row["producer"]["name"], row["credited_fen"]) == ("示例合作社（虚构），改名", 111)


# --- people ----------------------------------------------------------------------------------------------------------


async def test_one_who_bought_in_two_counties_is_one_in_the_sum(database: Database) -> None:
    bank = await unit(database, "BANK")
    crowd = [new_id() for _ in range(6)]
    await enter(
        database,
        *(Sale(on=MARCH, fen=100, path=[bank], person=person) for person in crowd),
        *(Sale(on=MARCH, fen=100, path=[bank], person=person, place=HUNYUAN) for person in crowd[:5]),
        Sale(on=MARCH, fen=100, path=[bank], person=crowd[0]),
        Sale(on=MARCH, fen=100, path=[bank], person=None),
        Sale(on=MARCH, fen=100, path=[bank], reason="recognition_missing"),
        Sale(on=MARCH, fen=100, path=[bank], grade="D"),
    )
    found = await report(database, None, group_by="county")
    assert [row["participants"] for row in found["rows"]] == [5, 6]
    assert found["totals"]["participants"] == 6
    assert (found["totals"]["orders"], sum(row["orders"] for row in found["rows"])) == (13, 13)


@pytest.mark.parametrize(("buyers", "shown"), [(0, 0), (1, None), (4, None), (5, 5)])
async def test_so_few_that_they_could_be_recognised_are_not_shown(
    database: Database, buyers: int, shown: int | None
) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        Sale(on=MARCH, fen=100, path=[bank], person=None),
        *(Sale(on=MARCH, fen=100, path=[bank], place=HUNYUAN) for _ in range(7)),
        *(Sale(on=MARCH, fen=100, path=[bank]) for _ in range(buyers)),
    )
    found = await report(database, None, group_by="county")
    assert {row["county"]["code"]: row["participants"] for row in found["rows"]} == {"522633": shown, "140225": 7}
    assert found["totals"]["participants"] == 7 + buyers
    alone = await report(database, None, county="522633")
    assert (alone["totals"]["participants"], alone["rows"][0]["participants"]) == (shown, shown)


async def test_a_refund_alone_makes_no_participant(database: Database) -> None:
    bank = await unit(database, "BANK")
    sales_ = [Sale(on=MARCH, fen=50, path=[bank], given=[Given(on=APRIL, fen=50, milli=1_000)]) for _ in range(5)]
    await enter(database, *sales_)
    april = await report(database, None, since=f"{YEAR}-04-01", until=f"{YEAR}-05-01", group_by="county")
    (row,) = april["rows"]
    assert (row["credited_fen"], row["participants"], row["orders"]) == (-250, 0, 0)
    march = await report(database, None, since=f"{YEAR}-03-01", until=f"{YEAR}-04-01", view="sale_day")
    assert (march["totals"]["credited_fen"], march["totals"]["participants"]) == (0, 5)


async def test_every_key_can_be_asked_for_and_an_empty_shop_answers(database: Database) -> None:
    empty = await report(database, None, group_by="county,month")
    assert (empty["rows"], empty["totals"]["credited_fen"], empty["not_counted"]) == ([], 0, [])
    bank = await unit(database, "BANK")
    union: UUID = new_id()
    await enter(database, Sale(on=MARCH, fen=100, path=[bank], union=union, campaign=new_id()))
    for key in KEYS:
        (row,) = (await report(database, None, group_by=key))["rows"]
        assert row["credited_fen"] == 100
        assert row[key], key
    assert next(iter((await report(database, None, group_by="union"))["rows"]))["union"]["id"] == str(union)
