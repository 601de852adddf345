"""The list as programs read it: its shape, its filters, its pages, what can be ordered now, and bad input."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from catalog.county.models import County, CountySuccessor
from catalog.listing.schemas import ProductPage
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres.connection import Options
from shop.core.postgres.hot import HotPool
from tests.make.listing import Goods, again, list_goods, paper, run, write

PEPPER = Goods(
    title="100%花椒", price_fen=3800, sold=5, zones=["gifts"], designations=["lifted_out", "key_revitalisation"]
)
TEA = Goods(
    title="恩施玉露",
    county=("422801", "恩施市", "湖北省"),
    producer="富硒茶业专业合作社（虚构）",
    category="茶叶",
    price_fen=12_800,
    sold=9,
    created_at=datetime(2026, 5, 1, tzinfo=UTC),
)
RICE = Goods(
    title="糯米", county=("500235", "云阳县", "重庆市"), producer="云阳米业（虚构）", category="大米", price_fen=1990
)


async def titles(client: AsyncClient, **parameters: str | int) -> list[str]:
    answer = await client.get("/api/v1/products", params=parameters)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


@pytest.mark.anyio
async def test_a_card_says_what_the_promise_says(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER)
    answer = await client.get("/api/v1/products")
    producer_id = answer.json()["items"][0]["producer"]["id"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "items": [
            {
                "id": str(PEPPER.product_id),
                "title": "100%花椒",
                "county": {"code": "513328", "name": "甘孜县", "province": "四川省"},
                "producer": {"id": producer_id, "name": PEPPER.producer},
                "category": "调味品",
                "price_fen": 3800,
                "price_list": "retail",
                "member_price_fen": None,
                "available": 10,
                "image": f"/media/products/{PEPPER.product_id}.svg",
                "skus": [
                    {
                        "id": str(PEPPER.sku_id), "spec": "250g/袋", "price_fen": 3800, "price_list": "retail",
                        "member_price_fen": None, "available": 10, "net_grams": 250,
                    }
                ],
            }
        ],
        "next_cursor": None,
    }  # fmt: skip
    ProductPage.model_validate_json(answer.content, strict=True)


@pytest.mark.anyio
async def test_filters_and_sorts(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER, TEA, RICE)
    producer_id = (await client.get("/api/v1/products", params={"q": "糯米"})).json()["items"][0]["producer"]["id"]
    assert await titles(client) == ["恩施玉露", "100%花椒", "糯米"]
    assert await titles(client, sort="price") == ["糯米", "100%花椒", "恩施玉露"]
    assert await titles(client, sort="-price") == ["恩施玉露", "100%花椒", "糯米"]
    assert (await titles(client, sort="newest"))[0] == "恩施玉露"
    assert await titles(client, county="422801") == ["恩施玉露"]
    assert await titles(client, province="四川省") == ["100%花椒"]
    assert await titles(client, designation="key_revitalisation") == ["100%花椒"]
    assert await titles(client, designation="emergency") == []
    assert await titles(client, producer=producer_id) == ["糯米"]
    assert await titles(client, category="茶叶") == ["恩施玉露"]
    assert await titles(client, zone="gifts") == ["100%花椒"]
    assert await titles(client, min_fen=1990, max_fen=3800) == ["100%花椒", "糯米"]
    assert await titles(client, q="花椒", province="湖北省") == []
    assert await titles(client, q="", county=" ") == ["恩施玉露", "100%花椒", "糯米"]


@pytest.mark.anyio
@pytest.mark.parametrize("sort", ["sold", "price", "-price", "newest"])
async def test_pages_together_are_the_whole_even_among_equals(
    client: AsyncClient, database: Database, sort: str
) -> None:
    goods = [
        Goods(
            title=f"糯米{n}", price_fen=1000 + n // 3, created_at=datetime(2026, 1, 1 + n // 3, 0, 0, 0, 7, tzinfo=UTC)
        )
        for n in range(7)
    ]
    await list_goods(database, *goods)
    seen, cursor = [], ""
    for _ in range(4):
        answer = (await client.get("/api/v1/products", params={"sort": sort, "limit": 2, "cursor": cursor})).json()
        seen += [item["title"] for item in answer["items"]]
        cursor = answer["next_cursor"]
    assert cursor is None
    assert len(seen) == 7
    assert set(seen) == {one.title for one in goods}


@pytest.mark.anyio
async def test_what_can_be_ordered_now(client: AsyncClient, database: Database) -> None:
    month = clock.today().month
    plain = Goods(title="花椒", on_hand=10, held=3)
    other = Goods(title="核桃", on_hand=5)
    none = Goods(title="苹果", on_hand=4, held=4)
    early = Goods(title="枇杷", on_hand=9, ship_months=[month % 12 + 1])
    spoiled = Goods(title="牛肉", on_hand=9)
    await list_goods(database, plain, other, none, early, spoiled)
    box = Goods(title="礼盒", contents=[(plain, 2), (other, 1)])
    bad_box = Goods(title="肉礼盒", contents=[(spoiled, 1), (other, 1)])
    await list_goods(database, box, bad_box)
    await write(database, paper(spoiled, "inspection", clock.today()))
    await again(database, spoiled.product_id, bad_box.product_id)

    async def available() -> dict[str, int]:
        items = (await client.get("/api/v1/products")).json()["items"]
        assert all(item["available"] == item["skus"][0]["available"] for item in items)
        return {item["title"]: item["available"] for item in items}

    assert await available() == {"花椒": 7, "核桃": 5, "苹果": 0, "枇杷": 0, "牛肉": 0, "礼盒": 3, "肉礼盒": 0}
    # Stock is read live: nothing has to be made anew.
    await run(database, "UPDATE stock_item SET held_pieces = 5 WHERE sku_id = :sku", sku=other.sku_id)
    assert (await available())["礼盒"] == 0


@pytest.mark.anyio
async def test_a_county_is_found_under_its_old_and_its_new_code(client: AsyncClient, database: Database) -> None:
    today = clock.today()
    await list_goods(database, PEPPER, TEA)
    await write(database, County(code="513399", name="甘孜市", province="四川省", valid_from=today, source="测试"))
    await write(database, CountySuccessor(code="513328", successor_code="513399", valid_from=today, source="测试"))
    await run(database, "UPDATE county SET valid_to = :today WHERE code = '513328'", today=today)
    assert await titles(client, county="513399") == ["100%花椒"]  # before the worker comes by
    await again(database, PEPPER.product_id)
    for code in ("513328", "513399"):
        assert await titles(client, county=code) == ["100%花椒"]
    item = (await client.get("/api/v1/products", params={"county": "513328"})).json()["items"][0]
    assert item["county"] == {"code": "513399", "name": "甘孜市", "province": "四川省"}
    # Designations pass to the successor from its first day.
    assert await titles(client, designation="lifted_out") == ["100%花椒"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "101"}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"min_fen": "2", "max_fen": "1"}, "/min_fen"),
        ({"min_fen": "-1"}, "/min_fen"),
        ({"max_fen": str(10**30)}, "/max_fen"),
        ({"sort": "colour"}, "/sort"),
        ({"county": "51332"}, "/county"),
        ({"designation": "rich"}, "/designation"),
        ({"producer": "someone"}, "/producer"),
        ({"category": "a\x00b"}, "/category"),
        ({"q": "椒" * 61}, "/q"),
        ({"cursor": "nonsense"}, "/cursor"),
        ({"cursor": "WyJzb2xkIiwxLCJ4Il0"}, "/cursor"),
    ],
)
async def test_bad_input_is_named(client: AsyncClient, parameters: dict[str, str], pointer: str) -> None:
    answer = await client.get("/api/v1/products", params=parameters)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid"
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.anyio
async def test_a_cursor_belongs_to_its_sort(client: AsyncClient, database: Database) -> None:
    await list_goods(database, PEPPER, TEA)
    cursor = (await client.get("/api/v1/products", params={"limit": 1})).json()["next_cursor"]
    answer = await client.get("/api/v1/products", params={"limit": 1, "cursor": cursor, "sort": "price"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/cursor")


@pytest.mark.anyio
async def test_the_document_tells_what_may_be_asked(client: AsyncClient) -> None:
    said = (await client.get("/openapi.json")).json()["paths"]["/api/v1/products"]["get"]
    assert {one["name"] for one in said["parameters"]} == {
        "county", "province", "designation", "producer", "category", "zone", "q", "min_fen", "max_fen", "sort", "limit",
        "cursor",
    }  # fmt: skip
    assert "ProductPage" in str(said["responses"]["200"])


@pytest.mark.anyio
async def test_the_short_way_and_the_route_say_the_same(
    client: AsyncClient, stranger: AsyncClient, database: Database
) -> None:
    await list_goods(database, PEPPER, TEA, RICE)
    for query in ("", "?limit=2", "?sort=-price&min_fen=2000", "?county=422801", "?limit=0", "?cursor=x", "?q=huajiao"):
        direct, short = await client.get(f"/api/v1/products{query}"), await stranger.get(f"/api/v1/products{query}")
        assert (direct.status_code, direct.content) == (short.status_code, short.content), query
        own = {"x-request-id"}
        assert {n: v for n, v in direct.headers.items() if n not in own} == {
            n: v for n, v in short.headers.items() if n not in own
        }, query
        assert direct.headers["x-request-id"] != short.headers["x-request-id"]


@pytest.mark.anyio
async def test_without_a_database_the_short_way_says_try_again(
    app: FastAPI, stranger: AsyncClient, database: Database
) -> None:
    nowhere = HotPool("postgresql://nobody@127.0.0.1:1/nothing", size=1, options=Options({}))
    app.state.database = replace(database, hot=nowhere)
    answer = await stranger.get("/api/v1/products")
    assert (answer.status_code, answer.json()["code"]) == (503, "try_again")
    assert answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]
