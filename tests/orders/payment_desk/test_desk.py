"""The payments desk over HTTP: who sees what, two people, and where the money goes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.run import run_balance
from orders.checkout.expire import expire
from orders.checkout.open_payment import open_payment
from orders.switchboard import handle_inbox
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Unit
from tests.make.banking import balance
from tests.make.caller import as_caller, refused
from tests.make.identities import identities_hold
from tests.make.shop import LONG_AGO, SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio
HELD = "/api/v1/payments/held"
WHY = {"reason": "买家要求退回"}


@dataclass
class Desk:
    """Two clerks of the buyer's company, one of another company, one of the whole shop."""

    app: FastAPI
    database: Database
    shop: SmallShop
    who: Actor
    first: httpx.AsyncClient
    second: httpx.AsyncClient
    stranger: httpx.AsyncClient
    platform: httpx.AsyncClient

    async def paid(self, who: Actor, goods: dict[UUID, int], **sandbox: Any) -> tuple[Any, UUID]:
        order = await placed(self.database, who, goods)
        opened = await open_payment(
            self.database, self.app.state.gateway, actor=who, order_id=order.id, method="stripe", now=clock.now()
        )
        await self.app.state.sandbox.succeed(opened.payment_id, **sandbox)
        await self.work()
        return order, opened.payment_id

    async def late(self, who: Actor, sku: int = 3) -> UUID:
        """Paid when the goods are gone."""
        order = await placed(self.database, who, {self.shop.skus[sku]: 600})
        opened = await open_payment(
            self.database, self.app.state.gateway, actor=who, order_id=order.id, method="stripe", now=clock.now()
        )
        async with self.database.transaction() as session:
            await expire(session, now=clock.now() + timedelta(hours=1))
        await placed(self.database, who, {self.shop.skus[sku]: 600})
        await self.app.state.sandbox.succeed(opened.payment_id)
        await self.work()
        return opened.payment_id

    async def work(self) -> None:
        await self.app.state.sandbox.quiet()
        await handle_inbox(self.database, self.app.state.gateway, now=clock.now())

    async def one(self, statement: str, **values: Any) -> Any:
        async with self.database.reading() as session:
            row = (await session.execute(text(statement), values)).one()
        return row[0] if len(row) == 1 else tuple(row)

    async def items(self, clerk: httpx.AsyncClient, what: str = "held") -> list[dict[str, Any]]:
        answer = await clerk.get(HELD, params={"what": what})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> AsyncIterator[Desk]:
    shop = await small_shop(database)
    other = Unit(id=new_id(), code="OTHER", name="另一家公司（虚构）", valid_from=LONG_AGO, created_at=clock.now())
    async with database.transaction() as session:
        session.add(other)
    async with AsyncExitStack() as stack:

        async def clerk(scope: str, scope_id: str) -> httpx.AsyncClient:
            person = await buyer(database)
            grants = (Grant(Role.STAFF, "all" if scope == "all" else "unit", scope_id),)
            return await stack.enter_async_context(as_caller(app, replace(person, grants=grants)))

        yield Desk(
            app,
            database,
            shop,
            await buyer(database, works_at=shop.branch),
            await clerk("unit", str(shop.branch)),
            await clerk("unit", str(shop.bank)),
            await clerk("unit", str(other.id)),
            await clerk("all", "*"),
        )


async def test_a_held_payment_has_an_owner_and_goes_back_by_two_people(desk: Desk) -> None:
    order, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 2}, amount_fen=9_999)
    (seen,) = await desk.items(desk.first)
    assert (seen["why"], seen["amount_fen"], seen["expected_fen"]) == ("differs", 9_999, order.total_fen)
    assert seen["owner"] == {"kind": "unit", "unit_id": str(desk.shop.branch), "unit_name": "示例银行一分行（虚构）"}
    assert (seen["age_minutes"], seen["asked"], seen["order_number"]) == (0, None, order.number)
    assert await desk.items(desk.stranger) == []
    at = f"/api/v1/payments/{payment}"
    refused(await desk.stranger.post(f"{at}/return", json=WHY), 404, "not_found")
    refused(await desk.stranger.post(f"{at}/withdraw"), 404, "not_found")
    asked = await desk.first.post(f"{at}/return", json=WHY)
    assert (asked.status_code, asked.json()["state"]) == (202, "asked")
    refused(await desk.first.post(f"{at}/return", json=WHY), 409, "second_person_needed")
    assert refused(await desk.second.post(f"{at}/keep", json=WHY), 409, "other_thing_asked")["asked"] == "return"
    assert (await desk.items(desk.second))[0]["asked"]["action"] == "return"
    assert (await desk.second.post(f"{at}/withdraw")).json()["state"] == "withdrawn"
    assert (await desk.second.post(f"{at}/return", json=WHY)).status_code == 202
    done = await desk.first.post(f"{at}/return", json=WHY)
    assert (done.status_code, done.json()["state"]) == (200, "done")
    refused(await desk.second.post(f"{at}/keep", json=WHY), 409, "on_its_way")
    await desk.work()
    assert await desk.items(desk.first) == []
    refused(await desk.second.post(f"{at}/return", json=WHY), 409, "nothing_to_decide")
    assert await desk.one("SELECT kind, state, amount_fen FROM refund") == ("late_payment", "succeeded", 9_999)
    assert await desk.one("SELECT count(*) FROM desk_decision WHERE decided_by <> asked_by") == 1
    await identities_hold(desk.database)


