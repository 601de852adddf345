"""Two people count what came: credit, dues, stock and funds follow, to the fen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.acceptance.accept import accept
from orders.acceptance.problems import (
    AlreadyAccepted,
    CountDiffers,
    DayOutOfRange,
    DutiesNotApart,
    NotToBeAccepted,
    PastBestBefore,
)
from orders.acceptance.rules import Counted
from orders.balance.identity import identities
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.money import split
from tests.make.joint_order import Joint, accepted, expected, joint_purchase, paid_by_transfer, placed_joint

pytestmark = pytest.mark.anyio


async def rows(database: Database, statement: str, **named: Any) -> list[Any]:
    async with database.reading() as session:
        return list((await session.execute(text(statement), named)).all())


async def all_holds(database: Database) -> None:
    async with database.snapshot() as session:
        assert {one.code: one.apart for one in await identities(session) if not one.holds} == {}


async def deliveries(database: Database, order_id: UUID) -> list[UUID]:
    return list(dict.fromkeys(one.delivery_id for one in await expected(database, order_id)))


CREDITED = """
SELECT unit_id, sum(amount_fen)::bigint AS fen, sum(grams)::bigint AS grams, min(grade) AS grade, count(*) AS entries
FROM credit_entry GROUP BY unit_id
"""


async def test_two_boxes_short_leave_that_branch_alone(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0, 0), (0, 0)), packages=({4: 1},))
    order_id = await placed_joint(database, joint)
    before = {row.unit_id: row for row in await rows(database, "SELECT * FROM payer_share")}
    lines = await expected(database, order_id)
    first = next(one for one in lines if one.payer_share_id == before[joint.branches[0]].id)
    for delivery_id in await deliveries(database, order_id):
        await accepted(database, joint, order_id, delivery_id, short={(first.line_id, first.payer_share_id): 2})
    after = {row.unit_id: row for row in await rows(database, "SELECT * FROM payer_share")}
    gone = split(3 * 4_500, [2, 1])[0]
    assert after[joint.branches[0]].due_fen == before[joint.branches[0]].due_fen - gone
    assert after[joint.branches[1]].due_fen == before[joint.branches[1]].due_fen
    credited = {row.unit_id: row for row in await rows(database, CREDITED)}
    assert credited[joint.branches[0]].fen == 3 * 4_500 - gone
    assert credited[joint.branches[0]].grams == 1_500
    assert credited[joint.branches[1]].fen == 2 * 4_500
    assert {row.grade for row in credited.values()} == {"B"}
    # What was accepted is owed with all of the freight; the suppliers' claims are the same money.
    owed = await rows(
        database,
        """SELECT a.owner, sum(CASE WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END)::bigint
        AS fen FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
        WHERE a.kind = 'receivable' GROUP BY a.owner""",
    )
    assert {row.owner: row.fen for row in owed} == {str(share.id): share.due_fen for share in after.values()}
    assert (await rows(database, "SELECT state FROM shop_order"))[0].state == "received"
    stock = await rows(database, "SELECT sum(held_pieces) AS held, sum(on_hand_pieces) AS there FROM stock_item")
    assert tuple(stock[0]) == (0, 4 * 100_000 - 5 * 3)
    await all_holds(database)


async def test_a_part_of_the_order_is_recognised_with_its_delivery(database: Database) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    first, *rest = await deliveries(database, order_id)
    await accepted(database, joint, order_id, first)
    assert {row.unit_id for row in await rows(database, CREDITED)} == {joint.branches[0]}
    assert (await rows(database, "SELECT state FROM shop_order"))[0].state == "confirmed"
    await all_holds(database)
    for delivery_id in rest:
        await accepted(database, joint, order_id, delivery_id)
        await all_holds(database)
    sums = await rows(
        database,
        """SELECT (SELECT sum(amount_fen) FROM credit_entry) AS credited,
        (SELECT sum(net_fen) FROM share_component) AS net""",
    )
    assert sums[0].credited == sums[0].net


@pytest.mark.parametrize("shared_by", ["headcount", "fixed"])
async def test_where_pieces_are_nobodys_all_payers_bear_what_is_short(database: Database, shared_by: str) -> None:
    joint = await joint_purchase(database, members=((0, 0, 0), (0,)), shared_by=shared_by, weights=[1, 2])
    order_id = await placed_joint(database, joint)
    before = {row.id: row.due_fen for row in await rows(database, "SELECT id, due_fen FROM payer_share")}
    one = (await expected(database, order_id))[0]
    for delivery_id in await deliveries(database, order_id):
        await accepted(database, joint, order_id, delivery_id, short={(one.line_id, one.payer_share_id): 3})
    after = {row.id: row.due_fen for row in await rows(database, "SELECT id, due_fen FROM payer_share")}
    gone = [before[share] - after[share] for share in before]
    assert all(fen > 0 for fen in gone)
    price = (await rows(database, "SELECT unit_price_fen FROM order_line WHERE id = :id", id=one.line_id))[0][0]
    assert sum(gone) == 3 * price
    await all_holds(database)


async def try_to(
    database: Database,
    joint: Joint,
    order_id: UUID,
    *,
    by: Actor | None = None,
    witness: UUID | None = None,
    days: int = 0,
    lines: list[Counted] | None = None,
) -> UUID:
    delivery_id = (await deliveries(database, order_id))[0]
    now = datetime.now(UTC)
    async with database.transaction() as session:
        return await accept(
            session,
            actor=by or joint.receiver,
            kind="bulk",
            order_id=order_id,
            delivery_id=delivery_id,
            witness_id=witness or joint.witness.user_id,
            lines=lines,
            accepted_on=clock.business_day(now) + timedelta(days=days),
            key="once",
            now=now,
        )


async def test_whoever_asked_or_approved_accepts_nothing(database: Database) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    tries: list[dict[str, Any]] = [
        {"by": joint.requester},
        {"by": joint.approver},
        {"witness": joint.requester.user_id},
        {"witness": joint.approver.user_id},
        {"witness": joint.receiver.user_id},
    ]
    for one in tries:
        with pytest.raises(DutiesNotApart):
            await try_to(database, joint, order_id, **one)
    assert await rows(database, "SELECT 1 FROM acceptance") == []
    assert await rows(database, "SELECT 1 FROM credit_entry") == []


@pytest.mark.parametrize(
    ("receiver", "witness"), [("requester", "witness"), ("receiver", "approver"), ("receiver", "receiver")]
)
async def test_the_database_refuses_duties_in_one_hand(database: Database, receiver: str, witness: str) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    delivery_id = (await deliveries(database, order_id))[0]
    with pytest.raises(Exception, match=r"ck_acceptance_(duties_apart|two_people)"):
        async with database.transaction() as session:
            await session.execute(
                text("""INSERT INTO acceptance (id, kind, order_id, delivery_id, round, requester_id, approver_id,
                received_by, witnessed_by, accepted_on, idempotency_key, recorded_at) SELECT gen_random_uuid(), 'bulk',
                order_id, :delivery, 1, requester_id, approver_id, :receiver, :witness, current_date, 'k', now()
                FROM acceptance_duty"""),
                {
                    "delivery": delivery_id,
                    "receiver": getattr(joint, receiver).user_id,
                    "witness": getattr(joint, witness).user_id,
                },
            )


async def test_the_same_key_again_is_the_same_acceptance(database: Database) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    assert await try_to(database, joint, order_id) == await try_to(database, joint, order_id)
    with pytest.raises(AlreadyAccepted):
        await try_to(database, joint, order_id, by=joint.witness, witness=joint.receiver.user_id)
    await all_holds(database)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"accepted_milli": 2_000}, "count_differs"),
        ({"accepted_milli": 0}, "count_differs"),
        ({"accepted_milli": 500, "short_milli": 500}, "whole_pieces"),
        ({"accepted_milli": 0, "damaged_milli": 1_000}, "reason_missing"),
    ],
)
async def test_a_count_must_add_up(database: Database, changes: dict[str, int], code: str) -> None:
    joint = await joint_purchase(database, members=((0,),), packages=({0: 1},))
    order_id = await placed_joint(database, joint)
    one = (await expected(database, order_id))[0]
    with pytest.raises(CountDiffers) as caught:
        await try_to(
            database, joint, order_id, lines=[Counted(one.line_id, None, **({"accepted_milli": 1_000} | changes))]
        )
    assert [error.code for error in caught.value.errors] == [code]
    assert await rows(database, "SELECT 1 FROM acceptance") == []


async def test_every_line_is_counted(database: Database) -> None:
    joint = await joint_purchase(database, members=((0,),))
    order_id = await placed_joint(database, joint)
    one = (await expected(database, order_id))[0]
    with pytest.raises(CountDiffers) as caught:
        await try_to(database, joint, order_id, lines=[Counted(one.line_id, None, 1_000)])
    assert [error.code for error in caught.value.errors] == ["line_missing"]


async def test_shelf_life_warns_and_past_it_refuses(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0),), packages=({0: 1},))
    async with database.transaction() as session:
        await session.execute(text("UPDATE product SET shelf_life_days = 180"))
    order_id = await placed_joint(database, joint)
    one = (await expected(database, order_id))[0]
    today = clock.business_day(datetime.now(UTC))
    with pytest.raises(PastBestBefore):
        past = Counted(one.line_id, None, 2_000, best_before=today - timedelta(days=1))
        await try_to(database, joint, order_id, lines=[past])
    late = Counted(one.line_id, None, 2_000, best_before=today + timedelta(days=119), batch_number="20260101")
    await try_to(database, joint, order_id, lines=[late])
    line = (await rows(database, "SELECT * FROM acceptance_line"))[0]
    assert line.shelf_life_warning == "保质期 180 天，到货时只剩 119 天，不足三分之二"
    assert line.batch_number == "20260101"
    assert line.accepted_milli == 2_000


@pytest.mark.parametrize("days", [1, -1])
async def test_accepted_between_the_order_and_today(database: Database, days: int) -> None:
    joint = await joint_purchase(database)
    with pytest.raises(DayOutOfRange):
        await try_to(database, joint, await placed_joint(database, joint), days=days)


async def test_a_cancelled_order_is_not_accepted(database: Database) -> None:
    joint = await joint_purchase(database)
    order_id = await placed_joint(database, joint)
    async with database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET state = 'cancelled'"))
    with pytest.raises(NotToBeAccepted):
        await try_to(database, joint, order_id)


async def test_paid_before_it_is_accepted_is_grade_a(database: Database) -> None:
    joint = await joint_purchase(database, members=((0,),), terms="prepaid")
    order_id = await placed_joint(database, joint)
    await paid_by_transfer(database)
    await try_to(database, joint, order_id)
    assert {row.grade for row in await rows(database, CREDITED)} == {"A"}
    share = (await rows(database, "SELECT * FROM payer_share"))[0]
    assert share.payment_state == "paid"
    await all_holds(database)


async def test_paid_in_advance_and_short_is_to_be_paid_back(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0),), packages=({0: 1},))
    order_id = await placed_joint(database, joint)
    await paid_by_transfer(database)
    one = (await expected(database, order_id))[0]
    await accepted(database, joint, order_id, one.delivery_id, short={(one.line_id, one.payer_share_id): 1})
    share = (await rows(database, "SELECT * FROM payer_share"))[0]
    assert share.payment_state == "overpaid"
    assert share.paid_fen - share.due_fen == 1_000
    await all_holds(database)
    async with database.snapshot() as session:
        found = {one.code: one for one in await identities(session)}
    assert found["money"].left["advances"] == 1_000
