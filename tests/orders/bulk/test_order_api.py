"""Place, ship, accept, shares, refunds: through the door, as their roles."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.money import split
from tests.make.bulk import Plan, a_plan, one, stands
from tests.make.caller import refused, token_of
from tests.make.joint_order import approve, expected, joint_purchase, official, paid_by_transfer, placed_joint

pytestmark = pytest.mark.anyio


class Door:
    """Calls of one purchase, as somebody."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, plan: Plan) -> None:
        self.app, self.client, self.plan = app, client, plan

    async def post(self, path: str, actor: Actor, body: dict[str, Any] | None = None, key: str = "") -> httpx.Response:
        headers = token_of(self.app, actor) | {"idempotency-key": key or new_id().hex}
        return await self.client.post(f"/api/v1/bulk-purchases/{self.plan.id}/{path}", json=body, headers=headers)

    async def shares(self, actor: Actor) -> httpx.Response:
        return await self.client.get(f"/api/v1/bulk-purchases/{self.plan.id}/shares", headers=token_of(self.app, actor))


async def all_holds(database: Database) -> None:
    async with database.snapshot() as session:
        assert {one.code: one.apart for one in await identities(session) if not one.holds} == {}


@pytest.fixture
async def door(app: FastAPI, client: httpx.AsyncClient, database: Database) -> Door:
    return Door(app, client, await a_plan(database, members=6, spare_pieces=1))


async def test_from_approval_to_accepted_and_refunded(door: Door, database: Database) -> None:
    desk = door.plan.desk
    placed = await door.post("place", desk.clerk, key="p1")
    assert placed.status_code == 201, placed.text
    order_id = UUID(placed.json()["order_id"])
    again = await door.post("place", desk.clerk)
    assert again.json()["order_id"] == str(order_id)
    shares = (await door.shares(desk.clerk)).json()["items"]
    assert [share["is_spare"] for share in shares].count(True) == 1
    assert sum(share["goods_fen"] for share in shares) == 7 * 4_500
    assert len({share["transfer_code"] for share in shares}) == len(shares)

    staff = await official(database, Role.STAFF, desk.shop.bank)
    sent = await door.post("ship", staff, {"truck": {"driver": "司机甲", "plate": "沪A00001"}})
    assert sent.json() == {"state": "shipped"}, sent.text
    assert await stands(door.plan) == "shipped"

    receiver, witness = desk.receivers
    rows = await expected(database, order_id)
    short = rows[0]
    for delivery_id in dict.fromkeys(row.delivery_id for row in rows):
        lines = [
            {
                "line_id": str(row.line_id),
                "payer_share_id": str(row.payer_share_id),
                "accepted": row.pieces - (row is short),
                "short": int(row is short),
            }
            for row in rows
            if row.delivery_id == delivery_id
        ]
        body = {"delivery": {"delivery_id": str(delivery_id), "lines": lines}, "witness_id": str(witness.user_id)}
        done = await door.post("acceptances", receiver, body)
        assert done.status_code == 201, done.text
    assert await stands(door.plan) == "accepted"
    await all_holds(database)
    after = {share["id"]: share for share in (await door.shares(desk.clerk)).json()["items"]}
    gone = split(short.pieces * 4_500, [1, short.pieces - 1])[0]
    for share in shares:
        less = gone if share["id"] == str(short.payer_share_id) else 0
        assert after[share["id"]]["due_fen"] == share["due_fen"] - less
    spent = await one(
        door.plan,
        """SELECT sum(amount_fen)::bigint FROM transfer t JOIN account a ON a.id = t.credit_account_id
        WHERE a.kind = 'encumbrance' AND t.kind = 'encumbrance_spent'""",
    )
    assert spent == sum(share["due_fen"] for share in after.values())

    await paid_by_transfer(database)
    path = f"/api/v1/orders/{order_id}/refunds"
    headers = token_of(door.app, staff) | {"idempotency-key": "r1"}
    line = {"line_id": str(short.line_id), "payer_share_id": str(short.payer_share_id), "quantity": 1}
    refund = await door.client.post(path, json={"lines": [line], "reason": "有一件变质"}, headers=headers)
    assert refund.status_code == 201, refund.text
    assert refund.json()["amount_fen"] == split((short.pieces - 1) * 4_500, [1, short.pieces - 2])[0]
    replayed = await door.client.post(path, json={"lines": [line], "reason": "有一件变质"}, headers=headers)
    assert replayed.json() == refund.json()
    last = {share["id"]: share for share in (await door.shares(desk.clerk)).json()["items"]}
    mine = last[str(short.payer_share_id)]
    assert mine["payment_state"] == "overpaid"
    assert mine["to_pay_back_fen"] == refund.json()["amount_fen"]
    await all_holds(database)
    async with database.reading() as session:
        grades = set(
            await session.scalars(text("SELECT grade FROM credit_entry WHERE kind IN ('regrade_in', 'refund')"))
        )
    assert grades == {"A"}
    more = {"lines": [line | {"quantity": 9}], "reason": "多退"}
    too_much = await door.client.post(path, json=more, headers=headers | {"idempotency-key": "r2"})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_exceeds")
    await all_holds(database)


