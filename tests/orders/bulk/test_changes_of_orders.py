"""What an ordered purchase still becomes: late joiners, a substitution, a spare that moves. Money stays exact."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.acceptance.send_parcels import Sent
from orders.balance.identity import identities
from orders.bulk.approval.submit import SpendingRefused
from orders.bulk.change.decide_change import approve_change
from orders.bulk.change.move_spare import NoSuchSpare
from orders.bulk.change.request_change import request_change
from orders.bulk.joint.place import place
from orders.bulk.plan.contract import contracts_of
from orders.bulk.receiving.protect_price import protect_due
from orders.bulk.receiving.ship import ship
from shop.access.models import Person
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.money import split
from shop.organisation.models import Membership, UnionMembership
from tests.make.bulk import Plan, a_plan, approved, submitted
from tests.make.caller import as_caller
from tests.make.joint_order import accept_as, expected, official, paid_by_transfer
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


async def newcomer(database: Database, plan: Plan) -> UUID:
    """Works at the second branch, and belongs to the union since long."""
    person = Person(id=new_id(), name="新会员", created_at=clock.now())
    unit = plan.desk.branches[1]
    async with database.transaction() as session:
        session.add(person)
        await session.flush()
        session.add(Membership(id=new_id(), person_id=person.id, unit_id=unit, valid_from=LONG_AGO))
        session.add(UnionMembership(id=new_id(), person_id=person.id, union_id=plan.desk.union, valid_from=LONG_AGO))
    return person.id


async def test_late_joiners_are_a_further_order_on_the_same_terms(database: Database) -> None:
    plan, first = await ordered(database)
    person = await newcomer(database, plan)
    await change(database, plan, "late_joiners", person_ids=[str(person)])
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


async def test_late_joiners_are_under_the_caps(database: Database) -> None:
    plan, _ = await ordered(database)
    person = await newcomer(database, plan)
    counters = "SELECT used_fen FROM spending_counter WHERE owner_id = :id"
    async with database.transaction() as session:
        cap = "UPDATE spending_rule SET amount_fen = 4_499 WHERE kind = 'cap'"
        await session.execute(text(cap))
    with pytest.raises(SpendingRefused):
        await change(database, plan, "late_joiners", person_ids=[str(person)])
    assert await rows(database, "SELECT 1 FROM bulk_member WHERE person_id = :id", id=person) == []
    async with database.transaction() as session:
        await session.execute(text(cap.replace("4_499", "600_000")))
    await change(database, plan, "late_joiners", person_ids=[str(person)])
    assert [row.used_fen for row in await rows(database, counters, id=person)] == [4_500]
    first = plan.desk.members[0]
    assert [row.used_fen for row in await rows(database, counters, id=first)] == [4_500], "the plan's own stay as taken"


async def test_goods_come_in_full_cases_and_the_owner_of_spares_pays_for_what_fills_them(
    app: FastAPI, database: Database
) -> None:
    plan = await a_plan(database, members=6, spare_pieces=1, state="draft")
    box = plan.desk.shop.box
    async with as_caller(app, plan.desk.clerk) as caller:
        sizes = {"cases": [{"sku_id": str(box), "case_pieces": 4}]}
        url = f"/api/v1/bulk-purchases/{plan.id}"
        before = (await caller.get(url)).json()
        assert (await caller.put(f"{url}/cases", json=sizes)).status_code == 200
        after = (await caller.get(url)).json()
        assert (before["goods_fen"], after["goods_fen"]) == (7 * 4_500, 8 * 4_500), "two full cases"
        assert after["revision"] == before["revision"] + 1
        await submitted(plan)
        await approved(plan)
        approved_sha = (await caller.get(url)).json()["content_sha256"]
        other = {"cases": [{"sku_id": str(box), "case_pieces": 5}]}
        assert (await caller.put(f"{url}/cases", json=other)).status_code == 200
        assert (await caller.get(url)).json()["state"] == "draft", "other cases are another content"
        await caller.put(f"{url}/cases", json=sizes)
        await submitted(plan)
        await approved(plan)
        assert (await caller.get(url)).json()["content_sha256"] == approved_sha
        placed = await caller.post(f"{url}/place", headers={"idempotency-key": "p"})
        assert placed.status_code == 201, placed.text
        shares = (await caller.get(f"{url}/shares")).json()["items"]
    async with database.reading() as session:
        paper = await contracts_of(session, actor=plan.desk.clerk, purchase_id=plan.id, now=clock.now())
    assert [(one.pieces, one.fen) for one in paper.contracts[0].goods] == [(8, 8 * 4_500)]
    assert await rows(database, "SELECT quantity FROM order_line") == [(8,)]
    held = await rows(
        database,
        "SELECT sum(i.held_pieces)::int / sum(c.pieces)::int FROM stock_item i "
        "JOIN sku_content c ON c.stock_sku_id = i.sku_id AND c.sku_id = :box",
        box=box,
    )
    assert held == [(8,)]
    owner = next(share for share in shares if share["is_spare"])
    mine = await rows(database, "SELECT count(*) FROM bulk_member WHERE unit_id = :u", u=UUID(owner["unit_id"]))
    assert sum(line["pieces"] for line in owner["lines"]) == mine[0][0] + 2, "the planned spare and what fills the case"
    assert sum(share["goods_fen"] for share in shares) == 8 * 4_500
    person = await newcomer(database, plan)
    await change(database, plan, "late_joiners", person_ids=[str(person)])
    [asked] = await rows(database, "SELECT amount_fen FROM bulk_change")
    assert asked.amount_fen == 4 * 4_500, "a joiner's goods come in a full case too"
    assert (await rows(database, "SELECT sum(quantity)::int FROM order_line"))[0][0] == 12
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


async def test_an_order_is_cancelled_by_two_people_and_everything_returns(app: FastAPI, database: Database) -> None:
    plan, _ = await ordered(database, spare_pieces=1)
    person = await newcomer(database, plan)
    await change(database, plan, "late_joiners", person_ids=[str(person)])
    await paid_by_transfer(database)
    url = f"/api/v1/bulk-purchases/{plan.id}"
    async with as_caller(app, plan.desk.clerk) as clerk:
        alone = await clerk.post(f"{url}/cancel", json={"reason": "改期"})
        assert (alone.status_code, alone.json()["code"]) == (409, "wrong_state")
        requested = {"kind": "cancellation", "reason": "活动取消"}
        asked = await clerk.post(f"{url}/changes", json=requested, headers={"idempotency-key": "c"})
        assert asked.status_code == 201, asked.text
        await clerk.post(f"{url}/changes", json=requested | {"reason": "再提一次"}, headers={"idempotency-key": "d"})
        named = await rows(
            database, "SELECT id, content_sha256 FROM bulk_change WHERE kind = 'cancellation' ORDER BY number"
        )
        (first, sha), (second, _) = named
        own = await clerk.post(f"{url}/changes/{first}/approve", json={"content_sha256": sha})
        assert own.status_code == 403 or own.json()["code"] == "duties_not_apart", own.text
    paid = (await rows(database, "SELECT sum(paid_fen)::int AS fen FROM payer_share"))[0].fen
    assert paid > 8 * 4_500, "freight too"
    async with as_caller(app, plan.desk.approvers[0]) as approver:
        done = await approver.post(f"{url}/changes/{first}/approve", json={"content_sha256": sha})
        assert done.status_code == 200, done.text
        assert done.json()["state"] == "cancelled"
        again = await approver.post(f"{url}/changes/{second}/approve", json={"content_sha256": sha})
        assert (again.status_code, again.json()["code"]) == (409, "change_over")
    assert await rows(database, "SELECT DISTINCT state FROM shop_order") == [("cancelled",)]
    shares = await rows(database, "SELECT due_fen, paid_fen, payment_state FROM payer_share")
    assert {(share.due_fen, share.payment_state) for share in shares} == {(0, "overpaid")}
    assert sum(share.paid_fen for share in shares) == paid, "money to pay back"
    assert await rows(database, "SELECT sum(held_pieces)::int FROM stock_item") == [(0,)]
    assert await rows(database, "SELECT sum(used_fen)::int FROM spending_counter") == [(0,)]
    left = """SELECT balance_fen FROM account WHERE kind = 'encumbrance' AND owner = :id"""
    assert await rows(database, left, id=str(plan.id)) == [(0,)]
    assert await rows(database, "SELECT count(*) FROM credit_entry") == [(0,)]
    await all_holds(database)


async def test_what_was_sent_is_not_cancelled(app: FastAPI, database: Database) -> None:
    plan, _ = await ordered(database)
    url = f"/api/v1/bulk-purchases/{plan.id}"
    async with as_caller(app, plan.desk.clerk) as clerk:
        requested = {"kind": "cancellation", "reason": "活动取消"}
        asked = await clerk.post(f"{url}/changes", json=requested, headers={"idempotency-key": "c"})
        assert asked.status_code == 201
    staff = await official(database, Role.STAFF, plan.desk.shop.bank)
    [parcel, *_] = await rows(database, "SELECT id FROM parcel ORDER BY id")
    async with database.transaction() as session:
        sent = [Sent(parcel.id, carrier="sf", waybill="SF1")]
        await ship(session, actor=staff, purchase_id=plan.id, sent=sent, truck=None, now=clock.now())
    [(change_id, sha)] = await rows(database, "SELECT id, content_sha256 FROM bulk_change")
    async with as_caller(app, plan.desk.approvers[0]) as approver:
        late = await approver.post(f"{url}/changes/{change_id}/approve", json={"content_sha256": sha})
    assert (late.status_code, late.json()["code"]) == (409, "not_cancellable")
    assert await rows(database, "SELECT state FROM bulk_change") == [("requested",)]
    assert (await rows(database, "SELECT sum(held_pieces)::int FROM stock_item"))[0][0] > 0


async def test_prices_of_the_ship_date_are_protected_by_themselves(app: FastAPI, database: Database) -> None:
    plan, _ = await ordered(database, spare_pieces=1)
    due = "SELECT sum(due_fen)::int FROM payer_share"
    before = (await rows(database, due))[0][0]
    await reprice(database, plan.desk.shop.box, 4_400)
    assert await protect_due(database, now=clock.now()) == 0, "not before the ship date"
    shipping_day = datetime.combine(plan.ship_on, time(9), clock.SHANGHAI)
    assert await protect_due(database, now=shipping_day) == 1
    assert await protect_due(database, now=shipping_day + timedelta(hours=1)) == 0, "once"
    assert (await rows(database, due))[0][0] == before - 7 * 100
    [(actor,)] = await rows(database, "SELECT actor_id FROM audit_event WHERE action = 'order.price_protection'")
    assert actor is None
    staff = await official(database, Role.STAFF, plan.desk.shop.bank)
    async with database.transaction() as session:
        truck = Sent(UUID(int=0), truck_plate="沪A00001", truck_driver="司机甲")
        await ship(session, actor=staff, purchase_id=plan.id, sent=[], truck=truck, now=shipping_day)
    assert (await rows(database, due))[0][0] == before - 7 * 100
    await all_holds(database)


async def test_a_price_that_falls_after_the_ship_date_is_not_protected_by_itself(database: Database) -> None:
    plan, _ = await ordered(database)
    due = "SELECT sum(due_fen)::int FROM payer_share"
    before = (await rows(database, due))[0][0]
    later = datetime.combine(plan.ship_on + timedelta(days=1), time(0, 30), clock.SHANGHAI)
    await reprice(database, plan.desk.shop.box, 4_400, at=later)
    assert await protect_due(database, now=later + timedelta(hours=1)) == 0
    assert (await rows(database, due))[0][0] == before


async def reprice(database: Database, sku: UUID, fen: int, *, at: datetime | None = None) -> None:
    now = at or clock.now() - timedelta(seconds=1)
    async with database.transaction() as session:
        await session.execute(text("UPDATE price SET valid_to = :now WHERE sku_id = :sku"), {"now": now, "sku": sku})
        await session.execute(
            text("""INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from)
            VALUES (gen_random_uuid(), :sku, 'retail', 1, :fen, :now)"""),
            {"now": now, "sku": sku, "fen": fen},
        )
