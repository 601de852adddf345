"""What a plan comes to: per member, in all, and how much of it is from assisted counties. Money in fen."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.county.on_day import origin_on
from orders.bulk.plan.cases import Filling, rounding
from orders.spending.proposal import Portion, Proposal
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.money import split
from shop.organisation.path import path_on


@dataclass(frozen=True, slots=True)
class Component:
    """One origin's part of a package line; `weight` divides the line's money. paired: with the buyer's own unit."""

    package_id: UUID
    sku_id: UUID
    line_fen: int
    weight: int
    assisted: bool
    paired: bool
    producer_id: UUID
    cooperative: bool
    county_code: str | None


@dataclass(frozen=True, slots=True)
class Worth:
    """Of one package: what it costs, and how much of that is assisted."""

    fen: int
    assisted_fen: int


@dataclass(frozen=True, slots=True)
class PlanTotals:
    """by_package: worth of one. `total_fen`: members' packages, spares and what fills the last cases; goods only."""

    by_package: Mapping[UUID, Worth]
    total_fen: int
    assisted_fen: int
    single_cooperative_paired: bool


_COMPONENTS = text(f"""
WITH above AS (SELECT array_agg(p.unit_id) AS ids FROM ({path_on("CAST(:unit AS uuid)", ":day")}) p)
SELECT k.id AS package_id, l.sku_id, l.pieces * l.unit_price_fen AS line_fen, c.allocation_fen * c.pieces AS weight,
    p.producer_id, r.kind = 'cooperative' AS cooperative, o.code AS county_code,
    coalesce(o.designations <> '{{}}', false) AS designated, coalesce(o.pairing_unit_ids && v.ids, false) AS paired
FROM above v CROSS JOIN bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
JOIN sku_content c ON c.sku_id = l.sku_id JOIN sku s ON s.id = c.stock_sku_id JOIN product p ON p.id = s.product_id
JOIN producer r ON r.id = p.producer_id
LEFT JOIN LATERAL ({origin_on("p.origin_county_code", ":day")}) o ON o.is_in_force
WHERE k.purchase_id = :purchase ORDER BY k.position, l.sku_id, c.position
""")  # noqa: S608  # expressions of our own
_MEMBERS = text("""
SELECT m.person_id, m.unit_id, coalesce(u.province, l.province, '') AS province,
    coalesce(m.package_id, d.id) AS package_id
FROM bulk_member m JOIN unit u ON u.id = m.unit_id JOIN bulk_purchase p ON p.id = m.purchase_id
JOIN labour_union l ON l.id = p.union_id
JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
WHERE m.purchase_id = :purchase ORDER BY m.position
""")
_BOXES = text("""
SELECT k.id AS package_id, (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = p.id
        AND (m.package_id = k.id OR (m.package_id IS NULL AND k.is_default)))
    + CASE WHEN k.is_default THEN p.spare_pieces ELSE 0 END AS boxes
FROM bulk_purchase p JOIN bulk_package k ON k.purchase_id = p.id WHERE p.id = :purchase
""")
_COUNTED = text("""
SELECT (SELECT count(*) FROM bulk_quote WHERE purchase_id = :purchase) AS quotes,
    (SELECT count(*) FROM bulk_package WHERE purchase_id = :purchase) AS packages
""")


async def plan_totals(session: ReadSession, purchase: Row[Any], *, day: date) -> PlanTotals:
    """By the packages that were chosen, the default where nobody chose."""
    found = await session.execute(_COMPONENTS, {"purchase": purchase.id, "unit": purchase.unit_id, "day": day})
    components = [
        Component(
            package_id=row.package_id,
            sku_id=row.sku_id,
            line_fen=row.line_fen,
            weight=row.weight,
            assisted=row.designated or row.paired,
            paired=row.paired,
            producer_id=row.producer_id,
            cooperative=row.cooperative,
            county_code=row.county_code,
        )
        for row in found
    ]
    by_package = worths(components)
    counts = (await session.execute(_BOXES, {"purchase": purchase.id})).all()
    loose = [worth_of(one, components) for one in await rounding(session, purchase.id)]
    return PlanTotals(
        by_package=by_package,
        total_fen=sum(row.boxes * by_package[row.package_id].fen for row in counts) + sum(one.fen for one in loose),
        assisted_fen=sum(row.boxes * by_package[row.package_id].assisted_fen for row in counts)
        + sum(one.assisted_fen for one in loose),
        single_cooperative_paired=from_one_cooperative(components),
    )