async def test_another_currency_goes_back_in_it_and_cannot_be_kept(desk: Desk) -> None:
    _, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 2}, currency="usd", amount_fen=333)
    at = f"/api/v1/payments/{payment}"
    (seen,) = await desk.items(desk.first)
    assert (seen["currency"], seen["amount_fen"]) == ("usd", 333)
    refused(await desk.first.post(f"{at}/keep", json=WHY), 409, "not_that_way")
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/return", json=WHY)).status_code in {200, 202}
    await desk.work()
    assert await desk.one("SELECT currency, state, amount_fen FROM refund") == ("usd", "succeeded", 333)
    assert await desk.one("SELECT count(*) FROM transfer") == 0, "it never was anybody's fen"
    assert await desk.items(desk.first) == []
    await identities_hold(desk.database)


async def test_without_a_unit_the_shop_itself_decides(desk: Desk) -> None:
    nobodys = await buyer(desk.database)
    payment = await desk.late(nobodys)
    assert await desk.items(desk.first) == []
    refused(await desk.first.post(f"/api/v1/payments/{payment}/return", json=WHY), 404, "not_found")
    (seen,) = await desk.items(desk.platform)
    assert (seen["owner"]["kind"], seen["why"]) == ("platform", "too_late")
    assert (await desk.platform.post(f"/api/v1/payments/{payment}/return", json=WHY)).status_code == 202


async def test_nobody_decides_about_his_own_money(desk: Desk) -> None:
    payment = await desk.late(desk.who)
    own = replace(desk.who, grants=(*desk.who.grants, Grant(Role.STAFF, "all", "*")))
    async with as_caller(desk.app, own) as himself:
        refused(await himself.post(f"/api/v1/payments/{payment}/return", json=WHY), 409, "own_money")


