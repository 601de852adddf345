"""Statements of other channels, the people who hand them in, and what became of their rows."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from orders.credit.check import differences
from orders.intake.channels import TEMPLATE
from shop.access.permissions import Actor, Role
from shop.app.demo.outside_sales import OutsideGoods
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import as_caller
from tests.make.evidence import PNG, worker
from tests.make.shop import SmallShop, small_shop

TODAY: date = clock.today()
SALE_DAY = TODAY - timedelta(days=3)
PLATFORM, MARKET = "platform_832", "retail_market"
BANK, BRANCH = "示例银行（虚构）", "示例银行一分行（虚构）"
_TITLES = {one.field: one.titles[0] for one in TEMPLATE}
_MARKET = {
    "number": "主订单号", "line": "子订单号", "type": "业务类型", "refund_number": "售后单号", "unit": "推荐单位",
    "invoice_number": "电子发票号", "province": "发货省", "county": "原产县", "producer": "合作社",
    "supplier": "店铺主体", "product": "宝贝标题", "quantity": "件数", "kg": "净重（公斤）", "amount": "实付货款",
    "day": "付款时间",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row by field, in yuan and kilograms as people write them."""

    number: str = "N1"
    amount: str = "100.00"
    line: str = "1"
    type: str = ""
    refund_number: str = ""
    credit_kind: str = "直接购买"
    unit: str = BRANCH
    fund_source: str = "食堂"
    invoice_number: str = ""
    province: str = "贵州省"
    county: str = "从江县"
    producer: str = "示例合作社0（虚构）"
    supplier: str = "示例供应商0（虚构）"
    product: str = "示例货0"
    quantity: str = "10"
    kg: str = "5"
    day: str = str(SALE_DAY)
    more: dict[str, str] = field(default_factory=dict)

    def cell(self, name: str) -> str:
        return self.more.get(name, "") or str(getattr(self, name, ""))


def refund(number: str = "N1", amount: str = "30.00", *, of: str = "R1", day: str = str(TODAY), **more: Any) -> Line:
    """What the channel gave back of a line."""
    return Line(**{"number": number, "amount": amount, "type": "退款", "refund_number": of, "day": day, "kg": "",
        "quantity": "", **more})  # fmt: skip


def ours(lines: Sequence[Line], encoding: str = "utf-8-sig") -> bytes:
    """In the columns of our template."""
    return _csv([list(_TITLES.values()), *([one.cell(name) for name in _TITLES] for one in lines)]).encode(encoding)


def market(lines: Sequence[Line], encoding: str = "gb18030") -> bytes:
    """As the retailer's marketplace exports it: titled, in GBK, with its own columns."""
    rows = [[one.cell(name) for name in _MARKET] for one in lines]
    return _csv([["示例商城订单导出（虚构）"], list(_MARKET.values()), *rows]).encode(encoding)


def _csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


@dataclass(frozen=True)
class IntakeDesk:
    """Two colleagues of the bank's desk, who reach all its units, and one of the branch alone."""

    app: FastAPI
    database: Database
    shop: SmallShop
    one: Actor
    two: Actor
    local: Actor

    def as_(self, actor: Actor) -> httpx.AsyncClient:
        return as_caller(self.app, actor)

    async def upload(
        self, data: bytes, channel: str | None = PLATFORM, *, by: Actor | None = None, **form: Any
    ) -> httpx.Response:
        async with self.as_(by or self.one) as caller:
            return await caller.post(
                "/api/v1/intake/batches",
                data={**({"channel": channel} if channel else {}), **form},
                files={"file": ("对账单.csv", data)},
            )

    async def upload_lines(self, lines: Sequence[Line], channel: str = PLATFORM) -> httpx.Response:
        return await self.upload(ours(lines), channel)

    async def staged(self, lines: Sequence[Line], channel: str = PLATFORM, **more: Any) -> str:
        answer = await self.upload(ours(lines), channel, **more)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def confirm(self, batch: str, *, by: Actor | None = None) -> httpx.Response:
        async with self.as_(by or self.two) as caller:
            return await caller.post(f"/api/v1/intake/batches/{batch}/confirm")

    async def imported(self, lines: Sequence[Line], channel: str = PLATFORM, **more: Any) -> dict[str, Any]:
        """Staged by one, confirmed by the other."""
        answer = await self.confirm(await self.staged(lines, channel, **more))
        assert answer.status_code == 200, answer.text
        batch: dict[str, Any] = answer.json()
        return batch

    async def batch(self, batch: str, *, by: Actor | None = None) -> dict[str, Any]:
        async with self.as_(by or self.one) as caller:
            answer = await caller.get(f"/api/v1/intake/batches/{batch}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def claims(self) -> list[dict[str, Any]]:
        async with self.as_(self.one) as caller:
            items: list[dict[str, Any]] = (await caller.get("/api/v1/intake/claims")).json()["items"]
        return items

    async def decide(self, claim: str, to: str, *, by: Actor | None = None) -> httpx.Response:
        async with self.as_(by or self.two) as caller:
            return await caller.post(f"/api/v1/intake/claims/{claim}/decide", json={"for": to, "reason": "核对合同"})

    async def photo(self, *, by: Actor | None = None) -> str:
        async with self.as_(by or self.one) as caller:
            answer = await caller.post("/api/v1/evidence", files={"file": ("小票.png", PNG)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sha256"])

    async def sums(self, *columns: str) -> list[tuple[Any, ...]]:
        """Fen of the ledger by these columns of its entries; what cancelled out is left away."""
        names = ", ".join(columns)
        async with self.database.reading() as session:
            assert await differences(session) == []
            found = await session.execute(
                text(f"""SELECT {names}, sum(amount_fen)::bigint FROM credit_entry GROUP BY {names}
                    HAVING sum(amount_fen) <> 0 ORDER BY {names}""")
            )
            return [tuple(row) for row in found]


async def intake_desk(app: FastAPI, database: Database) -> IntakeDesk:
    shop = await small_shop(database)
    one, two, local = [
        await worker(database, Role.STAFF, "unit", unit, works_at=shop.bank)
        for unit in (shop.bank, shop.bank, shop.branch)
    ]
    return IntakeDesk(app, database, shop, one, two, local)


async def demo_goods(database: Database) -> list[OutsideGoods]:
    """The catalogue's plain goods, as another channel would name them."""
    async with database.reading() as session:
        found = await session.execute(
            text("""SELECT p.title, r.name, p.origin_county_code, max(q.fen), max(s.net_grams)
                FROM product p JOIN producer r ON r.id = p.producer_id JOIN sku s ON s.product_id = p.id
                JOIN sku_content c ON c.sku_id = s.id AND c.stock_sku_id = s.id
                JOIN price q ON q.sku_id = s.id AND q.list = 'retail'
                WHERE p.state = 'listed' GROUP BY 1, 2, 3 ORDER BY 1, 2""")
        )
        return [OutsideGoods(*row) for row in found]
