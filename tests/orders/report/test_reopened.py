"""Reports that stood on a month which was opened again say so: in the document, on the sheet, and at `/verify`."""

from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from orders.report.question import Question
from orders.seal.canonical import canonical
from shop.core.database import Database
from tests.make.credit import first_of
from tests.make.months import LAST, Companies, companies, text_of
from tests.make.report import again, published

pytestmark = pytest.mark.anyio

DAY = first_of(LAST).replace(day=15)
PERIOD = {"from": str(date(DAY.year, 1, 1)), "to": str(date(DAY.year + 1, 1, 1)), "group_by": "month"}


@pytest.fixture
async def two(client: httpx.AsyncClient, database: Database) -> Companies:
    return await companies(client, database)


async def report(two: Companies, who: str, **more: str) -> Any:
    answer = await two.http.get("/api/v1/reports/sales", params=PERIOD | more, headers=two.callers[who])
    assert answer.status_code == 200, answer.text
    return answer.json() if "format" not in more else answer.text


async def checked(two: Companies, of: Any) -> str:
    page = await two.http.get(f"/verify/{of['digest'][:16]}")
    assert page.status_code == 200
    return page.text


async def test_a_report_names_the_months_it_stands_on_that_were_opened_again(two: Companies) -> None:
    await two.sell([two.branch, two.bank], DAY, 700)
    await two.sell([two.other], DAY, 50)
    before = await report(two, "bank.one")
    await two.close("bank.one", LAST)
    rested = {who: await report(two, who) for who in ("bank.one", "branch", "other.one", "platform.one")}
    assert not any("reopened" in one for one in [before, *rested.values()])
    await two.reopen(LAST, "漏记，=HYPERLINK(1)")
    await two.sell([two.branch, two.bank], DAY, 1)
    since = {who: await report(two, who) for who in rested}
    for who in ("bank.one", "branch", "platform.one"):
        (one,) = since[who]["reopened"]
        assert (one["month"], one["unit"]["id"], one["unit"]["name"], one["reason"]) == (
            text_of(LAST), str(two.bank), "BANK（虚构）", "漏记，=HYPERLINK(1)",
        )  # fmt: skip
        assert one["at"] <= since[who]["known_at"]
    assert "reopened" not in since["other.one"], "another company's month is not its business"
    sheet = await report(two, "bank.one", format="csv")
    (line,) = [line for line in sheet.splitlines() if line.startswith("曾关账后重新开账的月份")]
    assert text_of(LAST) in line
    page = await two.http.get("/staff/reports", params=PERIOD, headers=two.callers["bank.one"])
    assert "曾关账后重新开账的月份" in page.text

    for who in ("bank.one", "branch", "platform.one"):
        assert "后来重新开过账" in await checked(two, rested[who])
        assert text_of(LAST) in await checked(two, rested[who])
        assert "漏记" not in await checked(two, rested[who]), "the reason is not for everybody"
        assert "后来重新开过账" not in await checked(two, since[who])
    for one in (before, rested["other.one"], since["other.one"]):
        assert "后来重新开过账" not in await checked(two, one), "it was open when the report was made, or another's"


async def test_only_the_period_and_only_what_was_known_then(two: Companies) -> None:
    """And whatever is opened and closed later, a report asked again with its own moment is the same to the byte."""
    await two.sell([two.branch, two.bank], DAY, 700)
    await two.close("bank.one", LAST)
    whole = Question(date.fromisoformat(PERIOD["from"]), date.fromisoformat(PERIOD["to"]), ("month",), unit=two.bank)
    made = [await published(two.database, whole)]
    for reason in ("第一次", "第二次"):
        await two.reopen(LAST, reason)
        made.append(await published(two.database, whole))
        await two.close("bank.two", LAST)
        made.append(await published(two.database, whole))
    assert [[one["reason"] for one in of.get("reopened", [])] for of in made] == [
        [], ["第一次"], ["第一次"], ["第一次", "第二次"], ["第一次", "第二次"],
    ]  # fmt: skip
    async with two.database.transaction() as session:
        await session.execute(text("UPDATE unit SET name = name || '新' WHERE id = :id"), {"id": two.bank})
    for of in made:
        assert await again(two.database, whole, of) == canonical(of)
    earlier = Question(date(DAY.year - 1, 1, 1), first_of(LAST), unit=two.bank)
    assert "reopened" not in await published(two.database, earlier)


async def test_by_the_day_of_the_sale_a_report_stands_on_later_months_too(two: Companies) -> None:
    """A refund of an earlier month's sale is in the month that was opened again."""
    early = date(DAY.year - 1, 12, 28)
    sale = await two.sell([two.bank], early, 700)
    await two.give_back(sale, DAY, 100)
    await two.close("bank.one", LAST)
    await two.reopen(LAST)
    asked = Question(date(early.year, 12, 1), date(early.year + 1, 1, 1), unit=two.bank)
    assert "reopened" not in await published(two.database, asked)
    by_sale = Question(asked.since, asked.until, unit=two.bank, view="sale_day")
    assert [one["month"] for one in (await published(two.database, by_sale))["reopened"]] == [text_of(LAST)]


async def test_the_shops_own_month_is_nobodys(two: Companies) -> None:
    await two.sell([], DAY, 5)
    await two.close("platform.one", LAST)
    asked = await two.asked("platform.one", LAST, "自有月份")
    assert (await two.approve("platform.two", LAST, asked)).status_code == 200
    whole = await report(two, "platform.one")
    assert [(one["unit"], one["month"]) for one in whole["reopened"]] == [(None, text_of(LAST))]
    assert "reopened" not in await report(two, "bank.one")
