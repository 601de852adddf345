"""Goods come in full cases: what rounding up adds is spare, and the payer who owns spares pays for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.bulk.problems import WrongState
from orders.bulk.reach import purchase_for
from orders.bulk.states import OPEN_TO_CHANGE
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Invalid
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Cased:
    """A SKU of the purchase. members, planned: pieces that members get, and that the plan has as spares; rounding:
    pieces that fill the last case. owner: the payer of planned and rounding spares.
    """

    sku_id: UUID
    title: str
    spec: str
    members: int
    planned: int
    case_pieces: int
    owner: str | None

    @property
    def cases(self) -> int:
        return -(-(self.members + self.planned) // self.case_pieces)

    @property
    def rounding(self) -> int:
        return self.cases * self.case_pieces - self.members - self.planned


_CASED = text("""
WITH chosen AS (
    SELECT coalesce(m.package_id, d.id) AS package_id, count(*) AS members FROM bulk_member m
    LEFT JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
    WHERE m.purchase_id = :purchase GROUP BY 1
)
SELECT s.id, g.title, s.spec, coalesce(sum(l.pieces * c.members), 0)::bigint AS members,
    coalesce(sum(l.pieces * p.spare_pieces) FILTER (WHERE k.is_default), 0)::bigint AS planned,
    coalesce(max(b.case_pieces), 1) AS case_pieces,
    (SELECT y.payer_name FROM bulk_payer y WHERE y.purchase_id = p.id ORDER BY NOT y.owns_spares, y.position LIMIT 1)
FROM bulk_purchase p JOIN bulk_package k ON k.purchase_id = p.id JOIN bulk_package_line l ON l.package_id = k.id
JOIN sku s ON s.id = l.sku_id JOIN product g ON g.id = s.product_id
LEFT JOIN chosen c ON c.package_id = k.id
LEFT JOIN bulk_case b ON b.purchase_id = p.id AND b.sku_id = s.id
WHERE p.id = :purchase GROUP BY p.id, s.id, g.title, s.spec ORDER BY s.code
""")
_SET = text("""
INSERT INTO bulk_case (purchase_id, sku_id, case_pieces)
SELECT DISTINCT k.purchase_id, l.sku_id, w.case_pieces
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS w(sku_id uuid, case_pieces int)
JOIN bulk_package_line l ON l.sku_id = w.sku_id JOIN bulk_package k ON k.id = l.package_id AND k.purchase_id = :purchase
ON CONFLICT (purchase_id, sku_id) DO UPDATE SET case_pieces = excluded.case_pieces RETURNING sku_id
""")


async def cased(session: ReadSession, purchase_id: UUID) -> list[Cased]:
    """Every SKU with its cases and spares; a SKU without a case size comes piece by piece."""
    return [Cased(*row) for row in await session.execute(_CASED, {"purchase": purchase_id})]


async def set_cases(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, case_pieces: Mapping[UUID, int], now: datetime
) -> None:
    """How many pieces a case holds, by SKU. Raises NotFound, WrongState, Invalid for a SKU that is not bought."""
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    if purchase.state not in OPEN_TO_CHANGE:
        raise WrongState("货已下单，整箱件数不能再改。", extra={"state": purchase.state})
    rows = as_rows({"sku_id": str(sku), "case_pieces": pieces} for sku, pieces in case_pieces.items())
    kept = set(await session.scalars(_SET, {"purchase": purchase_id, "rows": rows}))
    if missing := [sku for sku in case_pieces if sku not in kept]:
        raise Invalid("有规格不在这次采购里。", [Detail("/cases", "sku_unknown", str(sku)) for sku in missing])
