"""What members may choose from, at today's prices."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from catalog.campaign.entitled import asked_of
from orders.bulk.plan.schemas import PackageIn
from orders.bulk.problems import PlanInvalid
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


class PlanPriceChanged(Problem):
    """A price is not the one that the buyer saw. `errors[]` says today's."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "price_changed"
    title: ClassVar[str] = "价格有变化"


_PRICED = text(f"""
SELECT r.package, r.line, r.unit_price_fen AS seen_fen, s.id IS NOT NULL AND s.active AND p.state = 'listed' AS sold, (
    SELECT min(q.fen) FROM price q WHERE q.sku_id = r.sku_id AND {asked_of("union", "q", ":now")}
        AND q.min_quantity <= r.pieces * CAST(:sure AS bigint)) AS fen
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(package int, line int, sku_id uuid, pieces bigint,
    unit_price_fen bigint)
LEFT JOIN sku s ON s.id = r.sku_id LEFT JOIN product p ON p.id = s.product_id
ORDER BY r.package, r.line
""")  # noqa: S608  # our own words
# A package keeps its id by its place, so that choices made for it stay; choices of one that is gone are gone.
_PACKAGES = text("""
INSERT INTO bulk_package (id, purchase_id, position, name, is_default, is_private)
SELECT r.id, :purchase, r.position, r.name, r.is_default, r.is_private
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, position int, name text, is_default bool, is_private bool)
ON CONFLICT (purchase_id, position) DO UPDATE SET name = excluded.name, is_default = excluded.is_default,
    is_private = excluded.is_private
RETURNING id, position
""")
_NO_DEFAULT = text("UPDATE bulk_package SET is_default = false WHERE purchase_id = :purchase AND is_default")
_UNCHOOSE = text("""
UPDATE bulk_member SET package_id = NULL, chosen_by = NULL, chooser_id = NULL, chosen_at = NULL
WHERE purchase_id = :purchase AND package_id IN (
    SELECT id FROM bulk_package WHERE purchase_id = :purchase AND position >= :kept)
""")
_UNLIST = text("""
DELETE FROM bulk_recipient WHERE purchase_id = :purchase AND EXISTS (
    SELECT FROM bulk_package WHERE purchase_id = :purchase AND position >= :kept)
""")
_EMPTY = text(
    "DELETE FROM bulk_package_line WHERE package_id IN (SELECT id FROM bulk_package WHERE purchase_id = :purchase)"
)
_DROP = text("DELETE FROM bulk_package WHERE purchase_id = :purchase AND position >= :kept")
_LINES = text("""
INSERT INTO bulk_package_line (package_id, sku_id, pieces, unit_price_fen)
SELECT package_id, sku_id, pieces, fen
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(package_id uuid, sku_id uuid, pieces int, fen bigint)
""")


async def set_packages(
    session: WriteSession, *, purchase_id: UUID, packages: Sequence[PackageIn], members: int, now: datetime
) -> None:
    """Write the packages whole. Prices by quantity count only what is sure: all members, where there is one package.

    Raises PlanInvalid (goods that are not sold, two defaults), PlanPriceChanged.
    """
    if sum(package.is_default for package in packages) > 1:
        raise PlanInvalid("只能有一个默认套餐。", [Detail("/packages", "two_defaults", "只能有一个默认套餐")])
    prices = await _prices(session, packages, members if len(packages) == 1 else 1, now)
    named = {"purchase": purchase_id, "kept": len(packages)}
    for statement in (_UNCHOOSE, _UNLIST, _EMPTY, _DROP, _NO_DEFAULT):
        await session.execute(statement, named)
    default = next((i for i, package in enumerate(packages) if package.is_default), 0)
    rows = [
        {
            "id": str(new_id()),
            "position": i,
            "name": package.name,
            "is_default": i == default,
            "is_private": package.is_private,
        }
        for i, package in enumerate(packages)
    ]
    written = await session.execute(_PACKAGES, named | {"rows": as_rows(rows)})
    ids = {row.position: str(row.id) for row in written}
    lines = [
        {"package_id": ids[i], "sku_id": str(line.sku_id), "pieces": line.pieces, "fen": prices[i, j]}
        for i, package in enumerate(packages)
        for j, line in enumerate(package.lines)
    ]
    await session.execute(_LINES, {"rows": as_rows(lines)})


async def _prices(
    session: WriteSession, packages: Sequence[PackageIn], sure: int, now: datetime
) -> dict[tuple[int, int], int]:
    """(package, line) → fen a piece."""
    rows = [
        {
            "package": i,
            "line": j,
            "sku_id": str(line.sku_id),
            "pieces": line.pieces,
            "unit_price_fen": line.unit_price_fen,
        }
        for i, package in enumerate(packages)
        for j, line in enumerate(package.lines)
    ]
    found = (await session.execute(_PRICED, {"rows": as_rows(rows), "sure": max(sure, 1), "now": now})).all()
    if bad := [row for row in found if not row.sold or row.fen is None]:
        raise PlanInvalid(
            "有商品现在不能买，请从商品页重新选择。",
            [Detail(f"/packages/{r.package}/lines/{r.line}/sku_id", "not_sold", "这个规格现在不出售") for r in bad],
        )
    if moved := [row for row in found if row.seen_fen is not None and row.seen_fen != row.fen]:
        raise PlanPriceChanged(
            "请核对今天的价格后再提交。",
            [
                Detail(f"/packages/{r.package}/lines/{r.line}/unit_price_fen", "price_changed", f"今天是 {r.fen} 分")
                for r in moved
            ],
        )
    return {(row.package, row.line): row.fen for row in found}
