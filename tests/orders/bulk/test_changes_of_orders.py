"""What an ordered purchase still becomes: late joiners, a substitution, a spare that moves. Money stays exact."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.balance.identity import identities
from orders.bulk.changes import approve_change, request_change
from orders.bulk.move_spare import NoSuchSpare
from orders.bulk.place import place
from shop.access.models import Person
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.money import split
from shop.organisation.models import Membership, UnionMembership
from tests.make.bulk import Plan, a_plan
from tests.make.joint_order import accept_as, expected
from tests.make.shop import LONG_AGO

pytestmark = pytest.mark.anyio


async def rows(database: Database, statement: str, **named: Any) -> list[Any]:
    async with database.reading() as session:
        return list((await session.execute(text(statement), named)).all())


async def all_holds(database: Database) -> None:
    async with database.snapshot() as session:
        assert {one.code: one.apart for one in await identities(session) if not one.holds} == {}


async def ordered(database: Database, **more: Any) -> tuple[Plan, UUID]:
    plan = await a_plan(database, members=6, **more)
    async with database.transaction() as session:
        return plan, await place(session, actor=plan.desk.clerk, purchase_id=plan.id, now=clock.now())


async def change(database: Database, plan: Plan, kind: str, **terms: Any) -> None:
    """Asked for by the clerk, approved by an approver."""
    async with database.transaction() as session:
        change_id = await request_change(
            session,
            actor=plan.desk.clerk,
            purchase_id=plan.id,
            kind=kind,
            terms=terms,
            reason="补充说明",
            now=clock.now(),
        )
    sha = (await rows(database, "SELECT content_sha256 FROM bulk_change WHERE id = :id", id=change_id))[0][0]
    async with database.transaction() as session:
        done = await approve_change(
            session, actor=plan.desk.approvers[0], purchase_id=plan.id, change_id=change_id, content_sha256=sha,
            now=clock.now(),
        )  # fmt: skip
    assert done == "done"


async def accept_everything(database: Database, plan: Plan) -> None:
    for order in await rows(database, "SELECT id FROM shop_order ORDER BY placed_at"):
        for delivery_id in dict.fromkeys(one.delivery_id for one in await expected(database, order.id)):
            receiver, witness = plan.desk.receivers
            await accept_as(database, receiver, witness, order.id, delivery_id, key=str(delivery_id))


async def test_late_joiners_are_a_further_order_on_the_same_terms(database: Database) -> None:
    plan, first = await ordered(database)
    person = Person(id=new_id(), name="新会员", created_at=clock.now())
    async with database.transaction() as session:
        session.add(person)
        await session.flush()
        session.add(Membership(id=new_id(), person_id=person.id, unit_id=plan.desk.branches[1], valid_from=LONG_AGO))
        session.add(UnionMembership(id=new_id(), person_id=person.id, union_id=plan.desk.union, valid_from=LONG_AGO))
    await change(database, plan, "late_joiners", person_ids=[str(person.id)])
    orders = await rows(database, "SELECT id FROM shop_order")
    assert len(orders) == 2
    further = next(row.id for row in orders if row.id != first)
    shares = await rows(database, "SELECT * FROM payer_share WHERE order_id = :id", id=further)
    assert [share.unit_id for share in shares] == [plan.desk.branches[1]]
    assert (await rows(database, "SELECT count(*) FROM bulk_member"))[0][0] == 7
    await all_holds(database)
    await accept_everything(database, plan)
    assert (await rows(database, "SELECT sum(amount_fen) FROM credit_entry"))[0][0] == 7 * 4_500
    await all_holds(database)


async def test_a_substitution_gives_up_the_old_and_orders_the_new(database: Database) -> None:
    plan, first = await ordered(database)
    shop = plan.desk.shop
    await change(database, plan, "substitution", sku_id=str(shop.box), by_sku_id=str(shop.skus[3]))
    await all_holds(database)
    old = await rows(database, "SELECT sum(due_fen) AS due FROM payer_share WHERE order_id = :id", id=first)
    assert old[0].due == 0
    new = await rows(database, "SELECT title, quantity, unit_price_fen FROM order_line WHERE order_id <> :id", id=first)
    assert [tuple(row) for row in new] == [("示例货3", 6, 4_000)]
    held = await rows(database, "SELECT sku_id, held_pieces FROM stock_item WHERE held_pieces > 0")
    assert [tuple(row) for row in held] == [(shop.skus[3], 6)]
    await accept_everything(database, plan)
    assert (await rows(database, "SELECT sum(amount_fen) FROM credit_entry"))[0][0] == 6 * 4_000
    await all_holds(database)


@pytest.mark.parametrize("after", [False, True])
async def test_a_spare_moves_between_owners(database: Database, after: bool) -> None:
    plan, order_id = await ordered(database, spare_pieces=3)
    if after:
        await accept_everything(database, plan)
    shares = {row.unit_id: row for row in await rows(database, "SELECT * FROM payer_share ORDER BY position")}
    giver, taker = shares[plan.desk.shop.bank], shares[plan.desk.branches[0]]
    line = (await expected(database, order_id))[0].line_id
    terms = {"line_id": str(line), "from_share_id": str(giver.id), "to_share_id": str(taker.id), "pieces": 2}
    await change(database, plan, "spare_moved", **terms)
    moved = split(3 * 4_500, [2, 1])[0]
    now = {row.unit_id: row.due_fen for row in await rows(database, "SELECT unit_id, due_fen FROM payer_share")}
    assert now[plan.desk.shop.bank] == giver.due_fen - moved
    assert now[plan.desk.branches[0]] == taker.due_fen + moved
    assert (await rows(database, "SELECT sum(net_fen) FROM share_component"))[0][0] == 9 * 4_500
    await all_holds(database)
    if not after:
        await accept_everything(database, plan)
    credited = dict(
        tuple(row)
        for row in await rows(database, "SELECT unit_id, sum(amount_fen)::bigint FROM credit_entry GROUP BY 1")
    )
    assert credited[plan.desk.shop.bank] == 4_500
    assert credited[plan.desk.branches[0]] == 5 * 4_500
    assert sum(credited.values()) == 9 * 4_500
    await all_holds(database)
    with pytest.raises(NoSuchSpare):
        await change(database, plan, "spare_moved", **terms)
    await all_holds(database)
