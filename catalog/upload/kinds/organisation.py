"""Units, unions and members."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text

from catalog.county.pair import UnknownUnit
from catalog.upload.kind import Column, Kind, Layout, Saving
from catalog.upload.kinds.county import FIRST
from shop.access.known_people import known_people, people_one_by_one
from shop.access.list_people import Said, add_people
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.organisation.members import AlreadyPlanned, join_union, join_unit, serve_unit
from shop.organisation.unions import add_union
from shop.organisation.units import add_unit, move_unit
from shop.sheet.cells import Cells


class UnknownUnion(Problem):
    status = 422
    code = "union_unknown"
    title = "没有这个工会编号"


@dataclass(frozen=True, slots=True)
class UnitRow:
    code: str
    name: str
    province: str | None
    parent_code: str | None
    valid_from: date


@dataclass(frozen=True, slots=True)
class UnionRow:
    code: str
    name: str
    province: str | None
    unit_code: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class MemberRow:
    name: str
    phone: str
    unit_code: str
    union_code: str | None
    valid_from: date


_UNITS = text("SELECT code, id FROM unit WHERE code = ANY(:codes)")
_UNIONS = text("SELECT code, id FROM labour_union WHERE code = ANY(:codes)")


async def _ids(session: WriteSession, codes: set[str], statement: object = _UNITS) -> dict[str, UUID]:
    rows = await session.execute(statement, {"codes": sorted(codes)})  # type: ignore[call-overload]
    return {row.code: row.id for row in rows}


def _unit(cells: Cells) -> UnitRow:
    return UnitRow(
        cells.code("code"),
        cells.text("name"),
        cells.maybe("province"),
        cells.maybe_code("parent_code"),
        cells.day("valid_from"),
    )


async def _save_units(session: WriteSession, rows: Sequence[UnitRow], saving: Saving) -> None:
    """All units first, then the tree: a superior may stand anywhere in the file. A known unit moves from its day on."""
    known = await _ids(session, {code for one in rows for code in (one.code, one.parent_code or one.code)})
    for one in rows:
        if one.code not in known:
            known[one.code] = await add_unit(
                session,
                actor=saving.actor,
                code=one.code,
                name=one.name,
                province=one.province,
                valid_from=one.valid_from,
                now=saving.now,
            )
    orphans = [
        Detail(f"/{i}/parent_code", UnknownUnit.code, f"没有上级单位 {one.parent_code}")
        for i, one in enumerate(rows)
        if one.parent_code and one.parent_code not in known
    ]
    if orphans:
        raise UnknownUnit(errors=orphans)
    for one in rows:
        await move_unit(
            session,
            actor=saving.actor,
            unit_id=known[one.code],
            parent_id=known[one.parent_code] if one.parent_code else None,
            day=one.valid_from,
            now=saving.now,
        )


def _union(cells: Cells) -> UnionRow:
    return UnionRow(
        cells.code("code"),
        cells.text("name"),
        cells.maybe("province"),
        cells.code("unit_code"),
        cells.day("valid_from"),
    )


async def _save_unions(session: WriteSession, rows: Sequence[UnionRow], saving: Saving) -> None:
    """One row per union and unit it serves; a union may stand in several rows."""
    units = await _units_of(session, [one.unit_code for one in rows])
    unions = await _ids(session, {one.code for one in rows}, _UNIONS)
    for one in rows:
        if one.code not in unions:
            unions[one.code] = await add_union(
                session, actor=saving.actor, code=one.code, name=one.name, province=one.province, now=saving.now
            )
        try:
            await serve_unit(session, union_id=unions[one.code], unit_id=units[one.unit_code], day=one.valid_from)
        except AlreadyPlanned:  # it serves that unit already: success
            continue


def _member(cells: Cells) -> MemberRow:
    phone = cells.code("phone")
    if phone and not re.fullmatch(r"1[3-9][0-9]{9}", phone):
        cells.wrong("phone", "不是十一位手机号码")
    return MemberRow(
        cells.name("name", longest=50),
        phone,
        cells.code("unit_code"),
        cells.maybe_code("union_code"),
        cells.day("valid_from"),
    )


async def _save_members(session: WriteSession, rows: Sequence[MemberRow], saving: Saving) -> None:
    """A person is found by phone and name; nobody else's row is shown or kept. The owner's shell acts for everybody:
    nobody is claimed, and all of it is noted.
    """
    units = await _units_of(session, [one.unit_code for one in rows])
    unions = await _ids(session, {one.union_code for one in rows if one.union_code}, _UNIONS)
    unknown = [
        Detail(f"/{i}/union_code", UnknownUnion.code, f"没有工会编号 {one.union_code}，请先导入工会")
        for i, one in enumerate(rows)
        if one.union_code and one.union_code not in unions
    ]
    if unknown:
        raise UnknownUnion(errors=unknown)
    actor, now = saving.actor, saving.now
    await people_one_by_one(session)
    said = {(one.phone, one.name) for one in rows}
    known = await known_people(session, said)
    new = {key: new_id() for key in said if key not in known}
    await add_people(session, {new[phone, name]: Said(name, phone) for phone, name in new}, now=now)
    people = known | new
    for one in rows:
        person_id, day = people[one.phone, one.name], one.valid_from
        await join_unit(session, actor=actor, person_id=person_id, unit_id=units[one.unit_code], day=day, now=now)
        if one.union_code:
            union_id = unions[one.union_code]
            await join_union(session, actor=actor, person_id=person_id, union_id=union_id, day=day, now=now)


async def _units_of(session: WriteSession, codes: Sequence[str]) -> dict[str, UUID]:
    known = await _ids(session, set(codes))
    unknown = [
        Detail(f"/{i}/unit_code", UnknownUnit.code, f"没有单位编号 {code}，请先导入单位")
        for i, code in enumerate(codes)
        if code not in known
    ]
    if unknown:
        raise UnknownUnit(errors=unknown)
    return known


_PROVINCE = Column("province", "省份", "上海市", needed=False)
_UNIT = Column("unit_code", "单位编号", "DEMO-1")
UNITS = Kind(
    "units",
    "单位",
    (
        Layout(
            (
                Column("code", "单位编号", "DEMO-1"),
                Column("name", "单位名称", "示例银行第一分行（虚构）"),
                _PROVINCE,
                Column("parent_code", "上级单位编号", "DEMO", needed=False),
                FIRST,
            ),
            _unit,
        ),
    ),
    _save_units,
)
UNIONS = Kind(
    "unions",
    "工会",
    (
        Layout(
            (
                Column("code", "工会编号", "DEMO-U1"),
                Column("name", "工会名称", "示例银行第一分行工会（虚构）"),
                _PROVINCE,
                _UNIT,
                FIRST,
            ),
            _union,
        ),
    ),
    _save_unions,
)
MEMBERS = Kind(
    "members",
    "职工与会员",
    (
        Layout(
            (
                Column("name", "姓名", "职工甲（虚构）"),
                Column("phone", "手机", "13800138000"),
                _UNIT,
                Column("union_code", "工会编号", "DEMO-U1", needed=False),
                FIRST,
            ),
            _member,
        ),
    ),
    _save_members,
    keeps_rows=False,
)
