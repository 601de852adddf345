"""A product is recognised as an assisted one: its sales count inside these days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.product.add_document import products_by_code
from catalog.product.touch import touch
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class RecognitionNumberTaken(Problem):
    """The number was given to another product, or for other days. Nothing was saved."""

    status = 409
    code = "recognition_number_taken"
    title = "认定编号已登记在别的商品或别的有效期上"


@dataclass(frozen=True, slots=True)
class NewRecognition:
    """Business days [valid_from, valid_to)."""

    product_code: str
    number: str
    issuer: str
    valid_from: date
    valid_to: date
    source: str


# A line that was sold keeps what was true then; so a number's days never change, a re-issue has a number of its own.
_ADD = text("""
INSERT INTO recognition (id, product_id, number, issuer, valid_from, valid_to, source)
SELECT id, product_id, number, issuer, valid_from, valid_to, source
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, product_id uuid, number text, issuer text, valid_from date,
    valid_to date, source text)
ORDER BY number
ON CONFLICT (number) DO NOTHING
RETURNING id, product_id
""")
_SAME = text("""
SELECT r.number FROM recognition n
JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(product_id uuid, number text, valid_from date, valid_to date)
    ON (n.number, n.product_id, n.valid_from, n.valid_to) = (r.number, r.product_id, r.valid_from, r.valid_to)
""")


async def add_recognitions(
    session: WriteSession, *, actor_id: UUID | None, recognitions: Sequence[NewRecognition], now: datetime
) -> int:
    """Keep recognitions; how many are new. Raises UnknownProduct, RecognitionNumberTaken."""
    products = await products_by_code(session, [one.product_code for one in recognitions], "product_code")
    by_id = {derived_id("recognition", one.number): one for one in recognitions}
    rows = as_rows(
        msgspec.to_builtins(one) | {"id": str(key), "product_id": str(products[one.product_code][0])}
        for key, one in by_id.items()
    )
    added = (await session.execute(_ADD, {"rows": rows})).all()
    same = set((await session.execute(_SAME, {"rows": rows})).scalars())
    taken = [
        Detail(f"/{i}/number", RecognitionNumberTaken.code, f"认定编号 {one.number} 已登记在别的商品或有效期上")
        for i, one in enumerate(recognitions)
        if one.number not in same
    ]
    if taken:
        raise RecognitionNumberTaken(errors=taken)
    await touch(session, {row.product_id for row in added}, now=now)
    await record_changes(
        session,
        [
            Change("recognition.add", f"product:{row.product_id}", None, msgspec.to_builtins(by_id[row.id]))
            for row in added
        ],
        actor_id=actor_id,
        now=now,
    )
    return len(added)
