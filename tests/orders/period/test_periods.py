"""Each company closes its own months, and two people open one again: through the API's doors."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import first_of
from tests.make.filing import AS_TEXT, a_bank
from tests.make.months import LAST, THIS, TODAY, Companies, companies, text_of
from tests.make.people import bearer

pytestmark = pytest.mark.anyio

DAY, FIRST = first_of(LAST).replace(day=15), first_of(THIS)
BEFORE_LAST = clock.add_months(LAST, -1)


@pytest.fixture
async def two(client: httpx.AsyncClient, database: Database) -> Companies:
    return await companies(client, database)


async def test_a_companys_close_moves_nothing_of_another_ones(two: Companies) -> None:
    """What of the first falls into its closed month lands in its next; the second's and the shop's own do not."""
    ours = await two.sell([two.branch, two.bank], DAY)
    theirs, nobodys = await two.sell([two.other], DAY), await two.sell([], DAY)
    closed = await two.close("bank.one", LAST)
    assert (closed["state"], closed["unit"]["id"], closed["closer"]) == ("closed", str(two.bank), "bank.one（虚构）")
    for sale in (ours, theirs, nobodys):
        await two.give_back(sale, DAY, 300)
    assert await two.landed(two.bank) == [(LAST, 1_000, None), (THIS, -300, DAY)]
    for top in (two.other, None):
        assert await two.landed(top) == [(LAST, -300, None), (LAST, 1_000, None)]
    assert [one["state"] for one in await two.months("other.one")] == ["open"] * 3
    assert [one["state"] for one in await two.months("branch")] == ["open", "closed", "open"], "a branch sees it"

    own = await two.close("platform.one", LAST)
    assert (own["state"], own["unit"]) == ("closed", None), "who stands above all units closes the shop's own"
    assert await two.close("platform.one", LAST, unit="shop") == own
    for sale in (theirs, nobodys):
        await two.give_back(sale, DAY, 1)
    assert await two.landed(two.other) == [(LAST, -300, None), (LAST, -1, None), (LAST, 1_000, None)]
    assert await two.landed(None) == [(LAST, -300, None), (LAST, 1_000, None), (THIS, -1, DAY)]


async def test_who_does_not_reach_the_top_unit_itself_closes_nothing(two: Companies) -> None:
    refused = [
        ("branch", None),
        ("branch", two.bank),
        ("branch", two.branch),  # no top unit, so it has no months of its own
        ("bank.one", two.branch),
        ("bank.one", two.other),
        ("bank.one", "shop"),
        ("bank.one", new_id()),
        ("platform.one", two.branch),
    ]
    for who, unit in refused:
        for answer in (await two.post(who, f"{text_of(LAST)}/close", unit=unit), await two.ask(who, LAST, unit=unit)):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (who, unit, answer.text)
    assert (await two.post("bank.one", f"{text_of(LAST)}/close", unit="all")).status_code == 422
    for params in ({"unit": str(two.other)}, {"unit": "shop"}):
        seen = await two.http.get("/api/v1/periods", params=params, headers=two.callers["branch"])
        assert seen.status_code == 404
    async with two.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM unit_month WHERE state <> 'open'")) == 0
        assert await session.scalar(text("SELECT count(*) FROM period_event")) == 0
    assert (await two.close("platform.one", LAST, unit=two.other))["unit"]["id"] == str(two.other)


async def test_months_that_cannot_be_closed(two: Companies) -> None:
    for month, status in (
        (str(THIS), 409), (text_of(clock.add_months(THIS, 1)), 409), ("2026-13", 404), ("199912", 404), ("now", 404),
        ("000001", 404), ("2100-01", 404),
    ):  # fmt: skip
        answer = await two.post("bank.one", f"{month}/close")
        assert answer.status_code == status, answer.text
    months = await two.months("bank.one", limit=2)
    assert [(one["month"], one["state"]) for one in months] == [(text_of(THIS), "open"), (text_of(LAST), "open")]
    page = await two.http.get("/api/v1/periods?limit=100", headers=two.callers["bank.one"])
    found = page.json()["items"]
    while cursor := page.json()["next_cursor"]:
        page = await two.http.get(f"/api/v1/periods?limit=7&cursor={cursor}", headers=two.callers["bank.one"])
        found += page.json()["items"]
    assert [found[0]["month"], found[-1]["month"]] == [text_of(THIS), "2020-01"]
    assert len({one["month"] for one in found}) == len(found)


async def test_closed_opened_again_and_closed_with_its_history(two: Companies) -> None:
    sale = await two.sell([two.branch, two.bank], DAY)
    first = await two.close("bank.one", LAST)
    assert await two.close("bank.two", LAST) == first, "again is success, by the first closer"
    await two.give_back(sale, DAY, 100)
    asked = await two.asked("bank.one", LAST)
    assert (await two.ask("bank.two", LAST)).json()["code"] == "reopening_asked"
    (waiting,) = [one["reopening"] for one in await two.months("branch") if one["reopening"]]
    assert (waiting["id"], waiting["reason"], waiting["asker"]) == (asked, "漏记一批退款", "bank.one（虚构）")
    for who, status, code in (
        ("bank.one", 409, "second_person_needed"), ("branch", 404, "not_found"), ("other.one", 404, "not_found"),
    ):  # fmt: skip
        answer = await two.approve(who, LAST, asked)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await two.approve("bank.two", THIS, asked)).status_code == 404, "another month's request"
    await two.give_back(sale, DAY, 10)
    assert [row[0] for row in await two.landed(two.bank)] == [LAST, THIS, THIS], "nothing moved yet"

    opened = (await two.approve("bank.two", LAST, asked)).json()
    assert (opened["state"], opened["closed_at"], opened["reopening"]) == ("open", None, None)
    assert (await two.approve("platform.one", LAST, asked)).json()["code"] == "already_decided"
    await two.give_back(sale, DAY, 1)
    assert (LAST, -1, None) in await two.landed(two.bank)
    assert (await two.ask("bank.one", LAST)).json()["code"] == "month_open"
    again = await two.close("bank.two", LAST)
    assert [step["kind"] for step in again["history"]] == ["closed", "reopened", "closed"]
    reopened = again["history"][1]
    assert (reopened["actor"], reopened["asker"], reopened["reason"]) == (
        "bank.two（虚构）", "bank.one（虚构）", "漏记一批退款",
    )  # fmt: skip
    await two.give_back(sale, DAY, 2)
    assert (THIS, -2, DAY) in await two.landed(two.bank)
    async with two.database.reading() as session:
        noted = (await session.scalars(text("SELECT action FROM audit_event WHERE action LIKE 'period%'"))).all()
    assert sorted(noted) == ["period.close", "period.close", "period.reopen", "period.reopen_ask"]


async def test_a_refused_reopening_moves_nothing_and_may_be_asked_for_again(two: Companies) -> None:
    await two.close("bank.one", LAST)
    asked = await two.asked("bank.one", LAST)
    there = f"{text_of(LAST)}/reopen/{asked}/refuse"
    assert (await two.post("bank.one", there, {"decision": "算了"})).json()["code"] == "second_person_needed"
    assert (await two.post("bank.two", there, {})).status_code == 422, "not without a reason"
    refused = await two.post("bank.two", there, {"decision": "可在下月记入"})
    assert (refused.status_code, refused.json()["state"]) == (200, "closed")
    assert (await two.approve("bank.two", LAST, asked)).json()["code"] == "already_decided"
    assert await two.asked("bank.two", LAST)
    for body in ({}, {"reason": " "}, {"reason": "x", "more": 1}):
        assert (await two.post("bank.one", f"{text_of(LAST)}/reopen", body)).status_code == 422


async def test_one_key_is_one_request_of_one_unit(two: Companies) -> None:
    """The platform's person sends the same words for two units under the same key: not the first answer again."""
    for unit in (two.bank, two.other):
        await two.close("platform.one", LAST, unit=unit)
    key = {"Idempotency-Key": "k1"} | two.callers["platform.one"]
    there, body = f"/api/v1/periods/{text_of(LAST)}/reopen", {"reason": "补记"}
    first = await two.http.post(there, params={"unit": str(two.bank)}, json=body, headers=key)
    same = await two.http.post(there, params={"unit": str(two.bank)}, json=body, headers=key)
    other = await two.http.post(there, params={"unit": str(two.other)}, json=body, headers=key)
    assert (first.status_code, same.json()) == (201, first.json())
    assert other.json()["code"] == "idempotency_key_reused"