async def test_a_refund_of_a_line_falls_on_all_its_payers(door: Door, database: Database) -> None:
    desk = door.plan.desk
    order_id = UUID((await door.post("place", desk.clerk)).json()["order_id"])
    staff = await official(database, Role.STAFF, desk.shop.bank)
    path, headers = f"/api/v1/orders/{order_id}/refunds", token_of(door.app, staff)
    rows = await expected(database, order_id)
    requested = {"lines": [{"line_id": str(rows[0].line_id), "quantity": 2}], "reason": "抽检不合格"}
    his = token_of(door.app, replace(desk.clerk, grants=(Grant(Role.STAFF, "all", "*"),)))
    refused(await door.client.post(path, json=requested, headers=his), 409, "own_money")
    early = await door.client.post(path, json=requested, headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "not_accepted")
    for delivery_id in dict.fromkeys(row.delivery_id for row in rows):
        body = {"delivery": {"delivery_id": str(delivery_id)}, "witness_id": str(desk.receivers[1].user_id)}
        assert (await door.post("acceptances", desk.receivers[0], body)).status_code == 201
    for reason, asked in (("件", requested), ("额", {"amount_fen": 101, "reason": "补偿"})):
        refund = await door.client.post(path, json=asked, headers=headers)
        assert refund.status_code == 201, (reason, refund.text)
        await all_holds(database)
    assert refund.json()["amount_fen"] == 101
    async with database.reading() as session:
        fen = await session.scalar(text("SELECT sum(amount_fen)::bigint FROM credit_entry WHERE kind = 'refund'"))
    assert fen == -(101 + split(7 * 4_500, [2, 5])[0])
    others = await official(database, Role.STAFF, desk.branches[0])
    hidden = await door.client.post(path, json=requested, headers=token_of(door.app, others))
    assert hidden.status_code == 404


async def test_a_branch_sees_only_its_share(door: Door, database: Database) -> None:
    desk = door.plan.desk
    await door.post("place", desk.clerk)
    branch = await official(database, Role.UNION_RECEIVER, desk.branches[1])
    seen = (await door.shares(branch)).json()["items"]
    assert [share["unit_id"] for share in seen] == [str(desk.branches[1])]
    assert len(seen[0]["deliveries"]) == 1
    stranger = Actor(new_id(), new_id(), new_id(), (Grant(Role.UNION_BUYER, "unit", str(new_id())),))
    assert (await door.shares(stranger)).status_code == 404


