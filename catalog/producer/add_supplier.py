"""Who sells, and is paid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class CreditCodeTaken(Problem):
    """Two suppliers with one unified social credit code. Nothing was saved."""

    status = 409
    code = "credit_code_taken"
    title = "统一社会信用代码已属于另一个供应商"


@dataclass(frozen=True, slots=True)
class NewSupplier:
    """credit_code: the unified social credit code, blank until known."""

    name: str
    credit_code: str | None = None
    fictitious: bool = False

    @property
    def id(self) -> UUID:
        return derived_id("supplier", self.name)


_ADD = text("""
INSERT INTO supplier (id, name, credit_code, fictitious, created_at)
SELECT id, name, credit_code, fictitious, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text, credit_code text, fictitious boolean)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET credit_code = excluded.credit_code
WHERE supplier.credit_code IS NULL AND excluded.credit_code IS NOT NULL
RETURNING id
""")


async def add_suppliers(session: WriteSession, *, suppliers: Sequence[NewSupplier], now: datetime) -> list[UUID]:
    """Add suppliers by name; the ids that are new or changed. A known credit code is never overwritten.

    Raises CreditCodeTaken.
    """
    documents = [
        msgspec.to_builtins(one) | {"id": str(one.id)} for one in {one.name: one for one in suppliers}.values()
    ]
    try:
        async with session.begin_nested():
            return list((await session.execute(_ADD, {"rows": as_rows(documents), "now": now})).scalars())
    except IntegrityError as error:
        raise CreditCodeTaken("请核对统一社会信用代码，一个代码只能属于一个供应商。") from error
