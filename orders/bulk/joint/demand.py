"""What an approved plan comes to: which payer's pieces go where. Read in a few statements, drawn up in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.bulk.plan.cases import Filling, filling, rounding
from orders.bulk.problems import PlanInvalid
from orders.checkout.facts import UnitFacts
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.organisation.path import path_on


class RecipientsDiffer(Problem):
    """The addresses do not add up to what the members chose."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "recipients_differ"
    title: ClassVar[str] = "收货名单的数量与采购数量不一致"


@dataclass(frozen=True, slots=True)
class Payer:
    """A payer of the plan. heads: members whose goods he takes, and spares; unit: who is credited."""

    position: int
    kind: str
    payer_id: UUID
    name: str
    unit: UnitFacts
    invoice_title: str
    tax_number: str | None
    weight: int
    owns_spares: bool


@dataclass(slots=True)
class Destination:
    """Where something goes. packages: (payer's number, package) → how many."""

    name: str | None
    phone: str | None
    region_code: str
    street: str | None
    packages: dict[tuple[int, UUID], int] = field(default_factory=dict)

    def add(self, payer: int, package_id: UUID, count: int) -> None:
        key = (payer, package_id)
        self.packages[key] = self.packages.get(key, 0) + count


@dataclass(frozen=True, slots=True)
class PackageLine:
    sku_id: UUID
    pieces: int
    unit_price_fen: int


@dataclass(frozen=True, slots=True)
class Demand:
    """packages: by id, their lines. shared_by: packages, headcount or fixed."""

    payers: Sequence[Payer]
    destinations: Sequence[Destination]
    packages: Mapping[UUID, Sequence[PackageLine]]
    shared_by: str