async def test_kept_it_waits_uncredited_until_it_pays_an_order_of_the_same_buyer(desk: Desk) -> None:
    payment = await desk.late(desk.who)
    at = f"/api/v1/payments/{payment}"
    received = (await desk.items(desk.first))[0]["amount_fen"]
    assert (await desk.first.post(f"{at}/keep", json=WHY)).status_code == 202
    assert (await desk.second.post(f"{at}/keep", json=WHY)).json()["state"] == "done"
    assert await desk.one("SELECT count(*) FROM credit_entry") == 0
    assert await desk.items(desk.first) == []
    (advance,) = await desk.items(desk.first, "advance")
    assert (advance["what"], advance["amount_fen"]) == ("advance", received)
    await identities_hold(desk.database)
    mine = await placed(desk.database, desk.who, {desk.shop.skus[0]: 2, desk.shop.box: 1})
    strangers = await placed(desk.database, await buyer(desk.database), {desk.shop.skus[0]: 2})
    refused(await desk.first.post(f"{at}/match", json={"order_id": str(strangers.id)}), 404, "not_found")
    refused(await desk.stranger.post(f"{at}/match", json={"order_id": str(mine.id)}), 404, "not_found")
    much = await placed(desk.database, desk.who, {desk.shop.skus[1]: 990, desk.shop.skus[2]: 800})
    short = refused(await desk.first.post(f"{at}/match", json={"order_id": str(much.id)}), 409, "advance_short")
    assert (short["needed_fen"], short["left_fen"]) == (much.total_fen, received)
    matched = await desk.first.post(f"{at}/match", json={"order_id": str(mine.id)})
    assert matched.status_code == 200, matched.text
    refused(await desk.first.post(f"{at}/match", json={"order_id": str(mine.id)}), 409, "already_paid")
    assert await desk.one("SELECT state, payment_state FROM shop_order WHERE id = :id", id=mine.id) == (
        "confirmed", "paid",
    )  # fmt: skip
    assert await desk.one("SELECT sum(amount_fen)::bigint FROM credit_entry") == mine.goods_fen
    assert (await desk.items(desk.first, "advance"))[0]["amount_fen"] == received - mine.total_fen
    await identities_hold(desk.database)
    lines = [{"line_id": str(mine.lines[0].id), "quantity": 1}]  # what it paid goes back where it came from
    own = replace(desk.who, grants=(*desk.who.grants, Grant(Role.STAFF, "all", "*")))
    async with as_caller(desk.app, own) as himself:
        asked = {"lines": lines, "reason": "坏果"}
        refused(await himself.post(f"/api/v1/orders/{mine.id}/refunds", json=asked), 409, "own_money")
    back = await desk.first.post(f"/api/v1/orders/{mine.id}/refunds", json={"lines": lines, "reason": "坏果"})
    assert back.status_code == 201, back.text
    await desk.work()
    assert await desk.one("SELECT state FROM refund") == "succeeded"
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/return", json=WHY)).status_code in {200, 202}
    await desk.work()
    assert await desk.one("SELECT state, amount_fen FROM refund WHERE kind = 'kept_advance'") == (
        "succeeded", received - mine.total_fen,
    )  # fmt: skip
    assert await desk.items(desk.first, "advance") == []
    await identities_hold(desk.database)
    payment_of = await desk.one("SELECT id FROM payment WHERE method = 'advance'")
    assert str(payment_of) == matched.json()["payment_id"]


async def test_what_the_dashboard_gave_back_can_be_neither_kept_nor_returned_again(desk: Desk) -> None:
    _, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 2}, amount_fen=9_999)
    await desk.app.state.sandbox.refund_in_dashboard(payment, amount_fen=5_000)
    await desk.work()
    at = f"/api/v1/payments/{payment}"
    for verb in ("keep", "return"):
        refused(await desk.first.post(f"{at}/{verb}", json=WHY), 409, "not_that_way")
    (foreign,) = await desk.items(desk.first, "provider_refund")
    for clerk in (desk.first, desk.second):
        await clerk.post(f"/api/v1/provider-refunds/{foreign['id']}/adopt", json=WHY)
    (left,) = await desk.items(desk.first)
    assert left["amount_fen"] == 4_999
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"{at}/return", json=WHY)).status_code in {200, 202}
    await desk.work()
    assert await desk.items(desk.first) == []


async def test_a_refund_of_the_dashboard_is_adopted_by_two_people_once(desk: Desk) -> None:
    order, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 4, desk.shop.box: 1})
    sandbox = desk.app.state.sandbox
    pieces, amount = [await sandbox.refund_in_dashboard(payment, amount_fen=fen) for fen in (3_000, 777)]
    await desk.work()
    assert {one["id"] for one in await desk.items(desk.first, "provider_refund")} == {pieces, amount}
    at = f"/api/v1/provider-refunds/{pieces}/adopt"
    requested = {"lines": [{"line_id": str(order.lines[0].id), "quantity": 3}], "reason": "客服在平台退了三袋"}
    refused(await desk.stranger.post(at, json=requested), 404, "not_found")
    wrong = {"lines": [{"line_id": str(order.lines[0].id), "quantity": 2}], "reason": "两袋"}
    assert refused(await desk.first.post(at, json=wrong), 409, "not_that_way")["lines_fen"] == 2_000
    assert (await desk.first.post(at, json=requested)).status_code == 202
    refused(await desk.second.post(at, json={"reason": "按金额"}), 409, "other_thing_asked")
    assert (await desk.second.post(at, json=requested)).json()["state"] == "done"
    refused(await desk.second.post(at, json=requested), 409, "nothing_to_decide")
    assert await desk.one("SELECT kind, state, amount_fen, provider_refund_id FROM refund") == (
        "adopted", "succeeded", 3_000, pieces,
    )  # fmt: skip
    assert await desk.one("SELECT sum(pieces)::int FROM refund_goods") == 3, "they had not left the barn"
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"/api/v1/provider-refunds/{amount}/adopt", json=WHY)).status_code in {200, 202}
    other, paid = await desk.paid(desk.who, {desk.shop.skus[1]: 3})
    whole = await sandbox.refund_in_dashboard(paid)
    await sandbox.end_dispute(await sandbox.dispute(paid, amount_fen=500), won=False)
    await desk.work()
    left = refused(await desk.first.post(f"/api/v1/provider-refunds/{whole}/adopt", json=WHY), 409, "refund_exceeds")
    assert left["left_fen"] == other.total_fen - 500
    # Adopted, it may come back like any other; then it can be sent again.
    await sandbox.fail_refund(pieces)
    await desk.work()
    await identities_hold(desk.database)
    (failed,) = [one for one in await desk.items(desk.first, "refund") if one["what"] == "refund_undone"]
    assert failed["amount_fen"] == 3_000


