"""On which business day money counts: no sale before its order or its money, nothing taken back before it was there."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.order.schemas import OrderOut
from shop.core import clock
from shop.core.database import Database
from tests.make.bank_desk import Desk, bank_desk, money
from tests.make.caller import as_caller
from tests.make.identities import identities_hold

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return await bank_desk(app, database)


async def credited(desk: Desk, order: OrderOut) -> list[tuple[str, int, date]]:
    """(kind, fen, day), in the order in which they were entered."""
    async with desk.database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT kind, amount_fen, occurred_on FROM credit_entry WHERE order_id = :id ORDER BY recorded_at, id"
            ),
            {"id": order.id},
        )
        return [tuple(row) for row in rows]


async def of_october(desk: Desk) -> int:
    async with as_caller(desk.app, desk.importer) as caller:
        answer = await caller.get("/api/v1/reports/sales", params={"from": "2026-10-01", "to": "2026-11-01"})
    fen: int = answer.json()["totals"]["credited_fen"]
    return fen


async def undone(desk: Desk) -> None:
    """The bank's negative row that waits is confirmed."""
    (row,) = await desk.waiting()
    await desk.post(desk.second, f"/bank-undoings/{row['undoing']['id']}/confirm")


async def matched(desk: Desk, row: dict[str, Any], order: OrderOut) -> None:
    """Two people say that this row paid the order."""
    at = f"/bank-statements/{row['statement_id']}/match"
    share = {"payer_share_id": str(await desk.share_of(order))}
    said = await desk.post(
        desk.importer, at, {"transfer_id": row["id"], "shares": [share], "reason": "是他付的"}, status=201
    )
    await desk.post(desk.second, f"{at}/{said['proposal_id']}/confirm")


async def test_what_the_bank_takes_back_before_the_sale_counts_on_the_day_of_the_sale(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    half = order.total_fen // 2
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET placed_at = '2026-10-29T10:00:00+08:00'"))
    await desk.bring(
        money("S1", half, code, day="2026-10-30"), money("S2", order.total_fen - half, code, day="2026-11-02")
    )
    await desk.bring(money("S1", -half, "冲正", day="2026-10-31"))
    await undone(desk)
    sale, taken_back = await credited(desk, order)
    assert (sale[0], sale[2], taken_back[0], taken_back[2]) == (
        "sale", date(2026, 11, 2), "payment_undone", date(2026, 11, 2),
    )  # fmt: skip
    assert await of_october(desk) == 0
    await identities_hold(desk.database)


async def test_of_a_month_that_was_closed_it_counts_where_the_sale_landed(desk: Desk) -> None:
    await desk.post(desk.importer, "/periods/2026-10/close")
    _, order, code = await desk.ordered()
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET placed_at = '2026-10-19T10:00:00+08:00'"))
    await desk.bring(money("S1", order.total_fen, code, day="2026-10-20"))
    asked = await desk.post(desk.importer, "/periods/2026-10/reopen", {"reason": "漏记"}, status=201)
    await desk.post(desk.second, f"/periods/2026-10/reopen/{asked['id']}/approve")
    await desk.bring(money("S1", -order.total_fen, "冲正", day="2026-10-25"))
    await undone(desk)
    assert [(kind, day) for kind, _, day in await credited(desk, order)] == [
        ("sale", date(2026, 11, 1)), ("payment_undone", date(2026, 11, 1)),
    ]  # fmt: skip
    assert await of_october(desk) == 0
    await identities_hold(desk.database)


async def test_nothing_is_sold_before_it_was_ordered(desk: Desk) -> None:
    """Money of September that nobody could place; today he orders, and two people match it."""
    await desk.bring(money("S1", 2_600, "货款", day="2026-09-15"))
    _, order, _ = await desk.ordered()
    assert order.total_fen == 2_600
    (row,) = await desk.waiting()
    await matched(desk, row, order)
    assert [(kind, day) for kind, _, day in await credited(desk, order)] == [("sale", clock.today())]
    await identities_hold(desk.database)


async def test_it_is_sold_when_the_whole_total_was_there_whichever_file_came_first(desk: Desk) -> None:
    _, order, code = await desk.ordered()
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET placed_at = '2026-11-19T10:00:00+08:00'"))
    half = order.total_fen // 2
    await desk.bring(money("S2", order.total_fen - half, code, day="2026-11-26"))
    await desk.bring(money("S1", half, code, day="2026-11-20"), money("S3", 70, code, day="2026-11-27"))
    assert [(kind, day) for kind, _, day in await credited(desk, order)] == [("sale", date(2026, 11, 26))]
    await identities_hold(desk.database)


async def test_paid_again_with_older_money_it_is_not_sold_twice_at_a_time(desk: Desk) -> None:
    """Sold on the 22nd, taken back on the 24th; then a receipt of the 21st turns out to be for it."""
    _, order, code = await desk.ordered()
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET placed_at = '2026-11-19T10:00:00+08:00'"))
    await desk.bring(money("S1", order.total_fen, code, day="2026-11-22"))
    await desk.bring(money("S1", -order.total_fen, "冲正", day="2026-11-24"))
    await undone(desk)
    await desk.bring(money("S0", order.total_fen, "货款", day="2026-11-21"))
    (row,) = await desk.waiting()
    await matched(desk, row, order)
    assert [(kind, day.day) for kind, _, day in await credited(desk, order)] == [
        ("sale", 22), ("payment_undone", 24), ("sale", 24),
    ]  # fmt: skip
    await identities_hold(desk.database)


async def test_the_days_to_cancel_count_from_the_new_payment(desk: Desk) -> None:
    who, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen, code, day=str(clock.today())))
    await desk.bring(money("S1", -order.total_fen, "冲正", day=str(clock.today())))
    await undone(desk)
    try:
        clock.set_ahead(timedelta(days=2, hours=20))
        await desk.bring(money("S9", order.total_fen, code, day=str(clock.today())))
        assert await desk.order_now(order) == ("confirmed", "paid")
        clock.set_ahead(timedelta(days=4, hours=20))
        assert (await desk.answer(who, f"/orders/{order.id}/cancel")).status_code == 200
    finally:
        clock.set_ahead(timedelta(0))
