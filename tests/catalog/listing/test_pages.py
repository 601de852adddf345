"""The window as people see it, without JavaScript."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from httpx import AsyncClient

from catalog.county.models import Pairing
from catalog.listing import cache
from shop.core import clock
from shop.core.database import Database
from shop.organisation.models import Unit
from tests.make.listing import LONG_AGO, Goods, again, list_goods, paper, recognition, run, write

PEPPER = Goods(title="大红袍花椒<b>", sold=9, zones=["gifts"], designations=["lifted_out"], price_fen=3800)
TEA = Goods(
    title="恩施玉露", county=("422801", "恩施市", "湖北省"), producer="茶社（虚构）", category="茶叶", price_fen=9900
)


def cards(html: str) -> list[str]:
    return re.findall(r'class="card-title">([^<]*)<', html)


@pytest.mark.anyio
async def test_the_front_page_lists_searches_and_narrows(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER, TEA)
    page = await client.get("/")
    assert page.status_code == 200
    assert cards(page.text) == ["大红袍花椒&lt;b&gt;", "恩施玉露"]
    assert f'src="/media/products/{TEA.product_id}.svg"' in page.text
    for there in ("/?category=%E8%8C%B6%E5%8F%B6", "/?province=%E6%B9%96%E5%8C%97%E7%9C%81"):
        assert f'href="{there}"' in page.text
        assert cards((await client.get(there)).text) == ["恩施玉露"]
    for query in ("zone=gifts", "designation=lifted_out", "q=huajiao", "max_yuan=38", "min_yuan=30&max_yuan=40"):
        assert cards((await client.get(f"/?{query}")).text) == ["大红袍花椒&lt;b&gt;"], query
    assert cards((await client.get("/?sort=-price")).text)[0] == "恩施玉露"


@pytest.mark.anyio
async def test_nothing_found_says_what_to_do(client: AsyncClient, database: Database) -> None:
    await list_goods(database, TEA)
    page = await client.get("/?q=榴莲")
    assert cards(page.text) == []
    assert "没有找到合适的商品" in page.text
    assert 'href="/?category=%E8%8C%B6%E5%8F%B6"' in page.text
    empty = await client.get("/?min_yuan=abc")
    assert empty.status_code == 422


@pytest.mark.anyio
async def test_pages_follow_each_other(client: AsyncClient, database: Database) -> None:
    await list_goods(database, *(Goods(title=f"核桃{n:02}") for n in range(30)))
    first = (await client.get("/?q=核桃")).text
    there = re.search(r'rel="next" href="([^"]+)"', first)
    assert there
    second = (await client.get(there[1].replace("&amp;", "&"))).text
    assert sorted(cards(first) + cards(second)) == [f"核桃{n:02}" for n in range(30)]
    assert 'rel="next"' not in second
    assert "回到第一页" in second


@pytest.mark.anyio
async def test_a_county_says_why(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER, TEA)
    unit = Unit(id=uuid4(), code="BANK", name="示例银行（虚构）", valid_from=LONG_AGO.date(), created_at=LONG_AGO)
    await write(database, unit)
    await write(
        database,
        Pairing(id=uuid4(), unit_id=unit.id, county_code="513328", valid_from=LONG_AGO.date(), source="虚构"),
    )
    page = (await client.get("/counties/513328")).text
    for said in ("甘孜县", "脱贫县", "示例名单", "来源待核实", "有 1 家单位定点帮扶本县"):
        assert said in page, said
    assert cards(page) == ["大红袍花椒&lt;b&gt;"]
    assert (await client.get("/counties/999999", headers={"accept": "text/html"})).status_code == 404


@pytest.mark.anyio
async def test_a_row_that_an_older_version_made_is_shown(client: AsyncClient, database: Database) -> None:
    """Until the worker makes it anew it does not say which list a price is of."""
    goods = Goods()
    await list_goods(database, goods)
    told = ('"price_list":"retail","member_price_fen":null,', '"campaigns":[],', '"list":"retail",')
    for part in told:
        await run(
            database,
            "UPDATE listing_row SET card = replace(card, :part, ''), detail = replace(detail, :part, '')",
            part=part,
        )
    cards = (await client.get("/api/v1/products")).text
    assert not any(part in cards for part in told)
    for address in ("/", f"/products/{goods.product_id}"):
        assert "¥38.00" in (await client.get(address)).text


@pytest.mark.anyio
async def test_a_product_can_be_put_into_the_cart(client: AsyncClient, database: Database) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    await list_goods(database, PEPPER)
    await write(
        database,
        paper(PEPPER, "licence", tomorrow, number="SC-123"),
        paper(PEPPER, "green", clock.today()),
        recognition(PEPPER, LONG_AGO.date(), tomorrow),
    )
    await again(database, PEPPER.product_id)
    page = (await client.get(f"/products/{PEPPER.product_id}")).text
    form = re.search(r'<form[^>]*action="/cart/lines" method="post">.*?</form>', page, re.DOTALL)
    assert form
    assert f'name="sku_id" value="{PEPPER.sku_id}"' in form[0]
    assert re.search(r'name="csrf_token" value="[0-9a-f]{64}"', form[0])
    assert 'name="quantity"' in form[0]
    for said in ("¥38.00", "SC-123", "已认定帮扶产品", "不在有效期", "甘孜县", "净重 250 克"):
        assert said in page, said
    assert "<b>" not in re.sub(r"<b[ >]", "", page.split("<main")[1].split("</h1>")[0])


@pytest.mark.anyio
async def test_what_cannot_be_ordered_says_why(client: AsyncClient, database: Database) -> None:
    month = clock.today().month
    sold_out, late = Goods(title="苹果", on_hand=0), Goods(title="枇杷", ship_months=[month % 12 + 1])
    expired = Goods(title="牛肉")
    await list_goods(database, sold_out, late, expired)
    await write(database, paper(expired, "inspection", clock.today()))
    await again(database, expired.product_id)
    for goods, why in ((sold_out, "已售完"), (late, "不在发货季节"), (expired, "证照已过期")):
        page = (await client.get(f"/products/{goods.product_id}")).text
        assert why in page
        assert 'action="/cart/lines"' not in page
    front = (await client.get("/")).text
    assert "不在产季" in front
    assert "已售完" in front


@pytest.mark.anyio
async def test_pictures_are_drawings_that_may_be_kept(client: AsyncClient, database: Database) -> None:
    await list_goods(database, TEA)
    url = f"/media/products/{TEA.product_id}.svg"
    picture = await client.get(url)
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert "max-age=3600" in picture.headers["cache-control"]
    assert "<title>恩施玉露</title>" in picture.text
    assert (await client.get(url, headers={"if-none-match": picture.headers["etag"]})).status_code == 304
    assert (await client.get(f"/media/products/{uuid4()}.svg")).status_code == 404


@pytest.mark.anyio
async def test_a_stranger_gets_the_front_page_from_the_cache_in_her_language(
    stranger: AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIFETIME_S", 60)
    await list_goods(database, TEA)
    first = await stranger.get("/")
    assert "set-cookie" not in first.headers
    await run(database, "DELETE FROM listing_row")
    assert cards((await stranger.get("/")).text) == ["恩施玉露"]
    english = await stranger.get("/", headers={"accept-language": "en"})
    assert english.headers["content-language"] == "en"
    assert cards(english.text) == []


@pytest.mark.anyio
async def test_chosen_filters_are_taken_away_one_by_one(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER, TEA)
    page = (await client.get("/?category=茶叶&county=422801&max_yuan=100")).text
    chosen = re.search(r'aria-label="已选条件">(.*?)</ul>', page, re.DOTALL)
    assert chosen
    words = re.findall(r'aria-current="true">([^<]+?) <', chosen[1])
    assert words == ["茶叶", "恩施市", "≤ ¥100"]
    without = re.findall(r'href="([^"]+)"', chosen[1])
    assert "category" not in without[0]
    assert "county=422801" in without[0]


@pytest.mark.anyio
async def test_english_leaves_nothing_of_ours_in_chinese(client: AsyncClient, database: Database) -> None:
    goods = Goods(title="Pepper", county=("513328", "Ganzi", "Sichuan"), producer="Coop", category="Spice", spec="1 kg")
    await list_goods(database, goods)
    for path in ("/", "/?q=nothing", f"/products/{goods.product_id}", "/counties/513328"):
        page = (await client.get(path, headers={"accept-language": "en"})).text
        main = re.sub(r"<[^>]+>", " ", page.split("<main")[1].split("</main>")[0])
        left = set(re.findall(r"[一-鿿]+", main)) - {"运费在购物车里按收货地址计算", "测试", "虚构"}
        assert not left, (path, left)