async def test_a_failed_refund_is_sent_again_once_or_settled_otherwise(desk: Desk) -> None:
    order, _ = await desk.paid(desk.who, {desk.shop.skus[0]: 4})
    sandbox = desk.app.state.sandbox
    sandbox.let_refunds_fail(failing=True)
    for fen in (100, 200):
        asked = {"amount_fen": fen, "reason": "坏果"}
        assert (await desk.first.post(f"/api/v1/orders/{order.id}/refunds", json=asked)).status_code == 201
    await desk.work()
    sandbox.let_refunds_fail(failing=False)
    small, large = sorted(await desk.items(desk.first, "refund"), key=lambda one: one["amount_fen"])
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    assert await desk.one("SELECT holds, open_items FROM balance_run ORDER BY balanced_at DESC LIMIT 1") == (True, 2)
    refused(await desk.stranger.post(f"/api/v1/refunds/{small['id']}/retry"), 404, "not_found")
    assert (await desk.first.post(f"/api/v1/refunds/{small['id']}/retry")).json()["state"] == "done"
    refused(await desk.first.post(f"/api/v1/refunds/{small['id']}/retry"), 409, "nothing_to_decide")
    otherwise = f"/api/v1/refunds/{large['id']}/settle-otherwise"
    assert (await desk.first.post(otherwise, json={"reason": "已用现金退还"})).status_code == 202
    refused(await desk.first.post(otherwise, json={"reason": "已用现金退还"}), 409, "second_person_needed")
    assert (await desk.second.post(otherwise, json={"reason": "核对过收条"})).json()["state"] == "done"
    await desk.work()
    assert await desk.items(desk.first, "refund") == []
    assert await desk.one("SELECT state, amount_fen FROM refund WHERE retries_id = :id", id=UUID(small["id"])) == (
        "succeeded", 100,
    )  # fmt: skip
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    assert await desk.one("SELECT open_items FROM balance_run ORDER BY balanced_at DESC LIMIT 1") == 0
    assert await desk.one("SELECT count(*) FROM balance_difference WHERE waits AND closed_at IS NOT NULL") == 2
    await identities_hold(desk.database)


async def test_what_the_buyer_got_back_by_bank_takes_the_credit_back_and_is_not_refunded_again(desk: Desk) -> None:
    order, _ = await desk.paid(desk.who, {desk.shop.skus[0]: 4})
    credited = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry WHERE order_id = :id"
    sandbox, whole = desk.app.state.sandbox, await desk.one(credited, id=order.id)
    lines = {"lines": [{"line_id": str(order.lines[0].id), "quantity": 4}], "reason": "坏果"}
    assert (await desk.first.post(f"/api/v1/orders/{order.id}/refunds", json=lines)).status_code == 201
    await desk.work()
    assert await desk.one(credited, id=order.id) == 0
    await sandbox.fail_refund(await desk.one("SELECT provider_refund_id FROM refund"))
    await desk.work()
    assert await desk.one(credited, id=order.id) == whole
    (waiting,) = await desk.items(desk.first, "refund")
    at, said = (
        f"/api/v1/refunds/{waiting['id']}/given-back",
        {"bank_reference": "BANK-0001", "reason": "已转账退给买家"},
    )
    refused(await desk.stranger.post(at, json=said), 404, "not_found")
    refused(await desk.first.post(at, json=said | {"bank_reference": "  "}), 422, "invalid")
    assert (await desk.first.post(at, json=said)).status_code == 202
    refused(await desk.first.post(at, json=said), 409, "second_person_needed")
    refused(await desk.second.post(at, json=said | {"bank_reference": "BANK-0002"}), 409, "other_thing_asked")
    assert await desk.one(credited, id=order.id) == whole, "nothing moves on one person's word"
    assert (await desk.second.post(at, json=said)).json()["state"] == "done"
    assert await desk.one(credited, id=order.id) == 0
    # The provider holds what the buyer paid; it is the bank that has given it back.
    assert await balance(desk.database, "clearing", "stripe") == order.total_fen
    assert await balance(desk.database, "clearing", "bank") == -whole
    refused(await desk.second.post(at, json=said), 409, "nothing_to_decide")
    assert (await desk.first.post(f"/api/v1/orders/{order.id}/refunds", json=lines)).status_code in {409, 422}
    await desk.work()
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    assert await desk.one("SELECT holds, open_items FROM balance_run ORDER BY balanced_at DESC LIMIT 1") == (True, 0)
    await identities_hold(desk.database)


