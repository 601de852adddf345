"""The staff's page: the same figures in words, and what is wrong beside its field."""

import re
from collections.abc import Iterator
from datetime import date
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import HUNYUAN, Given, Sale, enter
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio

YEAR = clock.today().year
DAY = date(YEAR, 1, 10)


@pytest.fixture(autouse=True)
def in_november() -> Iterator[None]:
    clock.set_ahead(clock.datetime(YEAR, 11, 22, 12, tzinfo=clock.SHANGHAI) - clock.wall())
    yield
    clock.set_ahead(clock.timedelta(0))


def said(page: str) -> str:
    """What a reader sees."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


async def test_a_newcomer_to_the_page_sees_this_year_by_county(database: Database, client: AsyncClient) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        Sale(on=DAY, fen=123_455_000, path=[bank], given=[Given(on=DAY, fen=5_000)]),
        *(Sale(on=DAY, fen=100_000, path=[bank], place=HUNYUAN, kind="assisted_sale") for _ in range(5)),
        Sale(on=DAY, fen=880, path=[bank], reason="recognition_expired"),
        Sale(on=DAY, fen=70, path=[bank], grade="D", person=None),
    )
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers = await bearer(client, "staff@shop.test")
    answer = await client.get("/staff/reports", headers=headers)
    assert answer.status_code == 200
    seen = said(answer.text)
    for words in (
        "BANK（虚构）", "123.95 万元", "¥1,239,500.00", "123.45 万元", "0.50 万元", "从江县", "浑源县", "¥0.70",
        "¥8.80", "帮扶产品认定在下单当日已过有效期", "认定总额 ¥1,239,509.50", f"{YEAR}年1月1日", f"{YEAR}年12月31日",
    ):  # fmt: skip
        assert words in seen, words
    assert "<svg" in answer.text
    assert "&lt;5" in answer.text
    assert seen.index("从江县") < seen.index("浑源县")
    as_json, link = re.findall(r'href="(/api/v1/reports/sales[^"]+)"', answer.text)
    document = (await client.get(unescape(as_json), headers=headers)).json()
    assert document["known_at"] in answer.text
    assert document["digest"][:4] in answer.text
    sheet = await client.get(unescape(link), headers=headers)
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert "1239500.00" in sheet.text


async def test_presets_keep_the_other_conditions(database: Database, client: AsyncClient) -> None:
    bank = await unit(database, "BANK")
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers = await bearer(client, "staff@shop.test")
    page = (await client.get("/staff/reports?group_by=month&kind=assisted_sale", headers=headers)).text
    addresses = [urlsplit(unescape(there)).query for there in re.findall(r'href="(/staff/reports\?[^"]+)"', page)]
    periods = [(asked["from"][0], asked["to"][0]) for asked in map(parse_qs, addresses[:4])]
    assert periods == [
        (f"{YEAR}-11-01", f"{YEAR}-12-01"),
        (f"{YEAR}-10-01", f"{YEAR + 1}-01-01"),
        (f"{YEAR}-01-01", f"{YEAR + 1}-01-01"),
        (f"{YEAR - 1}-01-01", f"{YEAR}-01-01"),
    ]
    assert all(parse_qs(address)["kind"] == ["assisted_sale"] for address in addresses[:4])
    assert "这个期间没有计入的销售" in page


async def test_a_wrong_condition_stays_in_its_field_with_a_word_about_it(
    database: Database, client: AsyncClient
) -> None:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    headers = await bearer(client, "staff@shop.test")
    answer = await client.get("/staff/reports?from=2026-05-01&to=2026-04-01&group_by=%3Cb%3E", headers=headers)
    assert answer.status_code == 422
    assert "结束日期（不含当日）必须晚于开始日期" in answer.text
    assert 'value="2026-04-01"' in answer.text
    assert "<b>," not in answer.text
    assert (await client.get(f"/staff/reports?unit={other}", headers=headers)).status_code == 404


@pytest.mark.parametrize("keys", ["", "month", "county,month", "designation", "unit,union", "scope,campaign,half_year"])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_it_renders_whatever_is_asked(database: Database, client: AsyncClient, keys: str, lang: str) -> None:
    bank, second = await unit(database, "BANK"), await unit(database, "SECOND")
    await enter(database, *(Sale(on=DAY, fen=100, path=[path], designations=[]) for path in (bank, second)))
    await somebody(database, "staff@shop.test", *(Grant(Role.STAFF, "unit", str(one)) for one in (bank, second)))
    headers = await bearer(client, "staff@shop.test")
    answer = await client.get("/staff/reports", params={"group_by": keys, "lang": lang}, headers=headers)
    assert answer.status_code == 200
    assert "BANK（虚构）" in answer.text
    assert "¥1.00" in answer.text
    assert "¥2.00" not in answer.text
