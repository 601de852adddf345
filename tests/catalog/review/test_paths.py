"""Every way to a product or a price of the shelf leads past the second person."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from catalog.price.change_price import NewPrice, change_prices
from catalog.price.limit import RETAIL_BASIS_POINTS
from catalog.product.shelf import ReviewNeeded
from catalog.product.withdraw_product import withdraw_product
from catalog.upload.kinds.product import PRODUCTS
from catalog.upload.stage import import_file
from shop.app.commands.imports import load
from shop.core import clock
from shop.core.database import Database
from tests.make.review import Goods, file_of

pytestmark = pytest.mark.anyio
SAMPLE_HEADER = (
    "sku,county_code,supplier_name,product_name,category,spec,net_weight_g,price_min_cny,certification,documents,"
    "vat_hint,source\n"
)
LAST = "SELECT fen, reviewed_fen FROM price WHERE sku_id = :sku AND list = 'retail' ORDER BY valid_from DESC LIMIT 1"


def priced(code: str, fen: int, *more: str, columns: str = "") -> bytes:
    cells = [code, f"{fen / 100:.2f}", *more]
    return f"规格编号,单价（元）{columns}\n{','.join(cells)}\n".encode()


def changes(review: dict[str, Any]) -> list[tuple[Any, Any, Any]]:
    return [(one["field"], one["before"], one["after"]) for one in review["changes"]]


async def test_the_owners_shell_waits_too(shelf: Goods) -> None:
    facts = await shelf.facts()
    body = file_of(facts | {"title": "命令行改名（虚构）"})
    done = await load(shelf.database, kind="products", name="goods.csv", content=body)
    assert (done["saved"], done["products_waiting"]) == (True, 1)
    assert (await shelf.facts())["title"] == facts["title"]
    done = await load(shelf.database, kind="prices", name="prices.csv", content=priced(shelf.code, facts["fen"] * 10))
    assert done["waiting"][0]["changes"][-1]["after"] == facts["fen"] * 10
    (review,) = await shelf.reviews(shelf.first, state="waiting")
    assert (review["asked_by"], review["asked_by_name"], len(review["changes"])) == (None, None, 2)
    assert (await shelf.act(shelf.first, review["id"], "approve")).status_code == 200
    now = await shelf.facts()
    assert (now["title"], now["fen"]) == ("命令行改名（虚构）", facts["fen"] * 10)


async def test_a_first_listing_asks_as_before_and_the_file_brought_again_waits(shelf: Goods) -> None:
    facts = await shelf.facts()
    new = facts | {"code": "NEW-1", "title": "新品（虚构）"}
    done = await load(shelf.database, kind="products", name="new.csv", content=file_of(new))
    assert done["products_waiting"] == 0
    assert await shelf.rows("SELECT state, title FROM product WHERE code = 'NEW-1'") == [("listed", "新品（虚构）")]
    done = await load(shelf.database, kind="products", name="new.csv", content=file_of(new | {"title": "改名（虚构）"}))
    assert done["products_waiting"] == 1
    assert await shelf.rows("SELECT state, title FROM product WHERE code = 'NEW-1'") == [("listed", "新品（虚构）")]


async def test_a_suppliers_draft_is_its_own_until_it_is_listed(shelf: Goods) -> None:
    draft = {"code": "DRAFT-1", "title": "草稿（虚构）"}
    facts = await shelf.facts()
    for title, fen in (("草稿（虚构）", 1_000), ("草稿二（虚构）", 100_000)):
        row = facts | draft | {"title": title, "yuan": f"{fen / 100:.2f}"}
        answer = await shelf.http.post(
            "/api/v1/products/import", files={"file": ("d.csv", file_of(row))}, headers=shelf.supplier.headers
        )
        assert answer.json()["products_waiting"] == 0
    draft_now = await shelf.facts("DRAFT-1")
    assert (draft_now["title"], draft_now["fen"]) == ("草稿二（虚构）", 100_000)
    listed = await shelf.http.post(f"/api/v1/products/{draft_now['product_id']}/list", headers=shelf.first.headers)
    assert listed.status_code == 204
    answer = await shelf.brought(shelf.supplier, draft | {"title": "上架后改名（虚构）"})
    assert answer["products_waiting"] == 1


async def test_what_was_withdrawn_is_not_changed_behind_the_curtain(shelf: Goods) -> None:
    """Else one person alone could withdraw, change and list again."""
    facts = await shelf.facts()
    async with shelf.database.transaction() as session:
        await withdraw_product(session, actor=None, product_id=facts["product_id"], reason="换季", now=clock.now())
    answer = await shelf.brought(shelf.first, {"title": "换名（虚构）", "yuan": f"{facts['fen'] / 10:.2f}"})
    assert answer["products_waiting"] == 1
    now = await shelf.facts()
    assert (now["title"], now["fen"]) == (facts["title"], facts["fen"])


async def test_a_price_list_by_itself_waits_up_and_down(shelf: Goods) -> None:
    facts = await shelf.facts()
    fen = facts["fen"]
    for requested in (fen * 10, fen // 10, fen * 2, fen // 2):
        done = await shelf.prices(priced(shelf.code, requested), shelf.supplier)
        assert [len(one.items) for one in done.waiting] == [1]
        (review,) = await shelf.reviews(shelf.first, state="waiting")
        assert changes(review) == [("price", fen, requested)]
        assert (await shelf.facts())["fen"] == fen
    assert (await shelf.act(shelf.first, review["id"], "approve")).status_code == 200
    assert (await shelf.facts())["fen"] == fen // 2
    (by,) = await shelf.rows(
        "SELECT u.email FROM audit_event e JOIN user_account u ON u.id = e.actor_id"
        " WHERE e.action = 'price.change' AND e.reason = 'review:' || :id",
        id=review["id"],
    )
    assert by == ("platform@demo.test",)


async def test_many_small_moves_are_one_large_one(shelf: Goods) -> None:
    facts = await shelf.facts()
    fen, day = facts["fen"], clock.now()
    step = fen * RETAIL_BASIS_POINTS // 10_000
    assert (await shelf.prices(priced(shelf.code, fen + step), shelf.supplier, now=day)).waiting == ()
    assert await shelf.rows(LAST, sku=facts["sku_id"]) == [(fen + step, fen)]
    more = await shelf.prices(priced(shelf.code, fen + step + 1), shelf.supplier, now=day + timedelta(seconds=1))
    assert len(more.waiting) == 1
    down = await shelf.prices(priced(shelf.code, fen - step), shelf.supplier, now=day + timedelta(seconds=2))
    assert len(down.waiting) == 1, "it has stood at more: a fall by more than the limit from what it costs now"
    assert await shelf.rows(LAST, sku=facts["sku_id"]) == [(fen + step, fen)]
    (review,) = await shelf.reviews(shelf.first, state="waiting")
    assert (await shelf.act(shelf.first, review["id"], "approve")).status_code == 200
    assert await shelf.rows(LAST, sku=facts["sku_id"]) == [(fen - step, None)], "seen by a second person"


async def test_a_price_for_a_later_day_waits_and_begins_then(shelf: Goods) -> None:
    facts = await shelf.facts()
    fen, later = facts["fen"], clock.today() + timedelta(days=3)
    soon = priced(shelf.code, fen * 10, later.isoformat(), columns=",生效日期")
    assert len((await shelf.prices(soon, shelf.supplier)).waiting) == 1
    clock.set_ahead(timedelta(days=4))
    assert (await shelf.facts())["fen"] == fen, "the day comes, the price does not"
    clock.set_ahead(timedelta(0))
    (review,) = await shelf.reviews(shelf.first, state="waiting")
    assert review["changes"][0]["valid_from"].startswith((later - timedelta(days=1)).isoformat())
    assert (await shelf.act(shelf.first, review["id"], "approve")).status_code == 200
    assert (await shelf.facts())["fen"] == fen
    clock.set_ahead(timedelta(days=4))
    assert (await shelf.facts())["fen"] == fen * 10


async def test_a_price_whose_day_has_passed_begins_with_the_approval(shelf: Goods) -> None:
    facts = await shelf.facts()
    fen, later = facts["fen"], clock.today() + timedelta(days=3)
    await shelf.prices(priced(shelf.code, fen * 10, later.isoformat(), columns=",生效日期"), shelf.supplier)
    clock.set_ahead(timedelta(days=5))
    (review,) = await shelf.reviews(shelf.first, state="waiting")
    assert (await shelf.act(shelf.first, review["id"], "approve")).status_code == 200
    assert (await shelf.facts())["fen"] == fen * 10
    clock.set_ahead(timedelta(days=4))
    assert (await shelf.facts())["fen"] == fen, "nobody is asked for more for days gone by"


async def test_a_planned_price_that_began_makes_the_review_stale(shelf: Goods) -> None:
    facts = await shelf.facts()
    fen, later = facts["fen"], clock.today() + timedelta(days=1)
    small = priced(shelf.code, fen + 10, later.isoformat(), columns=",生效日期")
    assert (await shelf.prices(small, shelf.supplier)).waiting == ()
    await shelf.prices(priced(shelf.code, fen * 10), shelf.supplier)
    clock.set_ahead(timedelta(days=2))
    (review,) = await shelf.reviews(shelf.first, state="waiting")
    answer = await shelf.act(shelf.first, review["id"], "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "review_stale")
    again = (await shelf.act(shelf.supplier, review["id"], "renew")).json()
    assert changes(again) == [("price", fen + 10, fen * 10)]
    assert (await shelf.act(shelf.first, again["id"], "approve")).status_code == 200


@pytest.mark.parametrize(
    ("columns", "cells", "times", "waits"),
    [
        (",起订件数", ("10",), 10, True),
        (",起订件数", ("10",), 1, False),
        (",价目", ("会员",), 10, True),
        (",价目", ("会员",), 2, False),
        (",价目", ("活动",), 0, True),
    ],
)
async def test_a_new_step_or_list_is_measured_by_what_one_pays_without_it(
    shelf: Goods, columns: str, cells: tuple[str, ...], times: int, waits: bool
) -> None:
    fen = (await shelf.facts())["fen"]
    done = await shelf.prices(priced(shelf.code, fen * times + 1, *cells, columns=columns), shelf.supplier)
    assert bool(done.waiting) is waits
    (kept,) = await shelf.rows("SELECT count(*) FROM price WHERE fen = :fen", fen=fen * times + 1)
    assert (kept[0] > 0) is not waits


async def test_a_price_that_can_be_compared_with_none_waits(shelf: Goods) -> None:
    facts = await shelf.facts()
    async with shelf.database.transaction() as session:
        ended = "UPDATE price SET valid_to = now() WHERE sku_id = :sku"
        await session.execute(text(ended), {"sku": facts["sku_id"]})
    done = await shelf.prices(priced(shelf.code, facts["fen"]), shelf.supplier)
    assert [(one.before, one.after) for one in done.waiting[0].items] == [(None, facts["fen"])]


async def test_whoever_changes_a_price_without_asking_is_refused(shelf: Goods, database: Database) -> None:
    fen = (await shelf.facts())["fen"]
    before = await shelf.rows("SELECT * FROM price ORDER BY id")
    with pytest.raises(ReviewNeeded):
        async with database.transaction() as session:
            prices = [NewPrice(shelf.code, fen * 10)]
            await change_prices(session, actor=None, prices=prices, now=clock.now())
    assert await shelf.rows("SELECT * FROM price ORDER BY id") == before


async def test_what_lies_in_a_box_on_the_shelf_waits_like_the_box(shelf: Goods) -> None:
    """BP001 itself is a draft; the box shows it, and its origin is what the box's credit follows."""
    box = "SELECT detail FROM listing_row r JOIN product p ON p.id = r.product_id WHERE p.code = 'BOX001'"
    before, part = await shelf.rows(box), await shelf.facts_of_part("BP001")
    row = part | {"title": "陈米（虚构）", "origin": "610630"}
    answer = await shelf.http.post(
        "/api/v1/products/import", files={"file": ("p.csv", file_of(row))}, headers=shelf.first.headers
    )
    assert answer.json()["products_waiting"] == 1, answer.text
    assert [one["field"] for one in answer.json()["waiting"][0]["changes"]] == ["title", "origin_county_code"]
    await shelf.card()
    assert await shelf.rows(box) == before
    review = answer.json()["waiting"][0]["review_id"]
    assert (await shelf.act(shelf.second, review, "approve")).status_code == 200
    await shelf.card()
    assert "陈米（虚构）" in str(await shelf.rows(box))


