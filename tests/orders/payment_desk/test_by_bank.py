"""Money that came by bank transfer and pays nothing, and refunds that a person must transfer: on the desk at once, and
named by the night until they are done.
"""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from orders.balance.run import run_balance
from orders.banking.queries import overpaid_of
from orders.checkout.expire import expire
from orders.checkout.open_payment import open_payment
from orders.switchboard import handle_inbox
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import brought, icbc, share
from tests.make.caller import as_caller, refused
from tests.make.evidence import worker
from tests.make.shop import buyer, placed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def items(desk: Desk, what: str, by: Actor | None = None) -> list[dict[str, Any]]:
    async with as_caller(desk.app, by or desk.importer) as caller:
        found: list[dict[str, Any]] = (await caller.get("/api/v1/payments/held", params={"what": what})).json()["items"]
    return found


async def night(desk: Desk, *, days: int = 0) -> dict[tuple[str, str], dict[str, Any]]:
    """What the desk's people read after a run that many days later: (code, subject) → item. Everything adds up."""
    await run_balance(desk.database, desk.app.state.gateway, now=clock.now() + timedelta(days=days))
    async with as_caller(desk.app, desk.importer) as caller:
        found = (await caller.get("/api/v1/balance")).json()
    async with as_caller(desk.app, desk.stranger) as caller:
        assert (await caller.get("/api/v1/balance")).json()["items"] == []
    assert all(one["holds"] for one in found["run"]["identities"])
    return {(one["code"], one["subject"]): one for one in found["items"] if one["code"] != "unsealed"}


async def pay_back(desk: Desk, share_id: str, fen: int, reference: str) -> int:
    body = {"amount_fen": fen, "bank_reference": reference, "returned_on": "2026-11-22", "reason": "退回多付"}
    answer = await desk.answer(desk.second, f"/payer-shares/{share_id}/pay-back", body)
    if answer.status_code != 201:
        refused(answer, 409, "nothing_to_return")
    return answer.status_code


async def test_money_by_transfer_that_pays_nothing_waits_until_the_bank_desk_has_paid_it_back(desk: Desk) -> None:
    _, twice, twice_code = await desk.ordered()
    _, part, part_code = await desk.ordered(1)
    who, other_way, other_code = await desk.ordered(3)
    union = await share(desk.database, desk.shop, due_fen=1_000)
    await desk.bring(
        money("S1", twice.total_fen, twice_code),
        money("S2", part.total_fen - 100, part_code),
        money("S3", 200, other_code),
        money("S4", 1_050, union.transfer_code, name=union.payer_name),
    )
    assert [(one["why"], one["amount_fen"]) for one in await items(desk, "held")] == [("overpaid", 50)]
    opened = await open_payment(
        desk.database, desk.app.state.gateway, actor=who, order_id=other_way.id, method="stripe", now=clock.now()
    )
    await desk.app.state.sandbox.succeed(opened.payment_id)
    await desk.app.state.sandbox.quiet()
    await handle_inbox(desk.database, desk.app.state.gateway, now=clock.now())
    await desk.bring(money("S5", twice.total_fen, twice_code, day="2026-11-24"))
    async with desk.database.transaction() as session:
        assert await expire(session, now=clock.now() + timedelta(days=4)) == [part.id]
    expected = {
        str(await desk.share_of(twice)): ("overpaid", twice.total_fen, twice.number),
        str(await desk.share_of(part)): ("order_over", part.total_fen - 100, part.number),
        str(await desk.share_of(other_way)): ("paid_twice", 200, other_way.number),
        str(union.id): ("overpaid", 50, None),
    }
    seen = {one["id"]: one for one in await items(desk, "held")}
    assert set(seen) == set(expected)
    assert await items(desk, "held", desk.stranger) == []
    async with desk.database.reading() as session:
        forms = await overpaid_of(session, desk.importer, day=clock.today())
    assert {str(one.payer_share_id): one.returnable_fen for one in forms} == {k: v[1] for k, v in expected.items()}
    named = await night(desk)
    assert set(named) == {("payment_held", f"share:{share_id}") for share_id in expected}
    for number, (share_id, (why, fen, order_number)) in enumerate(expected.items()):
        one, said = seen[share_id], named["payment_held", f"share:{share_id}"]
        assert (one["subject"], one["why"], one["amount_fen"]) == (f"share:{share_id}", why, fen)
        assert (one["what"], one["by_bank"], one["on_its_way"], one["asked"]) == ("held", True, False, None)
        assert one["owner"] == {
            "kind": "unit", "unit_id": str(desk.shop.branch), "unit_name": "示例银行一分行（虚构）",
        }  # fmt: skip
        assert one["age_minutes"] == 0
        assert "对公转账台" in one["to_do"]
        assert one["order_number"] == order_number or order_number is None
        assert (said["amount"], said["owner"], said["unit_id"]) == (fen, "payments_desk", str(desk.shop.branch))
        assert "对公转账台" in said["reason"]
        assert await pay_back(desk, share_id, fen + 1, f"BACK-{number}1") == 409
        assert await pay_back(desk, share_id, fen, f"BACK-{number}2") == 201
        assert await pay_back(desk, share_id, 1, f"BACK-{number}3") == 409
    assert (await items(desk, "held"), await night(desk)) == ([], {})