_PAYERS = text("SELECT * FROM bulk_payer WHERE purchase_id = :purchase ORDER BY position")
_PACKAGES = text("""
SELECT k.id, k.is_default, l.sku_id, l.pieces, l.unit_price_fen FROM bulk_package k
JOIN bulk_package_line l ON l.package_id = k.id WHERE k.purchase_id = :purchase ORDER BY k.position, l.sku_id
""")
_CHOSEN = text("""
SELECT m.unit_id, coalesce(m.package_id, d.id) AS package_id, count(*) AS members FROM bulk_member m
LEFT JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
WHERE m.purchase_id = :purchase GROUP BY 1, 2 ORDER BY 1, 2
""")
_SITES = text("""
SELECT unit_id, contact_name AS name, contact_phone AS phone, region_code, street FROM bulk_site
WHERE purchase_id = :purchase ORDER BY bulk_site.name
""")
_HOMES = text("""
SELECT name, phone, region_code, street, unit_id, package_id, quantity FROM bulk_recipient
WHERE purchase_id = :purchase ORDER BY row
""")
_ABOVE = text(f"""
SELECT u.id AS start, u.name, ARRAY(SELECT p.unit_id FROM ({path_on("u.id", ":day")}) p ORDER BY p.depth) AS path
FROM unit u WHERE u.id = ANY(:units)
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # an expression of our own


async def demand_of(session: WriteSession, purchase: Row[Any], *, day: date) -> Demand:
    """Members' choices (the default where nobody chose), spares with their owner, and where they all go.

    Raises PlanInvalid (nobody pays, no site), RecipientsDiffer.
    """
    named = {"purchase": purchase.id}
    payers = (await session.execute(_PAYERS, named)).all()
    chosen = (await session.execute(_CHOSEN, named)).all()
    sites = (await session.execute(_SITES, named)).all()
    homes = (await session.execute(_HOMES, named)).all() if purchase.deliver_to == "homes" else []
    lines, default = await _packages(session, purchase.id)
    units = {row.unit_id for rows in (payers, chosen, sites, homes) for row in rows} | {purchase.unit_id}
    found = await session.execute(_ABOVE, {"units": sorted(units), "day": day})
    above = {row.start: UnitFacts(row.start, row.name, row.path) for row in found}
    known = [_payer(row, above) for row in payers]
    way = _Way(purchase, known, above, sites)
    where = _homes(homes, chosen, way) if purchase.deliver_to == "homes" else _sites(chosen, way)
    spares: dict[UUID, int] = {}
    if purchase.spare_pieces:
        if default is None:
            raise PlanInvalid("备用件按默认套餐计算，请先设一个默认套餐。")
        if not any(payer.owns_spares for payer in known):
            raise PlanInvalid("请写明备用件归哪个付款方。", [Detail("/payers", "no_owner", "备用件没有归属")])
        spares[default] = purchase.spare_pieces
    loose = await rounding(session, purchase.id)
    return way.filled(Demand(known, where, lines, purchase.shared_by), spares, loose)


async def further(session: WriteSession, purchase: Row[Any], counts: Sequence[Row[Any]], *, day: date) -> Demand:
    """What a change adds: counts by `unit_id` and `package_id` (`members`), to the sites of the plan, in full cases."""
    named = {"purchase": purchase.id}
    payers = (await session.execute(_PAYERS, named)).all()
    sites = (await session.execute(_SITES, named)).all()
    lines, _ = await _packages(session, purchase.id)
    pieces: dict[UUID, int] = {}
    for row in counts:
        for line in lines[row.package_id]:
            pieces[line.sku_id] = pieces.get(line.sku_id, 0) + line.pieces * row.members
    units = {row.unit_id for rows in (payers, counts, sites) for row in rows} | {purchase.unit_id}
    found = await session.execute(_ABOVE, {"units": sorted(units), "day": day})
    above = {row.start: UnitFacts(row.start, row.name, row.path) for row in found}
    known = [_payer(row, above) for row in payers]
    way = _Way(purchase, known, above, sites)
    loose = await filling(session, purchase.id, pieces)
    return way.filled(Demand(known, _sites(counts, way), lines, purchase.shared_by), {}, loose)


@dataclass(frozen=True, slots=True)
class _Way:
    """From a unit to who pays for it and where its goods go: the nearest payer and site from it upwards."""

    purchase: Row[Any]
    payers: Sequence[Payer]
    above: Mapping[UUID, UnitFacts]
    sites: Sequence[Row[Any]]

    def payer_of(self, unit_id: UUID) -> int:
        by_unit = {payer.unit.id: number for number, payer in enumerate(self.payers)}
        for one in self.above[unit_id].path:
            if one in by_unit:
                return by_unit[one]
        if self.purchase.shared_by == "fixed" and self.payers:
            return 0
        name = self.above[unit_id].name
        raise PlanInvalid(f"{name} 有会员却没有付款方。", [Detail("/payers", "unpaid", f"{name} 没有付款方")])

    def site_of(self, unit_id: UUID) -> int:
        first: dict[UUID, int] = {}
        for number, site in enumerate(self.sites):
            first.setdefault(site.unit_id, number)
        for one in self.above[unit_id].path:
            if one in first:
                return first[one]
        name = self.above[unit_id].name
        raise PlanInvalid(f"{name} 没有收货点。", [Detail("/sites", "no_site", f"{name} 没有收货点")])

    def filled(self, demand: Demand, spares: dict[UUID, int], loose: Sequence[Filling]) -> Demand:
        """With spare packages and what fills the last cases: all of it the owner's of spares, else the first payer's.

        A loose piece is a package of its own, named after its SKU: so it weighs by its pieces like any other.
        """
        if not spares and not loose:
            return demand
        packages = dict(demand.packages) | {
            one.sku_id: [PackageLine(one.sku_id, 1, one.unit_price_fen)] for one in loose
        }
        spares = spares | {one.sku_id: one.pieces for one in loose}
        owner = next((number for number, payer in enumerate(self.payers) if payer.owns_spares), 0)
        where = self._with_spares(list(demand.destinations), owner, spares)
        return replace(demand, destinations=where, packages=packages)

    def _with_spares(self, where: list[Destination], owner: int, spares: Mapping[UUID, int]) -> list[Destination]:
        """Spares go to their owner's site; where there is none, to the first one."""
        if not self.sites:
            raise PlanInvalid("请为备用件填写一个收货点。", [Detail("/sites", "no_site", "备用件没有收货点")])
        try:
            number = self.site_of(self.payers[owner].unit.id)
        except PlanInvalid:
            number = 0
        site = self.sites[number]
        there = next((one for one in where if (one.name, one.phone, one.street) == _address(site)), None)
        if there is None or self.purchase.deliver_to == "homes":
            there = Destination(site.name, site.phone, site.region_code, site.street)
            where = [*where, there]
        for package_id, count in spares.items():
            there.add(owner, package_id, count)
        return where


def _address(site: Row[Any]) -> tuple[str | None, str | None, str | None]:
    return site.name, site.phone, site.street


def _sites(chosen: Sequence[Row[Any]], way: _Way) -> list[Destination]:
    found: dict[int, Destination] = {}
    for row in chosen:
        number = way.site_of(row.unit_id)
        site = way.sites[number]
        there = found.setdefault(number, Destination(site.name, site.phone, site.region_code, site.street))
        there.add(way.payer_of(row.unit_id), _package(row), row.members)
    return [found[number] for number in sorted(found)]


def _homes(homes: Sequence[Row[Any]], chosen: Sequence[Row[Any]], way: _Way) -> list[Destination]:
    """A delivery a row. Σ quantities per package must be what the members chose."""
    bought: dict[UUID, int] = {}
    for row in chosen:
        bought[_package(row)] = bought.get(_package(row), 0) + row.members
    listed: dict[UUID, int] = {}
    payer_of: dict[UUID, int] = {}
    where = []
    for row in homes:
        listed[row.package_id] = listed.get(row.package_id, 0) + row.quantity
        if row.unit_id not in payer_of:
            payer_of[row.unit_id] = way.payer_of(row.unit_id)
        there = Destination(row.name, row.phone, row.region_code, row.street)
        there.add(payer_of[row.unit_id], row.package_id, row.quantity)
        where.append(there)
    if listed != bought:
        raise RecipientsDiffer(
            f"名单共 {sum(listed.values())} 份，会员共 {sum(bought.values())} 份，请更新收货名单后重新提交审批。"
        )
    return where


def _package(row: Row[Any]) -> UUID:
    if row.package_id is None:
        raise PlanInvalid("有会员没有套餐，请先设一个默认套餐。")
    found: UUID = row.package_id
    return found


async def _packages(session: WriteSession, purchase_id: UUID) -> tuple[dict[UUID, list[PackageLine]], UUID | None]:
    found: dict[UUID, list[PackageLine]] = {}
    default = None
    for row in await session.execute(_PACKAGES, {"purchase": purchase_id}):
        found.setdefault(row.id, []).append(PackageLine(row.sku_id, row.pieces, row.unit_price_fen))
        default = row.id if row.is_default else default
    return found, default


def _payer(row: Row[Any], above: Mapping[UUID, UnitFacts]) -> Payer:
    return Payer(
        position=row.position,
        kind=row.payer_kind,
        payer_id=row.payer_id,
        name=row.payer_name,
        unit=above[row.unit_id],
        invoice_title=row.invoice_title,
        tax_number=row.tax_number,
        weight=row.weight,
        owns_spares=row.owns_spares,
    )
