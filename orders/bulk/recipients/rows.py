"""A list of recipients, row by row: what each says, and whether it can be true. Nothing here reads a database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from catalog.upload.kind import Column, Layout
from shop.access.contact import BadContact, checked_phone
from shop.core.errors import Detail
from shop.organisation.address_book import names_a_place
from shop.sheet.cells import Cells
from shop.sheet.read import SheetRow
from shop.sheet.table import Table

PIECES_MOST: Final = 10_000
COLUMNS: Final = (
    Column("name", "收件人", "职工甲（虚构）"),
    Column("phone", "手机", "13800138000"),
    Column("region", "省市县", "上海市黄浦区"),
    Column("street", "详细地址", "示例路 1 号"),
    Column("staff_number", "工号", "A0001", needed=False),
    Column("unit_code", "单位编号", "DEMO-1", needed=False),
    Column("package", "套餐", "", needed=False),
    Column("quantity", "份数", "1", needed=False),
)
TITLES: Final = {one.name: one.title for one in COLUMNS}


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says. number: of the file's row, from 1. package, unit and staff number may be left out."""

    number: int
    name: str
    phone: str
    region: str
    street: str
    staff_number: str | None
    unit_code: str | None
    package: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """A row that can be saved. person_id None: the recipient is no member, but takes for a branch."""

    row: int
    name: str
    phone: str
    region_code: str
    street: str
    person_id: UUID | None
    unit_id: UUID
    package_id: UUID
    quantity: int


@dataclass(frozen=True, slots=True)
class Member:
    person_id: UUID
    staff_number: str | None
    name: str | None
    phone: str | None
    unit_id: UUID
    package_id: UUID


@dataclass(slots=True)
class Purchase:
    """What a list is held against. units: code → id of the members' units; packages: name → id."""

    members: Sequence[Member]
    units: Mapping[str, UUID]
    packages: Mapping[str, UUID]
    by_number: dict[str, Member] = field(init=False)
    by_phone: dict[str, Member] = field(init=False)
    by_name: dict[str, Member] = field(init=False)

    def __post_init__(self) -> None:
        names = Counter(one.name for one in self.members)
        self.by_number = {one.staff_number: one for one in self.members if one.staff_number}
        self.by_phone = {one.phone: one for one in self.members if one.phone}
        self.by_name = {one.name: one for one in self.members if one.name and names[one.name] == 1}

    def member(self, said: Said) -> Member | None:
        """By staff number; else by phone; else by a name that only one member has."""
        if said.staff_number:
            return self.by_number.get(said.staff_number)
        by_phone = self.by_phone.get(said.phone)
        if by_phone and by_phone.name == said.name:
            return by_phone
        return self.by_name.get(said.name)


class Regions:
    """Counties of today by code, and by each way in which their name alone, or with what it lies in, is said."""

    def __init__(self, rows: Iterable[tuple[str, str, str, str | None]]) -> None:
        """rows: (code, name or alias, province, prefecture)."""
        self.codes: set[str] = set()
        found: defaultdict[str, set[str]] = defaultdict(set)
        for code, name, province, prefecture in rows:
            self.codes.add(code)
            middle = prefecture or ""
            for before in {"", province, middle, province + middle, province + "市辖区", province + province}:
                found[before + name].add(code)
        self.by_name = {name: next(iter(codes)) for name, codes in found.items() if len(codes) == 1}
        self.ambiguous = {name for name, codes in found.items() if len(codes) > 1}

    def code(self, said: str) -> str | None:
        """Of a six-digit code or a name such as 上海市黄浦区, 上海市 黄浦区, 上海市/上海市/黄浦区."""
        plain = "".join(mark for mark in said if mark not in " /-,，、·|　\t")
        if plain.isdigit():
            return plain if plain in self.codes else None
        return self.by_name.get(plain)


def read(cells: Cells, number: int) -> Said:
    """Mistakes are noted in the cells, and never quote what is personal."""
    phone = cells.code("phone", longest=40)
    if phone:
        try:
            phone = checked_phone(phone)
        except BadContact as problem:
            cells.wrong("phone", problem.detail, "phone_wrong")
            phone = ""
    package, street = cells.maybe("package"), cells.text("street", longest=200)
    if street and not names_a_place(street):
        cells.wrong("street", f"“{street}”不是地址，请填写街道和门牌号")
    return Said(
        number,
        cells.name("name"),
        phone,
        cells.text("region", longest=60),
        street,
        cells.maybe_code("staff_number"),
        cells.maybe_code("unit_code"),
        package,
        cells.whole("quantity", least=1, most=PIECES_MOST) if cells.maybe("quantity") else 1,
    )


LAYOUT: Final = Layout(COLUMNS, lambda cells: read(cells, 0))


def read_rows(
    table: Table, places: Mapping[str, int], rows: Sequence[SheetRow]
) -> tuple[list[Said], list[Detail], list[Detail]]:
    """A part of the table; its mistakes by row and column, and what somebody should look at."""
    said, errors, asked = [], [], []
    for line in rows:
        cells = table.cells(line, places)
        said.append(read(cells, line.number))
        errors += [_detail(line.number, one.column, one.code, one.said) for one in cells.mistakes]
        asked += [_detail(line.number, one.column, one.code, one.said) for one in cells.asked]
    return said, errors, asked


