"""Last year's plan again: the same goods at today's prices, for the members of today."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.campaign.entitled import asked_of
from orders.bulk.plan.create import create
from orders.bulk.plan.schemas import CopyIn, PackageIn, PackageLineIn, PlanIn, SiteIn
from orders.bulk.problems import PlanInvalid
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.organisation.address_book import names_a_place


@dataclass(frozen=True, slots=True)
class Copied:
    """dropped: titles of goods that are not sold any more and were left out."""

    id: UUID
    dropped: list[str]


_LINES = text(f"""
SELECT k.position, k.name, k.is_default, k.is_private, l.sku_id, l.pieces, p.title, s.spec,
    s.active AND p.state = 'listed' AND EXISTS (SELECT FROM price q WHERE q.sku_id = s.id
        AND {asked_of("union", "q", ":now")}) AS sold
FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id JOIN sku s ON s.id = l.sku_id
JOIN product p ON p.id = s.product_id
WHERE k.purchase_id = :purchase ORDER BY k.position, l.sku_id
""")  # noqa: S608  # our own words
_SITES = text("""
SELECT unit_id, name, contact_name, contact_phone, region_code, street FROM bulk_site
WHERE purchase_id = :purchase ORDER BY name
""")


async def copy_last_year(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, requested: CopyIn, key: str, now: datetime
) -> Copied:
    """A new draft. Members, payers and prices are those of today; quotes, minutes and approvals are not copied.

    Raises NotFound, PlanInvalid when none of the goods is sold any more, and what `create` raises.
    """
    old = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now)
    packages, dropped = await _packages(session, purchase_id, now)
    if not packages:
        raise PlanInvalid("去年的商品现在都不出售，请新建计划。")
    rows = await session.execute(_SITES, {"purchase": purchase_id})
    sites = [SiteIn.model_validate(row._asdict()) for row in rows if names_a_place(row.street)]  # else asked for anew
    plan = _next(old, requested, packages, sites, now)
    return Copied(await create(session, actor=actor, plan=plan, key=key, now=now, copied_from_id=purchase_id), dropped)


def a_year_later(day: date, *, not_before: date) -> date:
    """The same day of the next year that has not passed; 29 February becomes 28 February."""
    year = day.year + 1
    while (moved := _same_day(day, year)) < not_before:
        year += 1
    return moved


def _same_day(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)


def _next(old: Row[Any], requested: CopyIn, packages: list[PackageIn], sites: list[SiteIn], now: datetime) -> PlanIn:
    today = clock.business_day(now)
    ship_on = requested.ship_on or a_year_later(old.ship_on, not_before=today)
    return PlanIn(
        title=requested.title or old.title,
        union_id=old.union_id,
        unit_id=old.unit_id,
        purpose=old.purpose,
        festival=old.festival,
        fund_source=old.fund_source,
        fiscal_year=requested.fiscal_year or old.fiscal_year + ship_on.year - old.ship_on.year,
        budget_fen=requested.budget_fen or old.budget_fen,
        members_as_of=requested.members_as_of or today,
        procurement=old.procurement,
        terms=old.terms,
        deliver_to=old.deliver_to,
        shared_by="packages" if old.shared_by == "fixed" else old.shared_by,
        spare_pieces=old.spare_pieces,
        ship_on=ship_on,
        packages=packages,
        sites=sites,
    )


async def _packages(session: ReadSession, purchase_id: UUID, now: datetime) -> tuple[list[PackageIn], list[str]]:
    lines: dict[int, list[PackageLineIn]] = defaultdict(list)
    heads: dict[int, Row[Any]] = {}
    dropped = []
    for row in await session.execute(_LINES, {"purchase": purchase_id, "now": now}):
        if row.sold:
            heads[row.position] = row
            lines[row.position].append(PackageLineIn(sku_id=row.sku_id, pieces=row.pieces))
        else:
            dropped.append(f"{row.title} {row.spec}")
    packages = [
        PackageIn(name=head.name, is_default=head.is_default, is_private=head.is_private, lines=lines[position])
        for position, head in heads.items()
    ]
    return packages, dropped
