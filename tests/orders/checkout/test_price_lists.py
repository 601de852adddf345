"""Four price lists: everybody is asked the lowest that he is entitled to, and his line names the list (rule 36)."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from catalog.campaign.arrange import NewCampaign, run_campaign
from catalog.campaign.entitled import ENTITLED
from catalog.price.models import PRICE_LISTS, Price
from catalog.price.pricing import PriceStep, step_for
from orders.bulk.joint.place import place as place_joint
from orders.checkout.place import place
from orders.checkout.problems import PriceChanged
from orders.order.queries import order_seen_by
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import UnionMembership
from tests.make.bulk import a_desk, a_plan
from tests.make.caller import as_caller
from tests.make.canteen import kitchen_shop
from tests.make.roster import union
from tests.make.shop import BEFORE, LONG_AGO, SmallShop, buyer, placed, small_shop, wanting
from tests.make.units import unit

LISTED = {"member": 900, "union": 800, "campaign": 850}
"""Of the first SKU, which costs 1,000 at retail."""


@pytest.fixture
async def shop(database: Database) -> SmallShop:
    made = await small_shop(database)
    async with database.transaction() as session:
        session.add_all(
            Price(id=new_id(), sku_id=made.skus[0], list=name, fen=fen, valid_from=BEFORE)
            for name, fen in LISTED.items()
        )
    return made


async def listed_by(database: Database, actor: Actor, union_id: UUID, *, until: date | None = None) -> None:
    async with database.transaction() as session:
        session.add(
            UnionMembership(
                id=new_id(), person_id=actor.person_id, union_id=union_id, valid_from=LONG_AGO, valid_to=until
            )
        )


async def asked(database: Database, actor: Actor, shop: SmallShop, *, now: datetime | None = None) -> tuple[int, str]:
    """What a piece costs whoever buys it, and from which list his receipt says that it comes."""
    order = await placed(database, actor, {shop.skus[0]: 1}, now=now)
    async with database.reading() as session:
        kept = await order_seen_by(session, actor, order.id, day=clock.today())
    [(fen, named)] = {(said.lines[0].unit_price_fen, said.lines[0].price_list) for said in (order, kept)}
    return fen, named


async def campaign(database: Database, shop: SmallShop, begins: date, ends: date) -> None:
    async with database.transaction() as session:
        product = await session.scalar(text("SELECT product_id FROM sku WHERE id = :id"), {"id": shop.skus[0]})
        running = NewCampaign("示例活动（虚构）", begins, ends)
        await run_campaign(session, campaign=running, product_ids=[product], now=clock.now())


@pytest.mark.anyio
async def test_members_of_any_union_are_asked_the_members_price_and_nobody_else(
    database: Database, shop: SmallShop
) -> None:
    other = await unit(database, "OTHER")
    unions = [await union(database, "U", shop.bank), await union(database, "OTHER-U", other)]
    member, strangers_member = await buyer(database, works_at=shop.branch), await buyer(database, works_at=other)
    await listed_by(database, member, unions[0])
    await listed_by(database, strangers_member, unions[1])
    left = await buyer(database, works_at=shop.branch)
    await listed_by(database, left, unions[0], until=clock.today())
    assert await asked(database, member, shop) == (900, "member")
    assert await asked(database, strangers_member, shop) == (900, "member")
    assert await asked(database, left, shop) == (1_000, "retail")
    assert await asked(database, await buyer(database, works_at=shop.branch), shop) == (1_000, "retail")
    assert await asked(database, await buyer(database, introduced_by=shop.bank), shop) == (1_000, "retail")


@pytest.mark.anyio
async def test_a_campaign_price_holds_while_the_goods_take_part_in_a_running_one(
    database: Database, shop: SmallShop
) -> None:
    member, outside = await buyer(database, works_at=shop.branch), await buyer(database)
    await listed_by(database, member, await union(database, "U", shop.bank))
    assert await asked(database, outside, shop) == (1_000, "retail")
    await campaign(database, shop, clock.today(), clock.today() + timedelta(days=1))
    assert await asked(database, outside, shop) == (850, "campaign")
    assert await asked(database, member, shop) == (850, "campaign")
    after = datetime.now(UTC) + timedelta(days=1)
    assert await asked(database, outside, shop, now=after) == (1_000, "retail")
    assert await asked(database, member, shop, now=after) == (900, "member")


@pytest.mark.anyio
async def test_a_campaign_that_ended_since_the_buyer_looked_is_said(database: Database, shop: SmallShop) -> None:
    await campaign(database, shop, clock.today(), clock.today() + timedelta(days=1))
    who = await buyer(database)
    assert await asked(database, who, shop) == (850, "campaign")  # remembered by this process
    async with database.transaction() as session:
        await session.execute(text("UPDATE campaign SET valid_from = valid_from - 2, valid_to = valid_to - 1"))
    requested = wanting({shop.skus[0]: 1})
    assert requested.lines
    requested.lines[0].expected_price_fen = 850
    with pytest.raises(PriceChanged) as refused:
        await place(
            database, actor=who, key="later", request_sha256=sha256(b"").digest(), requested=requested, now=clock.now()
        )
    assert refused.value.as_json()["prices"] == [{"sku_id": str(shop.skus[0]), "old_fen": 850, "new_fen": 1_000}]


@pytest.mark.anyio
async def test_a_union_plans_and_orders_at_its_own_tier(database: Database) -> None:
    desk = await a_desk(database)
    first, whole = desk.shop.skus[:2]
    async with database.transaction() as session:
        session.add_all(
            Price(id=new_id(), sku_id=first, list=name, min_quantity=least, fen=fen, valid_from=BEFORE)
            for name, least, fen in (("member", 1, 500), ("union", 6, 800), ("union", 7, 600))
        )
    packages = [{"name": "示例", "lines": [{"sku_id": first, "pieces": 1}, {"sku_id": whole, "pieces": 1}]}]
    plan = await a_plan(database, desk=desk, packages=packages)  # of six members: six pieces are sure
    async with database.transaction() as session:
        order_id = await place_joint(session, actor=desk.clerk, purchase_id=plan.id, now=clock.now())
        rows = await session.execute(
            text("""
            SELECT l.unit_price_fen, p.list, k.unit_price_fen FROM order_line l JOIN price p ON p.id = l.price_id
            JOIN bulk_package_line k ON k.sku_id = l.sku_id WHERE l.order_id = :order ORDER BY l.position"""),
            {"order": order_id},
        )
        assert sorted(tuple(row) for row in rows) == [(800, "union", 800), (2_000, "retail", 2_000)]


@pytest.mark.anyio
async def test_a_canteen_is_asked_what_anybody_is(app: FastAPI, database: Database) -> None:
    made = await kitchen_shop(database)
    async with database.transaction() as session:
        session.add_all(
            Price(id=new_id(), sku_id=made.rice, list=name, fen=fen, valid_from=BEFORE) for name, fen in LISTED.items()
        )
        product = await session.scalar(text("SELECT product_id FROM sku WHERE id = :id"), {"id": made.rice})
    requested = {
        "canteen_id": str(made.canteen),
        "deliver_on": str(clock.today()),
        "lines": [{"sku_id": str(made.rice), "quantity": 1}],
    }

    async def costs() -> int:
        async with as_caller(app, made.buyer) as caller:
            answer = await caller.post(
                "/api/v1/canteen-orders", json=requested, headers={"Idempotency-Key": str(new_id())}
            )
        assert answer.status_code == 201, answer.text
        fen: int = answer.json()["lines"][0]["paid_fen"]
        return fen

    assert await costs() == 2_000
    async with database.transaction() as session:
        running = NewCampaign("示例活动（虚构）", clock.today(), clock.today() + timedelta(days=1))
        await run_campaign(session, campaign=running, product_ids=[product], now=clock.now())
    assert await costs() == 850


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(PRICE_LISTS), st.integers(1, 50), st.integers(0, 99)),
        unique_by=lambda step: step[:2],
        max_size=8,
    ),
    quantity=st.integers(1, 60),
    lists=st.sampled_from(sorted(ENTITLED.values())),
)
def test_nothing_that_the_buyer_may_have_is_cheaper(
    steps: list[tuple[str, int, int]], quantity: int, lists: tuple[str, ...]
) -> None:
    known = [PriceStep(new_id(), least, fen, name) for name, least, fen in steps]
    found = step_for(known, quantity, lists)
    his = [step.fen for step in known if step.list in lists and step.min_quantity <= quantity]
    assert (found.fen if found else None) == min(his, default=None)
    assert found is None or (found.list in lists and found.min_quantity <= quantity)


def test_every_list_is_somebodys() -> None:
    assert {name for lists in ENTITLED.values() for name in lists} == set(PRICE_LISTS)
    assert all("retail" in lists for lists in ENTITLED.values())
