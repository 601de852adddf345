"""The contract with each supplier: who, what, for how much, where to, and when it is paid."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import anyio.to_thread
from sqlalchemy import text

from orders.bulk.plan.cases import rounding
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.ui.filters import day, yuan
from shop.ui.pdf import pdf

TERMS_WORDS: Final = {
    "prepaid": "合同签订后 5 个工作日内，甲方按识别码付清全部货款，乙方收款后发货。",
    "split_30_70": "合同签订后 5 个工作日内，甲方付货款的 30%；验收合格并收到发票后 10 个工作日内付清其余 70%。",
    "after_acceptance": "货物验收合格、甲方收到等额发票后 10 个工作日内，一次付清。",
}
_TEMPLATE: Final = Path(__file__).with_name("contract.typ")


@dataclass(frozen=True, slots=True)
class Goods:
    title: str
    spec: str
    pieces: int
    unit_price_fen: int
    fen: int


@dataclass(frozen=True, slots=True)
class Contract:
    """One supplier's. Money in fen. payers: who pays, with invoice title and tax number."""

    number: str
    supplier: str
    credit_code: str | None
    fictitious: bool
    goods: list[Goods]
    total_fen: int


@dataclass(frozen=True, slots=True)
class Contracts:
    title: str
    number: str
    state: str
    union: str
    ship_on: str
    signed_on: str
    terms: str
    payers: list[tuple[str, str, str]]
    sites: list[tuple[str, str, str]]
    contracts: list[Contract]


_GOODS = text("""
WITH got AS (
    SELECT coalesce(m.package_id, d.id) AS package_id, count(*) AS boxes FROM bulk_member m
    JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default WHERE m.purchase_id = :purchase GROUP BY 1
)
SELECT f.id, f.name, f.credit_code, f.fictitious, s.id AS sku_id, d.title, s.spec, l.unit_price_fen,
    sum(l.pieces * (coalesce(g.boxes, 0) + CASE WHEN k.is_default THEN :spares ELSE 0 END))::bigint AS pieces
FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id LEFT JOIN got g ON g.package_id = k.id
JOIN sku s ON s.id = l.sku_id JOIN product d ON d.id = s.product_id JOIN supplier f ON f.id = d.supplier_id
WHERE k.purchase_id = :purchase GROUP BY f.id, d.title, s.spec, s.id, l.unit_price_fen ORDER BY f.name, d.title, s.spec
""")
_PAYERS = text("""
SELECT payer_name, invoice_title, coalesce(tax_number, '') FROM bulk_payer WHERE purchase_id = :purchase
ORDER BY position
""")
_SITES = text("""
SELECT s.name, coalesce(k.province || coalesce(k.prefecture, '') || k.name, s.region_code) || s.street,
    coalesce(s.contact_name, '') FROM bulk_site s LEFT JOIN county k ON k.code = s.region_code
WHERE s.purchase_id = :purchase ORDER BY s.name
""")
_UNION = text("SELECT name FROM labour_union WHERE id = :union")


async def contracts_of(session: ReadSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> Contracts:
    """As the plan stands; a draft says so on its face. Raises NotFound."""
    purchase = await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    named = {"purchase": purchase_id, "spares": purchase.spare_pieces}
    loose = {(one.sku_id, one.unit_price_fen): one.pieces for one in await rounding(session, purchase_id)}
    by_supplier: dict[UUID, list[Any]] = {}
    goods: dict[UUID, list[Goods]] = {}
    for row in await session.execute(_GOODS, named):
        if pieces := row.pieces + loose.get((row.sku_id, row.unit_price_fen), 0):
            by_supplier.setdefault(row.id, []).append(row)
            good = Goods(row.title, row.spec, pieces, row.unit_price_fen, pieces * row.unit_price_fen)
            goods.setdefault(row.id, []).append(good)
    contracts = [
        Contract(
            number=f"{purchase.number}-{n}",
            supplier=rows[0].name,
            credit_code=rows[0].credit_code,
            fictitious=rows[0].fictitious,
            goods=goods[rows[0].id],
            total_fen=sum(one.fen for one in goods[rows[0].id]),
        )
        for n, rows in enumerate(by_supplier.values(), 1)
    ]
    return Contracts(
        title=purchase.title,
        number=purchase.number,
        state=purchase.state,
        union=str(await session.scalar(_UNION, {"union": purchase.union_id})),
        ship_on=day(purchase.ship_on),
        signed_on=day(clock.business_day(now)),
        terms=TERMS_WORDS[purchase.terms],
        payers=[tuple(row) for row in await session.execute(_PAYERS, named)],
        sites=[tuple(row) for row in await session.execute(_SITES, named)],
        contracts=contracts,
    )


async def contract_pdf(database: Database, *, actor: Actor, purchase_id: UUID, now: datetime) -> bytes:
    """One section for each supplier. Raises NotFound, ChineseFontMissing."""
    async with database.reading() as session:
        found = await contracts_of(session, actor=actor, purchase_id=purchase_id, now=now)
    return await anyio.to_thread.run_sync(pdf, _TEMPLATE.read_text("utf-8"), facts_of(found))


def facts_of(found: Contracts) -> dict[str, Any]:
    """What the paper prints: words only."""
    binding = found.state not in {"draft", "quoting", "submitted", "rejected", "cancelled"}
    return {
        "title": found.title,
        "draft": not binding,
        "union": found.union,
        "ship_on": found.ship_on,
        "signed_on": found.signed_on,
        "terms": found.terms,
        "payers": [list(payer) for payer in found.payers],
        "sites": [list(site) for site in found.sites],
        "contracts": [
            {
                "number": one.number,
                "supplier": one.supplier,
                "credit_code": one.credit_code or "—",
                "total": yuan(one.total_fen),
                "goods": [[g.title, g.spec, str(g.pieces), yuan(g.unit_price_fen), yuan(g.fen)] for g in one.goods],
            }
            for one in found.contracts
        ],
    }