def judge(
    rows: Sequence[Said], purchase: Purchase, regions: Regions, elsewhere: frozenset[str | tuple[str, str]]
) -> tuple[list[Recipient], list[Detail]]:
    """elsewhere: staff numbers, and (phone, name), of members of other unions only."""
    made: list[Recipient] = []
    errors: list[Detail] = []
    phones: dict[str, int] = {}
    people: dict[UUID, int] = {}
    for said in rows:
        wrong = [
            *_twice(
                phones, said.phone, said.number, "phone", "phone_twice", "手机与第 {} 行重复，同一收件人请合并份数"
            ),
        ]
        region = regions.code(said.region)
        if region is None and said.region:
            unclear = said.region in regions.ambiguous
            words = "有同名的县区，请写上省、市" if unclear else "不是现行的县级地区，请写省市县全称或六位代码"
            wrong.append(_detail(said.number, "region", "region_unknown", words))
        member = purchase.member(said)
        if member:
            wrong += _twice(
                people, member.person_id, said.number, "staff_number", "member_twice", "与第 {} 行是同一位会员"
            )
        else:
            unknown = _no_member(said, elsewhere)
            if unknown:  # whose branch and package it is cannot be asked then
                errors += wrong + unknown
                continue
        unit, misplaced = _unit(said, member, purchase)
        package, unpacked = _package(said, member, purchase)
        wrong += misplaced + unpacked
        errors += wrong
        if not wrong and region and unit and package:
            person_id = member.person_id if member else None
            made.append(
                Recipient(
                    said.number, said.name, said.phone, region, said.street, person_id, unit, package, said.quantity
                )
            )
    return made, errors


def totals(rows: Sequence[Recipient], purchase: Purchase) -> list[Detail]:
    """Σ quantities of each package must be what the members get: neither one too few nor one too many."""
    requested = Counter(one.package_id for one in purchase.members)
    given: Counter[UUID] = Counter()
    for one in rows:
        given[one.package_id] += one.quantity
    return [
        Detail(
            "/rows",
            "quantity_total",
            f"“{name}”应为 {requested[package]} 份，表格里合计 {given[package]} 份，"
            + (f"少 {requested[package] - given[package]} 份" if given[package] < requested[package] else "")
            + (f"多 {given[package] - requested[package]} 份" if given[package] > requested[package] else ""),
        )
        for name, package in purchase.packages.items()
        if requested[package] != given[package]
    ]


def _no_member(said: Said, elsewhere: frozenset[str | tuple[str, str]]) -> list[Detail]:
    if said.staff_number:
        if said.staff_number in elsewhere:
            words = "这是另一个工会的会员，不在这次采购里"
            return [_detail(said.number, "staff_number", "other_union", words)]
        words = "这次采购的会员里没有这个工号"
        return [_detail(said.number, "staff_number", "member_unknown", words)]
    if (said.phone, said.name) in elsewhere:
        return [_detail(said.number, "name", "other_union", "这是另一个工会的会员，不在这次采购里")]
    return []


def _unit(said: Said, member: Member | None, purchase: Purchase) -> tuple[UUID | None, list[Detail]]:
    named = purchase.units.get(said.unit_code) if said.unit_code else None
    if said.unit_code and named is None:
        return None, [_detail(said.number, "unit_code", "unit_unknown", "这次采购里没有这个单位编号")]
    if member:
        if named and named != member.unit_id:
            return None, [_detail(said.number, "unit_code", "unit_differs", "与名册里这位会员的单位不同")]
        return member.unit_id, []
    if named:
        return named, []
    if len(purchase.units) == 1:
        return next(iter(purchase.units.values())), []
    return None, [_detail(said.number, "unit_code", "unit_missing", "不是名册里的会员，请填工号或单位编号")]


def _package(said: Said, member: Member | None, purchase: Purchase) -> tuple[UUID | None, list[Detail]]:
    if said.package:
        found = purchase.packages.get(said.package)
        return found, [] if found else [_detail(said.number, "package", "package_unknown", "这次采购里没有这个套餐")]
    if member:
        return member.package_id, []
    if len(purchase.packages) == 1:
        return next(iter(purchase.packages.values())), []
    return None, [_detail(said.number, "package", "package_missing", "请填写套餐名称")]


def _twice(
    seen: dict[str, int] | dict[UUID, int], key: str | UUID, number: int, column: str, code: str, words: str
) -> list[Detail]:
    first = seen.setdefault(key, number)  # type: ignore[arg-type]  # each book has keys of one type
    return [] if first == number or not key else [_detail(number, column, code, words.format(first))]


def _detail(number: int, column: str, code: str, words: str) -> Detail:
    place = f"第 {number} 行“{TITLES[column]}”" if column else f"第 {number} 行"
    return Detail(f"/rows/{number}/{column}".rstrip("/"), code, f"{place}：{words}")
