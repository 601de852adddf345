"""An approved purchase becomes one order, whole, and exactly once."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from orders.balance.identity import identities
from orders.bulk.joint.demand import RecipientsDiffer
from orders.bulk.joint.place import StockShort, place
from orders.bulk.plan.content import content_hash
from orders.bulk.problems import ApprovalStale, NoticeOpen, PlanInvalid, WrongState
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound, Problem
from tests.make.joint_order import Joint, expected, joint_purchase, official, placed_joint

pytestmark = pytest.mark.anyio

ROWS = ("shop_order", "delivery", "parcel", "order_line", "payer_share", "share_component", "allocation", "stock_hold")


async def one(database: Database, statement: str, **named: Any) -> Any:
    async with database.reading() as session:
        return (await session.execute(text(statement), named)).one()


async def nothing_was_written(database: Database) -> None:
    for table in ROWS:
        assert (await one(database, f"SELECT count(*) FROM {table}"))[0] == 0, table
    assert (await one(database, "SELECT sum(held_pieces) FROM stock_item"))[0] == 0


async def refused(database: Database, joint: Joint, problem: type[Problem]) -> Problem:
    with pytest.raises(problem) as caught:
        await placed_joint(database, joint)
    await nothing_was_written(database)
    found = await one(database, "SELECT state, order_id FROM bulk_purchase WHERE id = :id", id=joint.purchase_id)
    assert found.state != "ordered"
    assert found.order_id is None
    return caught.value


async def test_everybody_gets_what_was_chosen(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0, 1), (1,), ()), spares=2)
    order_id = await placed_joint(database, joint)
    order = await one(database, "SELECT * FROM shop_order WHERE id = :id", id=order_id)
    assert (order.state, order.payment_state, order.fund_source) == ("confirmed", "unpaid", "union")
    # Package 0: a piece of SKU 0 and a box; package 1: two of SKU 1 and one of SKU 2. Two spares of package 0.
    lines = await one(
        database,
        """SELECT array_agg((title || ' ' || quantity || ' × ' || unit_price_fen) ORDER BY title) AS found
        FROM order_line""",
    )
    assert lines.found == ["示例礼盒 4 × 4500", "示例货0 4 × 1000", "示例货1 4 × 2000", "示例货2 2 × 3000"]
    due = await one(database, "SELECT array_agg(due_fen ORDER BY position) AS fen FROM payer_share")
    goods = await one(
        database,
        """SELECT array_agg(fen ORDER BY position) AS fen FROM (SELECT y.position, sum(c.net_fen)::bigint AS fen
        FROM payer_share y JOIN line_share s ON s.payer_id = y.id JOIN share_component c ON c.share_id = s.id
        GROUP BY y.position) goods""",
    )
    assert goods.fen == [2 * 5_500 + 7_000, 7_000, 2 * 5_500]
    # Goods of the first supplier (SKUs 0 and 1, and the box) and the second (SKU 2) come in parcels of their own.
    freight = await one(
        database,
        """SELECT array_agg(fen ORDER BY position) AS fen FROM (SELECT y.position, sum(f.fen)::bigint AS fen
        FROM payer_share y JOIN freight_share f ON f.payer_share_id = y.id GROUP BY y.position) freight""",
    )
    assert [g + f for g, f in zip(goods.fen, freight.fen, strict=True)] == due.fen
    held = await one(
        database,
        """SELECT sum(h.pieces) AS pieces, min(o.expires_at) AS until FROM stock_hold h
        JOIN shop_order o ON o.id = h.order_id""",
    )
    assert held.pieces == 4 + 4 * 3 + 4 + 2
    assert held.until > datetime.now(UTC) + timedelta(days=13)
    purchase = await one(database, "SELECT state, order_id FROM bulk_purchase WHERE id = :id", id=joint.purchase_id)
    assert (purchase.state, purchase.order_id) == ("ordered", order_id)
    duty = await one(
        database, "SELECT requester_id, approver_id FROM acceptance_duty WHERE order_id = :id", id=order_id
    )
    assert tuple(duty) == (joint.requester.user_id, joint.approver.user_id)


async def test_what_the_buyer_saw_is_frozen_for_each_branch(database: Database) -> None:
    joint = await joint_purchase(database, members=((0,), (0,)))
    await placed_joint(database, joint)
    async with database.reading() as session:
        rows = (await session.execute(text("SELECT * FROM attribution ORDER BY unit_name, order_line_id"))).all()
    assert {row.unit_id for row in rows} == set(joint.branches)
    for row in rows:
        assert row.unit_path == [row.unit_id, joint.shop.bank]
        assert row.person_id is None
        assert (row.credit_kind, row.fund_source, row.union_id) == ("direct_purchase", "union", joint.union_id)
        assert row.pairing_unit_ids == ([joint.shop.bank] if row.county_code == "522633" else [])
        assert row.counted
        assert row.recognition_number
        assert row.placed_on == clock.business_day(datetime.now(UTC))


async def test_placed_again_is_the_same_order(database: Database) -> None:
    joint = await joint_purchase(database)
    assert await placed_joint(database, joint) == await placed_joint(database, joint)
    assert (await one(database, "SELECT count(*) FROM shop_order"))[0] == 1


async def test_a_changed_content_is_not_approved(database: Database) -> None:
    joint = await joint_purchase(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_package_line SET unit_price_fen = unit_price_fen + 1"))
    assert (await refused(database, joint, ApprovalStale)).code == "approval_stale"


async def test_an_approval_of_other_content_is_none(database: Database) -> None:
    joint = await joint_purchase(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_purchase SET revision = 2"))
    await refused(database, joint, ApprovalStale)


@pytest.mark.parametrize("state", ["draft", "submitted", "rejected", "cancelled"])
async def test_only_what_was_approved(database: Database, state: str) -> None:
    await refused(database, await joint_purchase(database, state=state), WrongState)


async def test_an_approved_one_that_still_needs_its_notice(database: Database) -> None:
    await refused(database, await joint_purchase(database, state="approved"), WrongState)


async def test_while_the_notice_runs(database: Database) -> None:
    joint = await joint_purchase(database)
    today = clock.business_day(datetime.now(UTC))
    async with database.transaction() as session:
        await session.execute(
            text("""INSERT INTO bulk_notice (id, purchase_id, revision, words, opened_on, open_until, published_by,
            published_at) VALUES (gen_random_uuid(), :id, 1, '公示', :today, :until, :by, now())"""),
            {
                "id": joint.purchase_id,
                "today": today,
                "until": today + timedelta(days=3),
                "by": joint.requester.user_id,
            },
        )
    await refused(database, joint, NoticeOpen)


async def test_short_stock_says_which_and_how_many(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0, 0),), packages=({0: 2, 4: 1},), pieces=10)
    problem = await refused(database, joint, StockShort)
    # Three members: two pieces each, and a box that holds two more of them.
    assert problem.extra["missing"] == {str(joint.shop.skus[0]): 2}
    assert "示例货0 500g/袋 缺 2 件" in problem.detail


async def test_strangers_see_nothing(database: Database) -> None:
    joint = await joint_purchase(database)
    stranger = await official(database, Role.UNION_BUYER, joint.branches[0])
    with pytest.raises(NotFound):
        async with database.transaction() as session:
            await place(session, actor=stranger, purchase_id=joint.purchase_id, now=datetime.now(UTC))
    await nothing_was_written(database)


async def test_homes_get_a_delivery_each(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 1), (1,)), deliver_to="homes")
    order_id = await placed_joint(database, joint)
    found = await expected(database, order_id)
    assert len({row.delivery_id for row in found}) == 3
    assert sorted(row.pieces for row in found) == [1, 1, 1, 1, 2, 2]


async def test_addresses_must_add_up_to_the_choices(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 1), (1,)), deliver_to="homes")
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_recipient SET quantity = 2 WHERE row = 2"))
    async with database.transaction() as session:
        content = await content_hash(session, joint.purchase_id)
        await session.execute(text("UPDATE bulk_purchase SET content_sha256 = :c"), {"c": content})
        await session.execute(
            text("""INSERT INTO bulk_approval (id, purchase_id, revision, step, requester_id, approver_id, decision,
            content_sha256, at) SELECT gen_random_uuid(), id, 1, 2, requester_id, :by, 'approved', :c, now()
            FROM bulk_purchase"""),
            {"by": joint.receiver.user_id, "c": content},
        )
    await refused(database, joint, RecipientsDiffer)


async def test_goods_that_cannot_be_sold_any_more(database: Database) -> None:
    joint = await joint_purchase(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE product SET state = 'withdrawn' WHERE title = '示例货1'"))
    problem = await refused(database, joint, PlanInvalid)
    assert [error.code for error in problem.errors] == ["not_for_sale"]


SHARES_ADD_UP = """
SELECT o.id,
    (SELECT coalesce(sum(l.quantity * l.unit_price_fen), 0) FROM order_line l) AS gross,
    (SELECT sum(net_fen) FROM share_component) AS net,
    (SELECT sum(freight_fen) FROM parcel) AS freight,
    (SELECT sum(fen) FROM freight_share) AS freight_shares,
    (SELECT sum(due_fen) FROM payer_share) AS due,
    (SELECT sum(quantity) FROM order_line) AS pieces,
    (SELECT sum(pieces) FROM allocation) AS allocated,
    (SELECT count(*) FROM order_line l WHERE l.quantity <> (SELECT sum(pieces) FROM allocation a WHERE a.line_id = l.id)
        OR (l.quantity * (SELECT sum(c.pieces * s.net_grams) FROM sku_content c JOIN sku s ON s.id = c.stock_sku_id
            WHERE c.sku_id = l.sku_id)) <> (SELECT sum(grams) FROM share_component c WHERE c.line_id = l.id)
        OR (l.quantity * 1000 * (SELECT sum(c.pieces) FROM sku_content c WHERE c.sku_id = l.sku_id))
            <> (SELECT sum(quantity_milli) FROM share_component c WHERE c.line_id = l.id)) AS wrong_lines,
    (SELECT count(*) FROM parcel p WHERE p.freight_fen <> (SELECT coalesce(sum(fen), 0) FROM freight_share f
        WHERE f.parcel_id = p.id)) AS wrong_parcels,
    (SELECT count(DISTINCT transfer_code) = count(*) FROM payer_share) AS codes_differ