async def test_a_branch_accepts_only_what_came_for_it(door: Door, database: Database) -> None:
    desk = door.plan.desk
    order_id = UUID((await door.post("place", desk.clerk)).json()["order_id"])
    share = {str(s["unit_id"]): s for s in (await door.shares(desk.clerk)).json()["items"]}
    first, second = (share[str(branch)]["deliveries"][-1]["id"] for branch in desk.branches)
    branch = await official(database, Role.UNION_RECEIVER, desk.branches[1])
    witness = {"witness_id": str(desk.receivers[0].user_id)}
    refused = await door.post("acceptances", branch, {"delivery": {"delivery_id": first}} | witness)
    assert refused.status_code == 404
    done = await door.post("acceptances", branch, {"delivery": {"delivery_id": second}} | witness)
    assert done.status_code == 201, done.text
    assert (await expected(database, order_id))[0]


@pytest.mark.parametrize(
    ("who", "witness"), [("clerk", "receiver"), ("approver", "receiver"), ("receiver", "approver")]
)
async def test_duties_are_apart_at_the_door(door: Door, database: Database, who: str, witness: str) -> None:
    desk = door.plan.desk
    order_id = UUID((await door.post("place", desk.clerk)).json()["order_id"])
    people = {"clerk": desk.clerk, "approver": desk.approvers[0], "receiver": desk.receivers[0]}
    both = Role.UNION_RECEIVER  # even whoever holds the receiver's role as well
    actor = Actor(people[who].user_id, people[who].person_id, new_id(), (Grant(both, "unit", str(desk.shop.bank)),))
    delivery = (await expected(database, order_id))[0].delivery_id
    body = {"delivery": {"delivery_id": str(delivery)}, "witness_id": str(people[witness].user_id)}
    done = await door.post("acceptances", actor, body)
    assert (done.status_code, done.json()["code"]) == (409, "duties_not_apart")
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM acceptance")) == 0


async def test_a_fallen_price_lowers_the_order_and_a_risen_one_does_not(door: Door, database: Database) -> None:
    desk = door.plan.desk
    order_id = UUID((await door.post("place", desk.clerk)).json()["order_id"])
    before = {s["id"]: s["due_fen"] for s in (await door.shares(desk.clerk)).json()["items"]}
    await reprice(database, desk.shop.box, 4_400)
    suppliers = desk.shop.suppliers
    supplier = Actor(
        desk.clerk.user_id, desk.clerk.person_id, new_id(), (Grant(Role.SUPPLIER, "supplier", str(suppliers[0])),)
    )
    parcels = [
        parcel
        for s in (await door.shares(desk.clerk)).json()["items"]
        for d in s["deliveries"]
        for parcel in d["parcels"]
    ]
    body = {
        "parcels": [
            {"parcel_id": p, "carrier": "sf", "waybill": f"SF{n:010}"} for n, p in enumerate(dict.fromkeys(parcels))
        ]
    }
    sent = await door.post("ship", supplier, body)
    assert sent.json() == {"state": "shipped"}, sent.text
    after = {s["id"]: s["due_fen"] for s in (await door.shares(desk.clerk)).json()["items"]}
    assert sum(before.values()) - sum(after.values()) == 7 * 100
    assert all(before[share] > after[share] for share in before)
    again = await door.post("ship", supplier, body)
    assert again.json() == {"state": "shipped"}
    taken = body | {"parcels": [body["parcels"][0] | {"waybill": "SF9999999999"}]}
    assert (await door.post("ship", supplier, taken)).json()["code"] == "already_sent"
    await all_holds(database)
    for delivery_id in dict.fromkeys(row.delivery_id for row in await expected(database, order_id)):
        requested = {"delivery": {"delivery_id": str(delivery_id)}, "witness_id": str(desk.receivers[1].user_id)}
        assert (await door.post("acceptances", desk.receivers[0], requested)).status_code == 201
    async with database.reading() as session:
        assert await session.scalar(text("SELECT sum(amount_fen)::bigint FROM credit_entry")) == 7 * 4_400
    await all_holds(database)