async def test_papers_that_a_table_names_wait_with_the_certification(shelf: Goods) -> None:
    facts = await shelf.facts()
    row = (
        f"{shelf.code},{facts['origin']},{facts['supplier']},{facts['title']},{facts['category']},{facts['spec']},"
        f"{facts['grams']},{facts['fen'] / 100:.2f},有机(虚构),检疫证明,{facts['vat']},{facts['source']}\n"
    )
    papers = "SELECT kind FROM document WHERE product_id = :id ORDER BY kind"
    before = await shelf.rows(papers, id=facts["product_id"])
    done = await import_file(
        shelf.database,
        kind=PRODUCTS,
        file_name="sample.csv",
        data=(SAMPLE_HEADER + row).encode(),
        actor=shelf.actor_of(shelf.supplier),
        now=clock.now(),
    )
    (asked,) = done.waiting
    found = {one.field: one.after for one in asked.items}
    assert (found["certification"], found["papers"]) == ("有机(虚构)", ["inspection", "organic"])
    assert await shelf.rows(papers, id=facts["product_id"]) == before
    assert (await shelf.act(shelf.second, str(asked.review_id), "approve")).status_code == 200
    after = await shelf.rows(papers, id=facts["product_id"])
    assert after == sorted([*before, ("inspection",), ("organic",)])


async def test_an_origin_that_loses_its_code_while_it_waits_is_not_put_on_the_shelf(shelf: Goods) -> None:
    facts = await shelf.facts()
    (waiting,) = (await shelf.brought(shelf.supplier, {"origin": "620623"}))["waiting"]
    async with shelf.database.transaction() as session:
        day = {"day": clock.today(), "code": "620623"}
        await session.execute(text("UPDATE county SET valid_to = :day WHERE code = :code"), day)
    answer = await shelf.act(shelf.first, waiting["review_id"], "approve")
    assert (answer.status_code, answer.json()["code"]) == (422, "origin_county_required")
    assert (await shelf.facts())["origin"] == facts["origin"]
    assert await shelf.rows("SELECT state FROM product_review") == [("waiting",)]
