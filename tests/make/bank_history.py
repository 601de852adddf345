"""A random history of the bank desk: receipts, reversals, wrong matches and refunds, on any day and in any order, with
a month that closes and opens again.
"""

from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import text

from orders.order.schemas import OrderOut
from shop.core import clock
from tests.make.bank_desk import Desk, money

WHY = {"reason": "核对过"}
STEPS = ("pay", "half", "half", "half", "reverse", "reverse", "undo", "decide", "refund", "month")
Ordered = tuple[Any, OrderOut, str]


async def a_bank_history(desk: Desk, seed: int, *, turns: int) -> None:
    chance = Random(seed)
    today = clock.today()
    last = clock.add_months(clock.month_of(today), -1)
    month = f"/periods/{last // 100}-{last % 100:02}"
    orders = [await desk.ordered(chance.randint(1, 4)) for _ in range(2)]
    async with desk.database.transaction() as session:
        long_ago = {"at": clock.now() - timedelta(days=60)}
        await session.execute(text("UPDATE shop_order SET placed_at = :at"), long_ago)
    for turn in range(turns):
        day = today - timedelta(days=chance.randint(0, 50))
        match chance.choice(STEPS):
            case "pay":
                _, order, code = chance.choice(orders)
                await desk.bring(money(f"P{seed}-{turn}", order.total_fen, code, day=str(day)))
            case "half":
                _, order, code = chance.choice(orders)
                await desk.bring(money(f"H{seed}-{turn}", order.total_fen // 2, code, day=str(day)))
            case "reverse":
                await _reverse(desk, chance, f"{seed}-{turn}")
                await _decide(desk, chance, orders)
            case "undo":
                rows = await _rows(desk, "SELECT id FROM bank_transfer WHERE state IN ('matched', 'taken_back')")
                if rows:
                    await desk.answer(desk.importer, f"/bank-transfers/{chance.choice(rows)[0]}/unmatch", WHY)
            case "refund":
                await _refund(desk, chance, chance.choice(orders), f"{seed}-{turn}")
            case "month":
                await _close_or_open(desk, chance, month)
            case _:
                await _decide(desk, chance, orders)


async def _reverse(desk: Desk, chance: Random, turn: str) -> None:
    """On the receipt's day or any later one; whole, or a part."""
    rows = await _rows(
        desk, "SELECT serial_number, amount_fen, day FROM bank_transfer WHERE amount_fen > taken_back_fen"
    )
    if rows:
        serial, fen, day = chance.choice(rows)
        later = min(clock.today(), day + timedelta(days=chance.randint(0, 9)))
        part = fen if chance.random() < 0.7 else max(1, fen // 3)
        await desk.bring(money(f"N{turn}", -part, f"冲正 {serial}", day=str(later)))


async def _refund(desk: Desk, chance: Random, ordered: Ordered, turn: str) -> None:
    _, order, _ = ordered
    asked = {"amount_fen": chance.randint(1, order.total_fen), "reason": "少了"}
    answer = await desk.answer(desk.importer, f"/orders/{order.id}/refunds", asked)
    if answer.status_code == 201:
        day = clock.today() - timedelta(days=chance.randint(0, 20))
        told = {"bank_reference": f"OUT-{turn}", "returned_on": str(day)}
        await desk.answer(desk.second, f"/bank-refunds/{answer.json()['id']}/returned", told)


async def _close_or_open(desk: Desk, chance: Random, month: str) -> None:
    if chance.random() < 0.5:
        await desk.answer(desk.importer, f"{month}/close")
        return
    asked = await desk.answer(desk.importer, f"{month}/reopen", WHY)
    if asked.status_code == 201:
        await desk.answer(desk.second, f"{month}/reopen/{asked.json()['id']}/approve")


async def _decide(desk: Desk, chance: Random, orders: list[Ordered]) -> None:
    for row in (await desk.waiting())[:4]:
        if row["undoing"]:
            for by in (desk.second, desk.importer):
                await desk.answer(by, f"/bank-undoings/{row['undoing']['id']}/confirm")
        elif row["may_take_back"]:
            body = WHY | {"receipt_id": chance.choice(row["may_take_back"])["id"]}
            await desk.answer(desk.importer, f"/bank-transfers/{row['id']}/takes-back", body)
        elif row["state"] == "queued" and row["amount_fen"] > 0:
            share = {"payer_share_id": str(await desk.share_of(chance.choice(orders)[1]))}
            at = f"/bank-statements/{row['statement_id']}/match"
            said = await desk.answer(desk.importer, at, WHY | {"transfer_id": row["id"], "shares": [share]})
            if said.status_code == 201:
                await desk.answer(desk.second, f"{at}/{said.json()['proposal_id']}/confirm")


async def _rows(desk: Desk, statement: str) -> list[tuple[Any, ...]]:
    async with desk.database.reading() as session:
        return [tuple(row) for row in await session.execute(text(f"{statement} ORDER BY id"))]
