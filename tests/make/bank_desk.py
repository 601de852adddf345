"""Two people of one bank's desk, and one of another company, with what they ask and see."""

from collections import Counter
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from orders.balance.identity import identities
from orders.balance.open_items import open_items
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.banking import Row, brought, icbc
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.shop import SmallShop, buyer, placed, small_shop

PAYER = "测试付款人（虚构）"


def money(serial: str, fen: int, remark: str = "", *, day: str = "2026-11-20", name: str = PAYER) -> Row:
    return Row(serial, f"{fen / 100:.2f}", remark, name=name, account="", day=day)


class Desk:
    """Two people of one bank's desk, and one of another company."""

    def __init__(self, app: FastAPI, database: Database, shop: SmallShop, people: list[Actor]) -> None:
        self.app, self.database, self.shop = app, database, shop
        self.importer, self.second, self.stranger = people

    async def post(self, by: Actor, address: str, body: object = None, *, status: int = 200) -> dict[str, Any]:
        answer = await self.answer(by, address, body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def answer(self, by: Actor, address: str, body: object = None) -> httpx.Response:
        async with as_caller(self.app, by) as caller:
            return await caller.post(f"/api/v1{address}", json=body, headers={"Idempotency-Key": str(new_id())})

    async def bring(self, *rows: Row) -> dict[str, Any]:
        """A statement, brought by one and confirmed by another."""
        return await brought(self.app, self.database, self.importer, icbc(rows))

    async def waiting(self) -> list[dict[str, Any]]:
        async with as_caller(self.app, self.importer) as caller:
            found: list[dict[str, Any]] = (await caller.get("/api/v1/bank-transfers")).json()["items"]
            return found

    async def receipt(self, serial: str) -> UUID:
        async with self.database.reading() as session:
            named = text("SELECT id FROM bank_transfer WHERE serial_number = :serial AND amount_fen > 0")
            return UUID(str(await session.scalar(named, {"serial": serial})))

    async def ordered(self, pieces: int = 2) -> tuple[Actor, OrderOut, str]:
        who = await buyer(self.database, works_at=self.shop.branch)
        order = await placed(self.database, who, {self.shop.skus[0]: pieces})
        code = (await self.post(who, f"/orders/{order.id}/pay", {"method": "bank_transfer"}))["transfer_code"]
        return who, order, code

    async def order_now(self, order: OrderOut) -> tuple[str, str]:
        async with self.database.reading() as session:
            named = text("SELECT state, payment_state FROM shop_order WHERE id = :id")
            row = (await session.execute(named, {"id": order.id})).one()
            return row.state, row.payment_state

    async def share_of(self, order: OrderOut) -> UUID:
        async with self.database.reading() as session:
            named = text("SELECT id FROM payer_share WHERE order_id = :id")
            return UUID(str(await session.scalar(named, {"id": order.id})))

    async def stock(self) -> tuple[int, int]:
        async with self.database.reading() as session:
            named = text("SELECT on_hand_pieces, held_pieces FROM stock_item WHERE sku_id = :sku")
            row = (await session.execute(named, {"sku": self.shop.skus[0]})).one()
            return row.on_hand_pieces, row.held_pieces

    async def named(self) -> dict[str, int]:
        """What the balance names as open, and its yuan in fen. Everything adds up."""
        async with self.database.snapshot() as session:
            assert [one for one in await identities(session) if not one.holds] == []
            found: Counter[str] = Counter()
            for one in await open_items(session):
                found[one.code] += one.amount
            return dict(found)


async def bank_desk(app: FastAPI, database: Database) -> Desk:
    shop = await small_shop(database)
    people = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    return Desk(app, database, shop, [*people, await worker(database, Role.STAFF, "unit", new_id())])
