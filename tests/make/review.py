"""Files of goods that a supplier brings again, and who decides what waits: the demo's shop through its own door."""

from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from catalog.listing.jobs import refresh_touched
from catalog.upload.kinds.price import PRICES
from catalog.upload.stage import Imported, import_file
from shop.access.permissions import Actor, Grant, Role
from shop.access.session.door import Door
from shop.app.demo.caller import Caller, sign_in
from shop.app.main import windowed
from shop.core import clock
from shop.core.database import Database
from tests.make.people import PASSWORD, somebody

IMPORT = "/api/v1/products/import"
REVIEWS = "/api/v1/products/reviews"
COLUMNS = {
    "code": "商品编号", "title": "商品名称", "category": "品类", "supplier": "供应商", "producer": "生产者",
    "origin": "产地县代码", "made": "加工地县代码", "spec": "规格", "grams": "净重（克）", "yuan": "单价（元）",
    "vat": "税率", "certification": "认证", "note": "说明", "weighed": "称重", "source": "来源文件",
}  # fmt: skip
FACTS = """
SELECT p.code, p.title, p.category, f.name AS supplier, m.name AS producer, p.origin_county_code AS origin,
    coalesce(p.made_county_code, '') AS made, s.spec, s.net_grams AS grams, q.fen, p.vat_basis_points,
    coalesce(p.certification, '') AS certification, coalesce(p.note, '') AS note, s.weighed, p.source,
    p.id AS product_id, p.supplier_id, s.id AS sku_id
FROM product p JOIN supplier f ON f.id = p.supplier_id JOIN producer m ON m.id = p.producer_id
JOIN sku s ON s.product_id = p.id JOIN price q ON q.sku_id = s.id AND q.list = 'retail' AND q.min_quantity = 1
    AND q.valid_from <= :now AND (q.valid_to IS NULL OR q.valid_to > :now)
WHERE p.code = :code
"""


@dataclass
class Goods:
    """The demo's shop, and everybody who has to do with its goods.

    `supplier` sells `code`; `stranger` is another supplier, `staff` of another company's unit; two of the platform.
    """

    app: FastAPI
    database: Database
    http: httpx.AsyncClient
    code: str
    supplier: Caller
    stranger: Caller
    staff: Caller
    first: Caller
    second: Caller
    window: httpx.AsyncClient
    files: int = 0

    async def facts(self, code: str | None = None) -> dict[str, Any]:
        """What the file of a product says that changes nothing, and its ids and price in fen."""
        async with self.database.reading() as session:
            row = (await session.execute(text(FACTS), {"code": code or self.code, "now": clock.now()})).one()
        return as_facts(dict(row._mapping))

    async def facts_of_part(self, code: str) -> dict[str, Any]:
        """Of goods without a price of their own."""
        whole = await self.facts()
        (row,) = await self.rows(
            """SELECT p.title, p.category, f.name, m.name, p.origin_county_code, s.spec, s.net_grams, p.source
            FROM product p JOIN supplier f ON f.id = p.supplier_id JOIN producer m ON m.id = p.producer_id
            JOIN sku s ON s.product_id = p.id WHERE p.code = :code""",
            code=code,
        )
        names = ("title", "category", "supplier", "producer", "origin", "spec", "grams", "source")
        return whole | {"code": code, "certification": "", "made": "", "vat": "9%"} | dict(zip(names, row, strict=True))

    async def brought(
        self, who: Caller, *changes: dict[str, Any], status: int = 200, dry_run: bool = False
    ) -> dict[str, Any]:
        """The answer to a file of a row each: the product as it is, with what is changed."""
        self.files += 1
        rows = [await self.facts(one.get("code")) | one for one in changes]
        body = file_of(*rows, note=f"第 {self.files} 份")
        answer = await self.http.post(
            IMPORT, files={"file": ("goods.csv", body)}, params={"dry_run": dry_run}, headers=who.headers
        )
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def prices(self, body: bytes, who: Caller | None = None, **more: Any) -> Imported:
        """A file of prices, as somebody or at the owner's shell."""
        actor = self.actor_of(who) if who else None
        facts = {"file_name": "prices.csv", "actor": actor, "now": clock.now()} | more
        return await import_file(self.database, kind=PRICES, data=body, **facts)

    def actor_of(self, who: Caller) -> Actor:
        actor = Door.of(self.app).tokens.read(who.headers["authorization"].removeprefix("Bearer "), now=clock.wall())
        assert actor is not None
        return actor

    async def reviews(self, who: Caller, **asked: str) -> list[dict[str, Any]]:
        answer = await self.http.get(REVIEWS, params=asked, headers=who.headers)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def act(self, who: Caller, review_id: str, verb: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"{REVIEWS}/{review_id}/{verb}", json=body or None, headers=who.headers)

    async def card(self) -> dict[str, Any]:
        """What a stranger sees in the list, through the cache of the window, once the worker has caught up."""
        product_id = str((await self.facts())["product_id"])
        page = await self._visitor("/api/v1/products", limit="100")
        return next(one for one in page["items"] if one["id"] == product_id)

    async def detail(self) -> dict[str, Any]:
        """What a stranger sees of the product."""
        return await self._visitor(f"/api/v1/products/{(await self.facts())['product_id']}")

    async def page(self) -> str:
        """The same as a page."""
        await refresh_touched(self.database)
        answer = await self.window.get(f"/products/{(await self.facts())['product_id']}")
        assert answer.status_code == 200
        return answer.text

    async def _visitor(self, path: str, **asked: str) -> dict[str, Any]:
        await refresh_touched(self.database)
        answer = await self.window.get(path, params=asked)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def rows(self, statement: str, **facts: Any) -> list[tuple[Any, ...]]:
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement), facts)]