async def test_the_database_itself_wants_two_people(two: Companies) -> None:
    await two.close("bank.one", LAST)
    asked = await two.asked("bank.one", LAST)
    with pytest.raises(IntegrityError, match="another_person"):
        async with two.database.transaction() as session:
            await session.execute(
                text("""UPDATE period_reopening SET state = 'approved', decided_by = asked_by, decided_at = now()
                    WHERE id = :id"""),
                {"id": asked},
            )


async def test_several_closed_months_are_skipped_and_one_between_them_is_not(two: Companies) -> None:
    for month in (LAST, BEFORE_LAST, clock.add_months(LAST, -3)):
        await two.close("bank.one", month)
    early, late = first_of(clock.add_months(LAST, -3)).replace(day=28), first_of(BEFORE_LAST).replace(day=28)
    await two.sell([two.bank], early, 10)
    await two.sell([two.bank], late, 20)
    assert await two.landed(two.bank) == [(clock.add_months(LAST, -2), 10, early), (THIS, 20, late)]
    await two.reopen(BEFORE_LAST)
    await two.sell([two.bank], late, 30)
    assert (BEFORE_LAST, 30, None) in await two.landed(two.bank)


async def test_december_is_adjusted_before_it_is_final(two: Companies) -> None:
    year = TODAY.year - 1
    december = date(year, 12, 5)
    async with two.database.transaction() as session:
        await session.execute(
            text("INSERT INTO adjustment_rule VALUES (:day, :days, '示例（虚构）')"),
            {"day": date(year, 1, 1), "days": (TODAY - date(year, 12, 31)).days + 5},
        )
    adjusting = await two.close("bank.one", year * 100 + 12)
    assert (adjusting["state"], adjusting["adjusts_until"]) == ("adjusting", str(TODAY + timedelta(days=6)))
    await two.sell([two.bank], december)
    clock.set_ahead(timedelta(days=7))
    await two.sell([two.bank], december, 50)
    assert await two.landed(two.bank) == [(year * 100 + 12, 1_000, None), ((year + 1) * 100 + 1, 50, december)]
    two.callers |= {who: await bearer(two.http, f"{who}@months.test") for who in ("bank.one", "bank.two")}
    assert (await two.close("bank.one", year * 100 + 12))["state"] == "closed"
    await two.reopen(year * 100 + 12)
    await two.sell([two.bank], december, 60)
    assert (year * 100 + 12, 60, None) in await two.landed(two.bank)