async def test_a_risen_price_is_the_suppliers(door: Door, database: Database) -> None:
    desk = door.plan.desk
    await door.post("place", desk.clerk)
    before = (await door.shares(desk.clerk)).json()
    await reprice(database, desk.shop.box, 5_000)
    staff = await official(database, Role.STAFF, desk.shop.bank)
    await door.post("ship", staff, {"truck": {"driver": "司机甲", "plate": "沪A00001"}})
    assert (await door.shares(desk.clerk)).json() == before


async def reprice(database: Database, sku: UUID, fen: int) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    async with database.transaction() as session:
        await session.execute(text("UPDATE price SET valid_to = :now WHERE sku_id = :sku"), {"now": now, "sku": sku})
        await session.execute(
            text("""INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from)
            VALUES (gen_random_uuid(), :sku, 'retail', 1, :fen, :now)"""),
            {"now": now, "sku": sku, "fen": fen},
        )


async def test_homes_are_accepted_by_branch_on_the_basis_of_waybills(
    app: FastAPI, client: httpx.AsyncClient, database: Database
) -> None:
    joint = await joint_purchase(database, members=((0, 0), (0,)), packages=({4: 1},), deliver_to="homes")
    async with database.transaction() as session:  # no union budget stands behind rows that were only inserted
        await session.execute(text("UPDATE bulk_purchase SET fund_source = 'administration'"))
    await approve(database, joint.purchase_id, joint.requester, joint.witness, step=2)
    order_id = await placed_joint(database, joint)
    path = f"/api/v1/bulk-purchases/{joint.purchase_id}"
    async with database.reading() as session:
        share = await session.scalar(
            text("SELECT id FROM payer_share WHERE unit_id = :unit"), {"unit": joint.branches[0]}
        )
        parcels = list(await session.scalars(text("SELECT id FROM parcel ORDER BY id")))
    witness = await official(database, Role.UNION_RECEIVER, joint.shop.bank)
    body = {"payer_share_id": str(share), "witness_id": str(witness.user_id)}
    headers = token_of(app, joint.receiver) | {"idempotency-key": "homes"}
    early = await client.post(f"{path}/acceptances", json=body, headers=headers)
    assert (early.status_code, early.json()["code"]) == (409, "waybill_missing")
    staff = await official(database, Role.STAFF, joint.shop.bank)
    waybills = [{"parcel_id": str(p), "carrier": "sf", "waybill": f"SF{n}"} for n, p in enumerate(parcels)]
    sent = await client.post(f"{path}/ship", json={"parcels": waybills}, headers=token_of(app, staff))
    assert sent.json() == {"state": "shipped"}, sent.text
    done = await client.post(f"{path}/acceptances", json=body, headers=headers)
    assert done.status_code == 201, done.text
    assert len(done.json()["acceptance_ids"]) == 2
    again = await client.post(f"{path}/acceptances", json=body, headers=headers)
    assert again.json() == done.json()
    async with database.reading() as session:
        notes = list(await session.scalars(text("SELECT delivery_note FROM acceptance")))
        assert all(note.startswith("sf SF") for note in notes)
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")) == 4
        assert await session.scalar(text("SELECT state FROM shop_order WHERE id = :id"), {"id": order_id}) == "shipped"
    second = body | {"witness_id": str(joint.witness.user_id)}
    key = {"idempotency-key": "another"}
    refused = await client.post(f"{path}/acceptances", json=second, headers=headers | key)
    assert refused.status_code == 404, "nothing of that branch waits any more"
    await all_holds(database)


async def test_an_order_with_many_parcels_reads_as_one(door: Door) -> None:
    desk = door.plan.desk
    order_id = (await door.post("place", desk.clerk)).json()["order_id"]
    order = await door.client.get(f"/api/v1/orders/{order_id}", headers=token_of(door.app, desk.clerk))
    assert order.status_code == 200, order.text
    seen = order.json()
    assert [line["quantity"] for line in seen["lines"]] == [7]
    assert seen["goods_fen"] == 7 * 4_500
    shares = (await door.shares(desk.clerk)).json()["items"]
    assert seen["total_fen"] == sum(share["due_fen"] for share in shares)
