"""The detail shows everything the page shows, with days and sources; the same content has the same tag."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from httpx import AsyncClient

from catalog.listing.schemas import ProductDetail
from catalog.price.models import SellerDiscount
from shop.core import clock
from shop.core.database import Database
from tests.make.listing import Goods, again, benefit, list_goods, paper, rate, recognition, run, write


@pytest.mark.anyio
async def test_everything_is_there(client: AsyncClient, database: Database) -> None:
    today = clock.today()
    tomorrow, yesterday = today + timedelta(days=1), today - timedelta(days=1)
    tea = Goods(title="玉露", county=("422801", "恩施市", "湖北省"), producer="茶社（虚构）")
    await list_goods(database, tea)
    box = Goods(title="礼盒", contents=[(tea, 2)], designations=["lifted_out"], zones=["gifts"])
    await list_goods(database, box)
    url = f"/api/v1/products/{box.product_id}"
    bare = (await client.get(url)).json()
    supplier_id, producer_id = UUID(bare["supplier"]["id"]), UUID(bare["producer"]["id"])
    await write(
        database,
        paper(box, "licence", tomorrow, number="SC-1", issuer="示例局（虚构）"),
        paper(box, "green", tomorrow),
        paper(box, "organic", today),  # ended this morning
        recognition(box, yesterday - timedelta(days=300), yesterday),
        recognition(box, yesterday, tomorrow),
        benefit(producer_id, yesterday),
        rate(supplier_id, free_from_fen=9900),
        rate(supplier_id, "422801", first_fen=1500),
        rate(supplier_id, "50", served=False),
        SellerDiscount(id=uuid4(), supplier_id=supplier_id, threshold_fen=9900, discount_fen=500, valid_from=today),
    )
    await run(
        database, "INSERT INTO county (code, name, province, source) VALUES ('500235', '云阳县', '重庆市', '测试')"
    )
    await again(database, box.product_id)

    answer = await client.get(url)
    ProductDetail.model_validate_json(answer.content, strict=True)
    said = answer.json()
    assert (said["title"], said["available"], said["in_season"]) == ("礼盒", 5, True)
    assert said["recognition"]["valid_to"] == tomorrow.isoformat()
    assert said["badges"] == ["green"]
    assert {one["kind"]: one["in_force"] for one in said["documents"]} == {
        "licence": True,
        "green": True,
        "organic": False,
    }
    assert [(one["kind"], one["source"]) for one in said["designations"]] == [("lifted_out", "示例名单")]
    assert (said["benefit_statement"]["households"], said["benefit_statement"]["source"]) == (120, "示例材料（虚构）")
    assert said["discounts"][0]["discount_fen"] == 500
    assert (
        said["freight_note"]
        == "首重 1 千克 ¥8.00，续重每 1 千克 ¥2.00，满 ¥99.00 包邮；恩施市另计；暂时送不到：重庆市。"
    )
    inside = said["skus"][0]["contents"]
    assert [(one["title"], one["pieces"], one["county"]["name"], one["producer"]["name"]) for one in inside] == [
        ("玉露", 2, "恩施市", "茶社（虚构）")
    ]
    assert said["supplier"]["fictitious"] is True
    assert said["zones"] == [{"slug": "gifts", "title": "gifts专区"}]


@pytest.mark.anyio
async def test_a_known_tag_is_answered_without_the_content(client: AsyncClient, database: Database) -> None:
    goods = Goods(on_hand=5)
    await list_goods(database, goods)
    url = f"/api/v1/products/{goods.product_id}"
    first = await client.get(url)
    tag = first.headers["etag"]
    assert tag.startswith('"')  # a strong one
    again = await client.get(url, headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await run(database, "UPDATE stock_item SET held_pieces = 1")
    changed = await client.get(url, headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["available"]) == (200, 4)
    assert changed.headers["etag"] != tag


@pytest.mark.anyio
async def test_what_is_not_listed_is_not_there(client: AsyncClient) -> None:
    answer = await client.get(f"/api/v1/products/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "product_not_found")