async def test_a_unit_that_came_under_another_keeps_the_months_it_had(two: Companies) -> None:
    """The second company joins the bank this month: last month is still its own, this month is the bank's."""
    before = await two.sell([two.other], DAY)
    async with two.database.transaction() as session:
        await session.execute(
            text("""INSERT INTO unit_parent (id, unit_id, parent_id, valid_from)
                VALUES (gen_random_uuid(), :unit, :parent, :day)"""),
            {"unit": two.other, "parent": two.bank, "day": FIRST},
        )
    assert (await two.close("other.one", LAST, unit=two.other))["state"] == "closed"
    assert (await two.post("other.one", f"{text_of(LAST)}/close")).status_code == 404, "his top unit is the bank now"
    await two.give_back(before, DAY, 5)
    await two.sell([two.other, two.bank], DAY, 7)
    assert await two.landed(two.other) == [(LAST, 1_000, None), (THIS, -5, DAY)]
    assert await two.landed(two.bank) == [(LAST, 7, None)]


async def test_its_own_filing_round_is_what_a_close_counts(client: httpx.AsyncClient, database: Database) -> None:
    bank = await a_bank(client, database)
    await bank.signed(await bank.open())
    two = await companies_beside(client, database)
    closed = await bank.http.post(f"/api/v1/periods/{AS_TEXT}/close", headers=bank.asks)
    assert closed.json()["was_open"]["filings_unsigned"] == 2
    assert (await two.close("other.one", LAST))["was_open"]["filings_unsigned"] == 0


async def companies_beside(http: httpx.AsyncClient, database: Database) -> Companies:
    """The bank is there already under its code."""
    async with database.transaction() as session:
        await session.execute(text("UPDATE unit SET code = code || '-1'"))
    return await companies(http, database)