def worths(components: Sequence[Component]) -> dict[UUID, Worth]:
    """A line's money is divided among its origins as an order divides it, so the assisted part is the credited one."""
    lines: dict[tuple[UUID, UUID], list[Component]] = defaultdict(list)
    for component in components:
        lines[component.package_id, component.sku_id].append(component)
    fen: dict[UUID, int] = defaultdict(int)
    assisted: dict[UUID, int] = defaultdict(int)
    for (package_id, _), parts in lines.items():
        shares = split(parts[0].line_fen, [part.weight for part in parts])
        fen[package_id] += parts[0].line_fen
        assisted[package_id] += sum(share for share, part in zip(shares, parts, strict=True) if part.assisted)
    return {package_id: Worth(fen[package_id], assisted[package_id]) for package_id in fen}


def worth_of(loose: Filling, components: Sequence[Component]) -> Worth:
    """Of pieces that fill a case: divided among the SKU's origins like a line of any package that holds it."""
    package_id = next(part.package_id for part in components if part.sku_id == loose.sku_id)
    parts = [part for part in components if (part.package_id, part.sku_id) == (package_id, loose.sku_id)]
    fen = loose.pieces * loose.unit_price_fen
    shares = split(fen, [part.weight for part in parts])
    return Worth(fen, sum(share for share, part in zip(shares, parts, strict=True) if part.assisted))


def from_one_cooperative(components: Sequence[Component]) -> bool:
    """All goods come from one cooperative of one county that the buyer's unit answers for."""
    return (
        len({part.producer_id for part in components}) == 1
        and len({part.county_code for part in components}) == 1
        and all(part.cooperative and part.paired for part in components)
    )


async def proposal_of(session: ReadSession, purchase: Row[Any], *, now: datetime) -> Proposal:
    """The plan as the spending rules look at it today."""
    day = clock.business_day(now)
    sums = await plan_totals(session, purchase, day=day)
    portions = [
        Portion(row.person_id, row.unit_id, row.province, worth.fen, worth.assisted_fen)
        for row in await session.execute(_MEMBERS, {"purchase": purchase.id})
        for worth in (sums.by_package[row.package_id],)
    ]
    total_fen, assisted_fen = sums.total_fen, sums.assisted_fen
    if purchase.purpose == "allowance":
        portions = shared_out(purchase.budget_fen, portions)
        total_fen, assisted_fen = sum(one.fen for one in portions), sum(one.assisted_fen for one in portions)
    counted = (await session.execute(_COUNTED, {"purchase": purchase.id})).one()
    return Proposal(
        purchase_id=purchase.id,
        union_id=purchase.union_id,
        purpose=purchase.purpose,
        festival=purchase.festival,
        fund_source=purchase.fund_source,
        day=day,
        pays_on=purchase.ship_on if purchase.terms == "after_acceptance" else day,
        festival_year=festival_year(purchase.festival, purchase.ship_on),
        total_fen=total_fen,
        assisted_fen=assisted_fen,
        portions=portions,
        quotes=counted.quotes,
        directed=purchase.procurement == "directed",
        has_reason=bool(purchase.directed_reason),
        has_minutes=bool(purchase.directed_minutes_sha256),
        has_reference=bool(purchase.reference_price_fen),
        packages=counted.packages,
        single_cooperative_paired=sums.single_cooperative_paired,
    )


def shared_out(budget_fen: int, portions: Sequence[Portion]) -> list[Portion]:
    """Of an allowance, whose packages only say what may be bought: everybody's equal part of the budget. Caps are taken
    by it, and no batch gives more. It counts as assisted as far as the goods are.
    """
    each = budget_fen // max(len(portions), 1)
    return [replace(one, fen=each, assisted_fen=each * one.assisted_fen // max(one.fen, 1)) for one in portions]


def festival_year(festival: str | None, ship_on: date) -> int:
    """New Year's and Spring Festival's gifts may be sent in the year before."""
    early = festival in {"new_year", "spring_festival"} and ship_on.month >= 10
    return ship_on.year + 1 if early else ship_on.year
