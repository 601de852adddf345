"""Goods come in full cases: what rounding up adds is spare, and the payer who owns spares pays for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from shop.core.database import ReadSession


@dataclass(frozen=True, slots=True)
class Cased:
    """A SKU of the purchase. members, planned: pieces that members get, and that the plan has as spares; rounding:
    pieces that fill the last case, at the plan's price. owner: the payer of planned and rounding spares.
    """

    sku_id: UUID
    title: str
    spec: str
    members: int
    planned: int
    case_pieces: int
    owner: str | None
    unit_price_fen: int

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
    (SELECT y.payer_name FROM bulk_payer y WHERE y.purchase_id = p.id ORDER BY NOT y.owns_spares, y.position LIMIT 1),
    min(l.unit_price_fen)
FROM bulk_purchase p JOIN bulk_package k ON k.purchase_id = p.id JOIN bulk_package_line l ON l.package_id = k.id
JOIN sku s ON s.id = l.sku_id JOIN product g ON g.id = s.product_id
LEFT JOIN chosen c ON c.package_id = k.id
LEFT JOIN bulk_case b ON b.purchase_id = p.id AND b.sku_id = s.id
WHERE p.id = :purchase GROUP BY p.id, s.id, g.title, s.spec ORDER BY s.code
""")


async def cased(session: ReadSession, purchase_id: UUID) -> list[Cased]:
    """Every SKU with its cases and spares; a SKU without a case size comes piece by piece."""
    return [Cased(*row) for row in await session.execute(_CASED, {"purchase": purchase_id})]


_SIZES = text("""
SELECT l.sku_id, max(b.case_pieces) AS case_pieces, min(l.unit_price_fen) AS unit_price_fen
FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
JOIN bulk_case b ON b.purchase_id = k.purchase_id AND b.sku_id = l.sku_id
WHERE k.purchase_id = :purchase GROUP BY l.sku_id ORDER BY l.sku_id
""")


@dataclass(frozen=True, slots=True)
class Filling:
    """Loose pieces of a SKU that fill its last case."""

    sku_id: UUID
    pieces: int
    unit_price_fen: int


async def filling(session: ReadSession, purchase_id: UUID, pieces: Mapping[UUID, int]) -> list[Filling]:
    """What fills the last cases when so many pieces of each SKU are bought apart from everything before."""
    sizes = await session.execute(_SIZES, {"purchase": purchase_id})
    return _some(Filling(row.sku_id, -pieces.get(row.sku_id, 0) % row.case_pieces, row.unit_price_fen) for row in sizes)


async def rounding(session: ReadSession, purchase_id: UUID) -> list[Filling]:
    """What fills the last cases of the plan as it stands."""
    return _some(Filling(one.sku_id, one.rounding, one.unit_price_fen) for one in await cased(session, purchase_id))


def _some(found: Iterable[Filling]) -> list[Filling]:
    return [one for one in found if one.pieces]
