"""What the shop sends back by bank transfer: one transfer proves one return, on a day on which the money was there."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.banking import balance
from tests.make.caller import refused
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio
TODAY = str(clock.today())


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def overpaid(desk: Desk, serial: str, extra_fen: int) -> tuple[UUID, str]:
    """A paid order, `extra_fen` too much on it: its share, and a refund of 3 yuan that waits to be sent."""
    _, order, code = await desk.ordered()
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET placed_at = '2026-11-19T10:00:00+08:00'"))
    await desk.bring(money(serial, order.total_fen + extra_fen, code))
    asked = await desk.post(
        desk.importer, f"/orders/{order.id}/refunds", {"amount_fen": 300, "reason": "少了"}, status=201
    )
    return await desk.share_of(order), asked["id"]


async def paid_back(desk: Desk, share: UUID, fen: int, number: str, day: str = TODAY) -> httpx.Response:
    body = {"amount_fen": fen, "bank_reference": number, "returned_on": day, "reason": "多付"}
    return await desk.answer(desk.second, f"/payer-shares/{share}/pay-back", body)


async def returned(desk: Desk, refund: str, number: str, day: str = TODAY) -> httpx.Response:
    told = {"bank_reference": number, "returned_on": day}
    return await desk.answer(desk.second, f"/bank-refunds/{refund}/returned", told)


async def one(desk: Desk, statement: str) -> Any:
    async with desk.database.reading() as session:
        row = (await session.execute(text(statement))).one()
        return row[0] if len(row) == 1 else tuple(row)


async def test_one_transfer_proves_one_return(desk: Desk) -> None:
    share, refund = await overpaid(desk, "S1", 300)
    _, second = await overpaid(desk, "S2", 0)
    assert (await returned(desk, refund, "OUT-0001")).status_code == 200
    assert (await returned(desk, refund, "OUT-0001")).status_code == 200, "told twice"
    other = refused(await returned(desk, refund, "OUT-0002"), 409, "refund_over")
    assert "OUT-0001" in other["detail"], "a second transfer of the same refund is not forgotten"
    refused(await returned(desk, second, "OUT-0001"), 409, "bank_reference_used")
    refused(await paid_back(desk, share, 300, "OUT-0001"), 409, "bank_reference_used")
    refused(await paid_back(desk, share, 300, "ＯＵＴ-0001"), 409, "bank_reference_used")
    assert await one(desk, "SELECT count(*) FROM paid_back") == 0
    assert (await paid_back(desk, share, 300, "OUT-0003")).status_code == 201
    refused(await returned(desk, second, "OUT-0003"), 409, "bank_reference_used")
    await identities_hold(desk.database)


async def test_a_bank_counts_anew_and_writes_numbers_as_it_likes(desk: Desk) -> None:
    share, refund = await overpaid(desk, "S1", 200)
    _, second = await overpaid(desk, "S2", 0)
    assert (await paid_back(desk, share, 50, "000123", "2026-11-21")).status_code == 201
    assert (await paid_back(desk, share, 70, "000123", "2026-11-28")).status_code == 201
    refused(await paid_back(desk, share, 80, "000123", "2026-11-28"), 409, "bank_reference_used")
    assert (await returned(desk, refund, "17", "2026-11-27")).status_code == 200
    assert (await returned(desk, second, "17")).status_code == 200
    assert (await paid_back(desk, share, 80, "支/2026(1)")).status_code == 201
    assert await one(desk, "SELECT bank_reference FROM paid_back WHERE amount_fen = 80") == "支/2026(1)"
    refused(await paid_back(desk, share, 1, " "), 422, "invalid")
    # What the bank's own file says of them is no news.
    done = await desk.bring(money("17", -300, "退款", day="2026-11-27"), money("NEXT", 1))
    assert (done["taken_back"], [row["reason"] for row in done["set_aside"]]) == (0, ["our_refund"])
    await identities_hold(desk.database)


async def test_money_goes_back_on_a_day_on_which_it_was_there(desk: Desk) -> None:
    share, refund = await overpaid(desk, "S1", 300)
    tomorrow = str(clock.today() + timedelta(days=1))
    for day in (tomorrow, "2090-01-01", "2026-11-19"):
        refused(await returned(desk, refund, "OUT-0001", day), 422, "invalid")
        refused(await paid_back(desk, share, 300, "OUT-0001", day), 422, "invalid")
    assert await one(desk, "SELECT count(*) FROM sent_transfer") == 0
    assert (await returned(desk, refund, "OUT-0001", "2026-11-22")).status_code == 200
    kind = await one(desk, "SELECT kind, occurred_on::text, amount_fen FROM credit_entry WHERE amount_fen < 0")
    assert kind == ("refund", "2026-11-22", -300)
    assert await balance(desk.database, "clearing", "bank") > 0
    await identities_hold(desk.database)
