"""An order that an allowance pays in part, and a bank transfer the rest; then the bank takes its part back."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from orders.funds.prove import prove
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.allowance import bought, granted, plan
from tests.make.banking import Row, brought, icbc
from tests.make.budget import union_desk
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio


@dataclass
class Mixed:
    app: FastAPI
    database: Database
    shop: SmallShop
    order: OrderOut
    code: str
    importer: Actor
    second: Actor
    own_fen: int

    async def bring(self, serial: str, fen: int, day: str) -> None:
        row = Row(
            serial, f"{fen / 100:.2f}", self.code if fen > 0 else "冲正", name="测试付款人（虚构）", account="", day=day
        )
        await brought(self.app, self.database, self.importer, icbc([row]))

    async def taken_back(self) -> None:
        await self.bring("S1", -self.own_fen, "2026-11-24")
        async with as_caller(self.app, self.second) as caller:
            (row,) = (await caller.get("/api/v1/bank-transfers")).json()["items"]
            answer = await caller.post(f"/api/v1/bank-undoings/{row['undoing']['id']}/confirm")
        assert answer.status_code == 200, answer.text

    async def now(self) -> tuple[str, str, int, int]:
        """(state, payment state, credited fen, what the member's allowance has left); everything adds up."""
        async with self.database.snapshot() as session:
            assert {one.code: one.apart for one in await identities(session) if not one.holds} == {}
            assert (await prove(session)).wrong == ()
            row = (
                await session.execute(
                    text("""SELECT o.state, o.payment_state,
                        (SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry WHERE order_id = o.id) AS fen,
                        (SELECT sum(balance_fen - held_fen)::bigint FROM account WHERE kind = 'allowance') AS free
                        FROM shop_order o WHERE o.id = :order"""),
                    {"order": self.order.id},
                )
            ).one()
            return row.state, row.payment_state, row.fen, row.free


@pytest.fixture
async def mixed(app: FastAPI, database: Database) -> Mixed:
    """10.00 and 20.00 yuan of goods, 10.00 of them by an allowance of 50.00."""
    shop = await small_shop(database)
    union = await union_desk(database, shop.bank, budget_fen=100_000)
    member = await buyer(database, works_at=shop.branch)
    await granted(database, union, await plan(database, union, shop.skus[:2], [member]), 5_000)
    skus: tuple[UUID, ...] = tuple(shop.skus[:2])
    order = await bought(database, member, dict.fromkeys(skus, 1), 1_000)
    async with as_caller(app, member) as caller:
        opened = (await caller.post(f"/api/v1/orders/{order.id}/pay", json={"method": "bank_transfer"})).json()
    people = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    own_fen = order.total_fen - 1_000
    made = Mixed(app, database, shop, order, opened["transfer_code"], people[0], people[1], own_fen)
    await made.bring("S1", own_fen, "2026-11-20")
    return made


async def test_both_together_pay_the_order_and_what_the_bank_takes_back_cancels_it(mixed: Mixed) -> None:
    assert await mixed.now() == ("confirmed", "paid", 3_000, 4_000)
    await mixed.taken_back()
    assert await mixed.now() == ("cancelled", "unpaid", 0, 5_000), "the allowance is the member's again"


async def test_goods_that_left_keep_the_allowance_spent_until_the_rest_is_paid_again(mixed: Mixed) -> None:
    async with mixed.database.transaction() as session:
        await session.execute(text("UPDATE shop_order SET state = 'shipped'"))
    await mixed.taken_back()
    assert await mixed.now() == ("shipped", "unpaid", 0, 4_000)
    await mixed.bring("S2", mixed.own_fen, "2026-11-26")
    assert await mixed.now() == ("shipped", "paid", 3_000, 4_000)
