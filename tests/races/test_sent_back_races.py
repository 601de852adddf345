"""Two people at the bank desk at once: transfers of one refund, an undoing meanwhile, two layouts of one name."""

import asyncio
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.banking.undo.undo_match import confirm_undoing
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.caller import refused
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def refund_to_send(desk: Desk) -> str:
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code))
    asked = {"amount_fen": 300, "reason": "少了"}
    return str((await desk.post(desk.importer, f"/orders/{order.id}/refunds", asked, status=201))["id"])


def told(number: str) -> dict[str, str]:
    return {"bank_reference": number, "returned_on": "2026-11-22"}


async def test_two_transfers_of_one_refund_are_not_both_success(desk: Desk) -> None:
    at = f"/bank-refunds/{await refund_to_send(desk)}/returned"
    people = [(desk.second, "OUT1-0001"), (desk.importer, "OUT2-0002")]
    answers = await asyncio.gather(*(desk.answer(by, at, told(number)) for by, number in people))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM sent_transfer")) == 1
    await identities_hold(desk.database)


async def test_one_transfer_of_two_returns_proves_one(desk: Desk) -> None:
    refunds = [await refund_to_send(desk)]
    _, order, code = await desk.ordered()
    await desk.bring(money("S2", order.total_fen + 300, code))
    body = told("OUT1-0001") | {"amount_fen": 300, "reason": "多付"}
    answers = await asyncio.gather(
        desk.answer(desk.second, f"/bank-refunds/{refunds[0]}/returned", told("OUT1-0001")),
        desk.answer(desk.importer, f"/payer-shares/{await desk.share_of(order)}/pay-back", body),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [201, 409])
    await identities_hold(desk.database)


async def test_a_refund_that_failed_while_somebody_recorded_it_has_not_succeeded(desk: Desk) -> None:
    refund, receipt = await refund_to_send(desk), await desk.receipt("S1")
    asked = await desk.post(desk.importer, f"/bank-transfers/{receipt}/unmatch", {"reason": "认错了"}, status=201)
    async with desk.database.transaction() as session:
        await confirm_undoing(session, actor=desk.second, undoing_id=UUID(asked["undoing_id"]), now=clock.now())
        recording = asyncio.create_task(desk.answer(desk.second, f"/bank-refunds/{refund}/returned", told("OUT1-0001")))
        await asyncio.sleep(1)
        assert not recording.done(), "it waits for the order"
    refused(await recording, 409, "refund_over")
    async with desk.database.reading() as session:
        row = (await session.execute(text("SELECT state, provider_refund_id FROM refund"))).one()
        assert tuple(row) == ("failed", None)
        noted = "SELECT count(*) FROM audit_event WHERE action = 'bank.return_refund'"
        assert await session.scalar(text(noted)) == 0
    await identities_hold(desk.database)


async def test_of_two_layouts_of_one_name_one_stays_in_force(desk: Desk) -> None:
    columns = {"day": ["甲"], "serial_number": ["乙"], "payer_name": ["丙"], "income": ["丁"]}
    body = {"name": "某行（虚构）", "unit_id": str(desk.shop.bank), "columns": columns}
    layouts = [(await desk.post(desk.importer, "/bank-layouts", body, status=201))["id"] for _ in range(4)]
    answers = await asyncio.gather(*(desk.answer(desk.second, f"/bank-layouts/{one}/confirm") for one in layouts))
    assert [answer.status_code for answer in answers] == [200] * 4
    async with desk.database.reading() as session:
        in_force = "SELECT count(*) FROM bank_layout WHERE state = 'confirmed' AND valid_to IS NULL"
        assert await session.scalar(text(in_force)) == 1