def as_facts(row: dict[str, Any]) -> dict[str, Any]:
    """As a file writes them."""
    facts = dict(row)
    vat = facts.pop("vat_basis_points")
    return facts | {
        "yuan": f"{facts['fen'] // 100}.{facts['fen'] % 100:02}",
        "vat": f"{vat // 100}%" if vat else "免税",
        "weighed": "是" if facts["weighed"] else "否",
    }


def file_of(*rows: dict[str, Any], note: str = "") -> bytes:
    """A csv with our columns. note: makes the file another one, since the same bytes are brought once."""
    lines = [",".join(COLUMNS.values())]
    for row in rows:
        cells = {**row, "note": f"{row['note']}{note}" if note else row["note"]}
        lines.append(",".join(f'"{cells[name] if cells[name] is not None else ""}"' for name in COLUMNS))
    return "\n".join(lines).encode()


async def goods(app: FastAPI, database: Database, http: httpx.AsyncClient) -> Goods:
    """Of the demo's shop: `supplier@demo.test` and one of its products that can be ordered all year."""
    async with database.reading() as session:
        code, own = (
            await session.execute(
                text("""SELECT p.code, p.supplier_id FROM product p JOIN role_grant g
                    ON g.role = 'supplier' AND g.scope_id = p.supplier_id::text
                    WHERE p.state = 'listed' AND p.ship_months = '{}' ORDER BY p.code LIMIT 1""")
            )
        ).one()
        other = await session.scalar(text("SELECT id FROM supplier WHERE id <> :own ORDER BY id LIMIT 1"), {"own": own})
        unit = await session.scalar(text("SELECT id FROM unit WHERE code = 'DEMO-2'"))
    await somebody(database, "stranger@goods.test", Grant(Role.SUPPLIER, "supplier", str(other)))
    await somebody(database, "staff@goods.test", Grant(Role.STAFF, "unit", str(unit)))
    return Goods(
        app,
        database,
        http,
        code,
        supplier=await sign_in(http, "supplier@demo.test"),
        stranger=await sign_in(http, "stranger@goods.test", PASSWORD),
        staff=await sign_in(http, "staff@goods.test", PASSWORD),
        first=await sign_in(http, "platform@demo.test"),
        second=await sign_in(http, "platform.second@demo.test"),
        window=httpx.AsyncClient(transport=httpx.ASGITransport(windowed(app)), base_url="http://shop.test"),
    )
