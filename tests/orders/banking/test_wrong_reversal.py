"""A bank's negative row that was named for the wrong receipt: two people undo it, and both rows wait again."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.order.schemas import OrderOut
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.caller import refused
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio
WHY = {"reason": "认错了到账"}


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def states(desk: Desk) -> dict[str, str]:
    async with desk.database.reading() as session:
        return {row.serial_number: row.state for row in await session.execute(text("SELECT * FROM bank_transfer"))}


async def named(desk: Desk, reversal_id: str, receipt: UUID) -> None:
    """Two people say that the negative row takes this receipt back."""
    body = WHY | {"receipt_id": str(receipt)}
    said = await desk.post(desk.importer, f"/bank-transfers/{reversal_id}/takes-back", body, status=201)
    await desk.post(desk.second, f"/bank-undoings/{said['undoing_id']}/confirm")


async def wrongly_named(desk: Desk, *, part: int = 1) -> tuple[OrderOut, OrderOut, str]:
    """Two orders paid by S1 and S2; the bank took S1 back (or 1/part of it), and two people said S2. The row's id."""
    _, one, one_code = await desk.ordered()
    _, two, two_code = await desk.ordered()
    await desk.bring(
        money("S1", one.total_fen, one_code, name="甲（虚构）"),
        money("S2", two.total_fen, two_code, day="2026-11-21", name="乙（虚构）"),
    )
    await desk.bring(money("N1", -one.total_fen // part, "汇路调整", day="2026-11-22", name="丙（虚构）"))
    (row,) = [row for row in await desk.waiting() if row["amount_fen"] < 0]
    await named(desk, row["id"], await desk.receipt("S2"))
    return one, two, str(row["id"])


async def undone(desk: Desk, transfer: object) -> dict[str, Any]:
    refused(await desk.answer(desk.stranger, f"/bank-transfers/{transfer}/unmatch", WHY), 404, "not_found")
    said = await desk.post(desk.importer, f"/bank-transfers/{transfer}/unmatch", WHY, status=201)
    at = f"/bank-undoings/{said['undoing_id']}/confirm"
    refused(await desk.answer(desk.importer, at), 409, "same_person")
    refused(await desk.answer(desk.stranger, at), 404, "not_found")
    return await desk.post(desk.second, at)


@pytest.mark.parametrize("by", ["reversal", "receipt"])
async def test_the_receipt_stands_again_and_both_rows_wait(desk: Desk, by: str) -> None:
    one, two, reversal = await wrongly_named(desk)
    assert await desk.order_now(two) == ("placed", "unpaid")
    assert await states(desk) == {"S1": "matched", "S2": "taken_back", "N1": "matched"}
    await undone(desk, reversal if by == "reversal" else await desk.receipt("S2"))
    assert await states(desk) == {"S1": "matched", "S2": "queued", "N1": "queued"}
    refused(await desk.answer(desk.importer, f"/bank-transfers/{reversal}/unmatch", WHY), 409, "already_matched")
    await identities_hold(desk.database)
    waiting = {row["serial_number"]: row for row in await desk.waiting()}
    assert (waiting["S2"]["why_queued"], waiting["S2"]["left_fen"]) == ("undone", two.total_fen)
    # The right receipt is taken back, and the wrong one pays its order again.
    await named(desk, reversal, await desk.receipt("S1"))
    at = f"/bank-statements/{waiting['S2']['statement_id']}/match"
    body = {"transfer_id": waiting["S2"]["id"], "shares": [{"payer_share_id": str(await desk.share_of(two))}]}
    said = await desk.post(desk.importer, at, body | WHY, status=201)
    await desk.post(desk.second, f"{at}/{said['proposal_id']}/confirm")
    assert (await desk.order_now(one), await desk.order_now(two)) == (("placed", "unpaid"), ("confirmed", "paid"))
    async with desk.database.reading() as session:
        links = "SELECT n.state, w.state, w.reversal_id FROM match_undoing n JOIN match_undoing w ON w.id = n.undoes_id"
        assert tuple((await session.execute(text(links))).one()) == ("confirmed", "undone", UUID(reversal))
    await identities_hold(desk.database)


async def test_of_a_part_that_was_taken_back_the_rest_that_is_matched_again_waits_too(desk: Desk) -> None:
    _, two, reversal = await wrongly_named(desk, part=2)
    (rest,) = [row for row in await desk.waiting() if row["serial_number"] == "S2"]
    at = f"/bank-statements/{rest['statement_id']}/match"
    body = {"transfer_id": rest["id"], "shares": [{"payer_share_id": str(await desk.share_of(two))}]}
    said = await desk.post(desk.importer, at, body | WHY, status=201)
    await desk.post(desk.second, f"{at}/{said['proposal_id']}/confirm")
    await undone(desk, reversal)
    assert await states(desk) == {"S1": "matched", "S2": "queued", "N1": "queued"}
    (whole,) = [row for row in await desk.waiting() if row["serial_number"] == "S2"]
    assert whole["left_fen"] == two.total_fen
    await identities_hold(desk.database)


async def test_said_no_the_receipt_stays_taken_back(desk: Desk) -> None:
    _, _, reversal = await wrongly_named(desk)
    said = await desk.post(desk.importer, f"/bank-transfers/{reversal}/unmatch", WHY, status=201)
    await desk.post(desk.second, f"/bank-undoings/{said['undoing_id']}/reject", {"reason": "没有认错"})
    assert await states(desk) == {"S1": "matched", "S2": "taken_back", "N1": "matched"}
    await undone(desk, reversal)


async def test_the_likeliest_receipt_stands_first(desk: Desk) -> None:
    """Six of another payer would be taken back whole; the one that its payer means, only in part."""
    _, order, code = await desk.ordered()
    others = [money(f"W{n}", 700, day=f"2026-11-2{n}", name="别人（虚构）") for n in range(6)]
    await desk.bring(money("S1", order.total_fen, code, name="甲（虚构）"), *others)
    await desk.bring(money("N1", -700, "汇路调整", day="2026-11-27", name="甲（虚构）"))
    (row,) = [row for row in await desk.waiting() if row["amount_fen"] < 0]
    assert [one["serial_number"] for one in row["may_take_back"]] == ["S1", "W5", "W4", "W3", "W2"]
