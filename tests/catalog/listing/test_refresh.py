"""The window follows the facts: what is touched, what goes stale by itself, what may not stand in it."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from catalog.campaign.arrange import NewCampaign, run_campaign
from catalog.listing.jobs import refresh_touched
from catalog.listing.query import filters_of, find
from catalog.price.models import Price
from shop.core import clock
from shop.core.database import Database
from tests.make.listing import LONG_AGO, Goods, again, list_goods, multiply, recognition, run, write


async def listed(database: Database) -> list[str]:
    async with database.reading() as session:
        return list((await session.execute(text("SELECT title FROM listing_row ORDER BY title"))).scalars())


async def stale_at(database: Database, product_id: UUID) -> object:
    async with database.reading() as session:
        asked = text("SELECT stale_at FROM listing_row WHERE product_id = :id")
        return (await session.execute(asked, {"id": product_id})).scalar_one()


@pytest.mark.anyio
async def test_a_touched_product_is_made_anew_and_the_note_is_taken_away(database: Database) -> None:
    goods = Goods(title="花椒")
    await list_goods(database, goods)
    await run(database, "UPDATE product SET title = '青花椒'")
    await run(database, "INSERT INTO product_touched VALUES (:id, now())", id=goods.product_id)
    await refresh_touched(database)
    assert await listed(database) == ["青花椒"]
    async with database.reading() as session:
        assert (await session.execute(text("SELECT count(*) FROM product_touched"))).scalar_one() == 0


@pytest.mark.anyio
async def test_what_a_verb_is_changing_waits_for_the_next_round(database: Database) -> None:
    goods = Goods(title="花椒")
    await list_goods(database, goods)
    await run(database, "INSERT INTO product_touched VALUES (:id, now())", id=goods.product_id)
    touch = text(
        "INSERT INTO product_touched VALUES (:id, now()) ON CONFLICT (product_id) DO UPDATE SET touched_at = now()"
    )
    async with database.transaction() as session:
        await session.execute(text("UPDATE product SET title = '青花椒'"))
        await session.execute(touch, {"id": goods.product_id})
        await refresh_touched(database)  # neither waits for the verb nor eats its note
        assert await listed(database) == ["花椒"]
    await refresh_touched(database)
    assert await listed(database) == ["青花椒"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE product SET state = 'withdrawn'",
        "UPDATE price SET valid_to = now()",
        "UPDATE sku SET active = false",
        "UPDATE county SET valid_to = date '2026-01-01'",
        "UPDATE county SET valid_from = date '2999-01-01'",
    ],
)
async def test_what_cannot_be_sold_or_placed_leaves_the_window(database: Database, change: str) -> None:
    goods = Goods()
    await list_goods(database, goods)
    assert await listed(database) == [goods.title]
    await run(database, change)
    await again(database, goods.product_id)
    assert await listed(database) == []


@pytest.mark.anyio
async def test_dated_facts_change_by_themselves(database: Database) -> None:
    now = clock.now()
    today = clock.business_day(now)
    goods = Goods(designations=["lifted_out"])
    await list_goods(database, goods, now=now)
    assert await stale_at(database, goods.product_id) == now + timedelta(days=1)
    soon = now + timedelta(minutes=5)
    await run(database, "UPDATE price SET valid_to = :soon", soon=soon)
    await write(database, Price(id=uuid4(), sku_id=goods.sku_id, fen=100, valid_from=soon))
    await run(database, "UPDATE designation SET valid_to = :day", day=today + timedelta(days=1))
    await write(database, recognition(goods, today - timedelta(days=9), today + timedelta(days=1)))
    await again(database, goods.product_id, now=now)
    midnight = clock.datetime.combine(today + timedelta(days=1), clock.datetime.min.time(), clock.SHANGHAI)
    assert await stale_at(database, goods.product_id) == min(soon, midnight)

    async def price(at: clock.datetime) -> tuple[bool, bool]:
        clock.set_ahead(at - clock.wall())
        await refresh_touched(database)
        page = await find(database, filters_of({"designation": "lifted_out"}), now=at)
        anywhere = await find(database, filters_of({}), now=at)
        return b'"price_fen":100,' in anywhere.items, bool(page.items)

    assert await price(now) == (False, True)
    assert await price(soon + timedelta(seconds=1)) == (True, midnight > soon)
    assert await price(midnight + timedelta(days=1, seconds=1)) == (True, False)
    # Development's clock goes back: what was made in the future is made again.
    assert await price(now + timedelta(seconds=1)) == (False, True)


@pytest.mark.anyio
async def test_the_shelf_says_the_members_price_and_the_campaigns_while_it_runs(database: Database) -> None:
    now = clock.now()
    tomorrow = clock.business_day(now) + timedelta(days=1)
    goods = Goods(price_fen=3_800)
    prices = {"member": 3_500, "union": 3_000, "campaign": 3_300}
    await list_goods(database, goods, now=now)
    since = now - timedelta(days=1)
    await write(
        database, *(Price(id=uuid4(), sku_id=goods.sku_id, list=n, fen=f, valid_from=since) for n, f in prices.items())
    )
    async with database.transaction() as session:
        running = NewCampaign("示例活动（虚构）", tomorrow, tomorrow + timedelta(days=1))
        await run_campaign(session, campaign=running, product_ids=[goods.product_id], now=now)

    async def shown(at: datetime) -> tuple[int, str, int | None]:
        clock.set_ahead(at - clock.wall())
        await refresh_touched(database)
        [card] = msgspec.json.decode((await find(database, filters_of({}), now=at)).as_json())["items"]
        [sku] = card["skus"]
        names = ("price_fen", "price_list", "member_price_fen")
        assert [card[name] for name in names] == [sku[name] for name in names]
        return card["price_fen"], card["price_list"], card["member_price_fen"]

    midnight = datetime.combine(tomorrow, datetime.min.time(), clock.SHANGHAI)
    assert await shown(now) == (3_800, "retail", 3_500)
    assert await shown(midnight + timedelta(seconds=1)) == (3_300, "campaign", None)
    assert await shown(midnight + timedelta(days=1, seconds=1)) == (3_800, "retail", 3_500)


@pytest.mark.anyio
async def test_sold_counts_what_left_and_did_not_come_back(database: Database) -> None:
    goods = Goods(sold=7)
    await list_goods(database, goods)
    await run(
        database,
        "INSERT INTO stock_movement (id, sku_id, kind, pieces, reference, at) "
        "VALUES (:id, :sku, 'returned', 3, 'r', :at)",
        id=uuid4(),
        sku=goods.sku_id,
        at=LONG_AGO,
    )
    await again(database, goods.product_id)
    async with database.reading() as session:
        assert (await session.execute(text("SELECT sold FROM listing_row"))).scalar_one() == 4


@pytest.mark.anyio
async def test_a_thousand_products_are_made_in_one_go(database: Database) -> None:
    await list_goods(database, Goods())
    await multiply(database, 1000)
    await run(database, "INSERT INTO product_touched SELECT id, now() FROM product")
    await refresh_touched(database)
    assert len(await listed(database)) == 1001