async def test_a_cancelled_order_is_not_settled_without_its_money(desk: Desk) -> None:
    order, payment = await desk.paid(desk.who, {desk.shop.skus[0]: 2})
    sandbox = desk.app.state.sandbox
    dispute = await sandbox.dispute(payment, reason="fraudulent")
    await sandbox.end_dispute(dispute, won=False)
    await desk.work()
    await sandbox.reinstate(dispute)
    await desk.work()
    (waiting,) = await desk.items(desk.first, "refund")
    assert waiting["what"] == "refund_undone"
    refused(await desk.first.post(f"/api/v1/refunds/{waiting['id']}/settle-otherwise", json=WHY), 409, "not_that_way")
    said = {"bank_reference": "BANK-0009", "reason": "已转账退给买家"}
    for clerk in (desk.first, desk.second):
        assert (await clerk.post(f"/api/v1/refunds/{waiting['id']}/given-back", json=said)).status_code in {200, 202}
    credited = "SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry WHERE order_id = :id"
    assert await desk.one(credited, id=order.id) == 0
    await identities_hold(desk.database)


async def test_the_night_names_everything_that_waits_with_its_owner(desk: Desk) -> None:
    held = await desk.late(desk.who)
    kept = await desk.late(desk.who, 2)
    for clerk in (desk.first, desk.second):
        await clerk.post(f"/api/v1/payments/{kept}/keep", json=WHY)
    order, paid = await desk.paid(desk.who, {desk.shop.skus[0]: 4})
    sandbox = desk.app.state.sandbox
    foreign = await sandbox.refund_in_dashboard(paid, amount_fen=5)
    sandbox.let_refunds_fail(failing=True)
    await desk.first.post(f"/api/v1/orders/{order.id}/refunds", json={"amount_fen": 100, "reason": "坏果"})
    sandbox.let_refunds_fail(failing=False)
    await desk.work()
    _, disputed = await desk.paid(desk.who, {desk.shop.skus[1]: 1})
    dispute = await sandbox.dispute(disputed)
    await desk.work()
    names = {
        "payment_held": f"payment:{held}",
        "advance_kept": f"payment:{kept}",
        "refund_unknown": f"refund:{foreign}",
        "dispute_open": f"dispute:{await desk.one('SELECT id FROM dispute')}",
        "refund_failed": f"refund:{await desk.one('SELECT id FROM refund WHERE amount_fen = 100')}",
    }
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    found = (await desk.first.get("/api/v1/balance")).json()
    assert {one["code"]: one["subject"] for one in found["items"]} == names
    assert all(one["owner"] == "payments_desk" and one["reason"] for one in found["items"])
    assert all(one["unit_id"] == str(desk.shop.branch) for one in found["items"])
    assert found["run"]["open_items"] == 5
    assert all(one["holds"] for one in found["run"]["identities"])
    assert (await desk.stranger.get("/api/v1/balance")).json()["items"] == []
    await sandbox.end_dispute(dispute, won=True)
    for clerk in (desk.first, desk.second):
        for payment in (held, kept):
            await clerk.post(f"/api/v1/payments/{payment}/return", json=WHY)
        await clerk.post(f"/api/v1/provider-refunds/{foreign}/adopt", json=WHY)
    failed = names["refund_failed"].removeprefix("refund:")
    assert (await desk.first.post(f"/api/v1/refunds/{failed}/retry")).status_code == 200
    await desk.work()
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now())
    assert (await desk.first.get("/api/v1/balance")).json()["items"] == []
    assert await desk.one("SELECT holds, open_items FROM balance_run ORDER BY balanced_at DESC LIMIT 1") == (True, 0)
