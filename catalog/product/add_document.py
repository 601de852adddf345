"""Papers of a product: food papers that sales need, badges that a page shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.product.touch import touch
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows

AS_NAMED: Final = "目录所载，未核实"
"""The source of a paper that a table names and nobody has seen."""


class UnknownProduct(Problem):
    """A product code that is not in the books."""

    status = 422
    code = "product_unknown"
    title = "没有这个商品编号，请先导入商品"


@dataclass(frozen=True, slots=True)
class NewDocument:
    """kind: one of FOOD_PAPERS or BADGE_PAPERS; business days [valid_from, valid_to), blank = unknown or open."""

    product_code: str
    kind: str
    source: str
    number: str | None = None
    issuer: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    file_sha256: str | None = None
    confirmed: bool = False


_KEPT = text("SELECT id FROM document WHERE id = ANY(:ids)")
_PRODUCTS = text("SELECT code, id, supplier_id FROM product WHERE code = ANY(:codes)")
_ADD = text("""
INSERT INTO document (id, product_id, kind, number, issuer, valid_from, valid_to, file_sha256, source, confirmed)
SELECT id, product_id, kind, number, issuer, valid_from, valid_to, file_sha256, source, confirmed
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, product_id uuid, kind text, number text, issuer text,
    valid_from date, valid_to date, file_sha256 text, source text, confirmed boolean)
ON CONFLICT (id) DO NOTHING
RETURNING product_id
""")


async def products_by_code(session: ReadSession, codes: Sequence[str], pointer: str) -> dict[str, tuple[UUID, UUID]]:
    """Code → (product, supplier). Raises UnknownProduct with pointers `/{row}/{pointer}`."""
    rows = await session.execute(_PRODUCTS, {"codes": sorted(set(codes))})
    found = {row.code: (row.id, row.supplier_id) for row in rows}
    missing = [
        Detail(f"/{i}/{pointer}", UnknownProduct.code, f"没有商品编号 {code}")
        for i, code in enumerate(codes)
        if code not in found
    ]
    if missing:
        raise UnknownProduct(errors=missing)
    return found


async def add_documents(session: WriteSession, *, documents: Sequence[NewDocument], now: datetime) -> int:
    """Keep papers; how many are new. The same product, kind, number and days is the same paper.

    Raises UnknownProduct.
    """
    products = await products_by_code(session, [one.product_code for one in documents], "product_code")
    rows = []
    for one in documents:
        product_id, _ = products[one.product_code]
        rows.append(msgspec.to_builtins(one) | {"id": str(_key(product_id, one)), "product_id": str(product_id)})
    touched = list((await session.execute(_ADD, {"rows": as_rows(rows)})).scalars())
    await touch(session, set(touched), now=now)
    return len(touched)


async def new_documents(session: ReadSession, documents: Sequence[NewDocument]) -> list[NewDocument]:
    """Those that are not kept yet. Raises UnknownProduct."""
    if not documents:
        return []
    products = await products_by_code(session, [one.product_code for one in documents], "product_code")
    keys = {one: _key(products[one.product_code][0], one) for one in documents}
    kept = set((await session.execute(_KEPT, {"ids": list(keys.values())})).scalars())
    return [one for one in documents if keys[one] not in kept]


def _key(product_id: UUID, one: NewDocument) -> UUID:
    return derived_id("document", product_id, one.kind, one.number, one.valid_from, one.valid_to)