FROM shop_order o
"""


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("shared_by", ["packages", "headcount", "fixed"])
async def test_shares_add_up_to_the_order(database: Database, seed: int, shared_by: str) -> None:
    """Whatever the branches, choices, prices and spares: goods, freight, pieces and grams are divided without rest."""
    chance = random.Random(seed)
    discount = chance.choice([0, 1, 699])
    joint = await joint_purchase(
        database,
        members=[[chance.randint(0, 1) for _ in range(chance.randint(1, 6))] for _ in range(chance.randint(1, 5))],
        prices=[chance.randint(0, 9_999) for _ in range(4)],
        box_fen=chance.randint(1, 99_999),
        spares=chance.randint(0, 4),
        shared_by=shared_by,
        weights=[3, 1, 7, 2, 5, 1],
        deliver_to=chance.choice(["homes", "sites"]),
    )
    if discount:
        async with database.transaction() as session:
            await session.execute(
                text("""INSERT INTO seller_discount (id, supplier_id, threshold_fen, discount_fen, valid_from)
                VALUES (gen_random_uuid(), :supplier, :fen, :fen, '2020-01-01')"""),
                {"supplier": joint.shop.suppliers[0], "fen": discount},
            )
    order_id = await placed_joint(database, joint)
    sums = await one(database, SHARES_ADD_UP)
    assert sums.id == order_id
    assert sums.freight == sums.freight_shares
    assert sums.due == sums.net + sums.freight
    assert sums.gross - sums.net in {0, discount}
    assert sums.pieces == sums.allocated
    assert (sums.wrong_lines, sums.wrong_parcels, sums.codes_differ) == (0, 0, True)
    async with database.snapshot() as session:
        assert all(found.holds for found in await identities(session))


async def test_more_than_one_approval_where_the_rules_ask_for_it(database: Database) -> None:
    joint = await joint_purchase(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_purchase SET approvers_needed = 2"))
    await refused(database, joint, ApprovalStale)