async def test_a_refund_to_be_transferred_is_on_the_desk_at_once_and_named_from_the_next_day(desk: Desk) -> None:
    who, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    refund = (await desk.post(who, f"/orders/{order.id}/cancel"))["refund_id"]
    (seen,) = await items(desk, "refund")
    assert (seen["subject"], seen["what"], seen["by_bank"]) == (f"refund:{refund}", "bank_refund", True)
    assert (seen["amount_fen"], seen["age_minutes"], seen["owner"]["unit_id"]) == (
        order.total_fen, 0, str(desk.shop.branch),
    )  # fmt: skip
    assert await items(desk, "refund", desk.stranger) == []
    assert await night(desk) == {}, "work of the same day"
    named = await night(desk, days=1)
    assert set(named) == {("refund_to_send", f"refund:{refund}")}
    (said,) = named.values()
    assert (said["amount"], said["unit_id"]) == (order.total_fen, str(desk.shop.branch))
    assert "对公转账台" in said["reason"]
    # It is the bank desk's alone: nothing of the payments desk sends it twice, or forgets it.
    at, why = f"/refunds/{refund}", {"reason": "试一试"}
    refused(await desk.answer(desk.importer, f"{at}/retry"), 409, "not_that_way")
    refused(await desk.answer(desk.importer, f"{at}/settle-otherwise", why), 409, "not_that_way")
    refused(
        await desk.answer(desk.importer, f"{at}/given-back", why | {"bank_reference": "OUT1-0001"}), 409, "not_that_way"
    )
    told = {"bank_reference": "OUT1-0001", "returned_on": str(clock.today())}
    await desk.post(desk.second, f"/bank-refunds/{refund}/returned", told)
    assert await items(desk, "refund") == []
    assert await night(desk, days=2) == {}


async def test_without_a_unit_it_is_the_shops(desk: Desk) -> None:
    who = await buyer(desk.database)
    order = await placed(desk.database, who, {desk.shop.skus[0]: 1})
    code = (await desk.post(who, f"/orders/{order.id}/pay", {"method": "bank_transfer"}))["transfer_code"]
    shops = await worker(desk.database, Role.STAFF, "all", "*")
    file = icbc([money("S1", order.total_fen + 70, code)])  # a unit's desk settles its own company's orders only
    assert (await brought(desk.app, desk.database, shops, file))["matched"] == 1
    assert await items(desk, "held") == []
    (seen,) = await items(desk, "held", shops)
    assert (seen["amount_fen"], seen["owner"]["kind"]) == (70, "platform")
    assert await night(desk) == {}, "and the night names it to the shop's own people"
    async with as_caller(desk.app, shops) as caller:
        (named,) = (await caller.get("/api/v1/balance")).json()["items"]
    assert (named["code"], named["subject"], named["unit_id"]) == ("payment_held", seen["subject"], None)
