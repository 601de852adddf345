"""A union's list of people at a cut-off day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from catalog.county.pair import UnknownUnit
from catalog.upload.kind import Column, Kind, Layout, Saving
from shop.access.contact import BadContact, checked_phone
from shop.access.permissions import Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.organisation.claim_queries import claims_of
from shop.organisation.queries import visible_unit_ids
from shop.organisation.roster_people import Listed
from shop.organisation.roster_queries import Difference, changes_of
from shop.organisation.rosters import save_roster
from shop.sheet.cells import Cells

ROWS_MAX: Final = 60_000
STATUS_WORDS: Final = {"在职": "active", "退休": "retired", "离岗": "on_leave", "请假": "on_leave"}
COLUMNS: Final = (
    Column("staff_number", "工号", "A0001"),
    Column("name", "姓名", "职工甲（虚构）"),
    Column("phone", "手机", "13800138000", needed=False),
    Column("unit_code", "单位编号", "DEMO-1"),
    Column("department", "部门", "综合部", needed=False),
    Column("status", "状态", "在职", needed=False),
)


@dataclass(frozen=True, slots=True)
class RosterRow:
    staff_number: str
    name: str
    phone: str | None
    unit_code: str
    department: str
    status: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What a list changes, its first changes with names and its first rows that wait, as shown before saving."""

    made: Difference
    shown: tuple[Row[Any], ...]
    claims: tuple[Row[Any], ...]


_UNITS = text("""
SELECT code, id FROM unit WHERE code = ANY(:codes)
    AND (CAST(:visible AS uuid[]) IS NULL OR id = ANY(:visible))
""")


def roster_kind(
    union_id: UUID, as_of: date, *, after: UUID | None, file_sha256: str, found: list[Compared]
) -> Kind[RosterRow]:
    """A list of this union at this day, following the list `after`; what it changes is put into `found`."""

    async def save(session: WriteSession, rows: Sequence[RosterRow], saving: Saving) -> None:
        keeps = await _kept(session, saving)
        units = await _units(session, rows, keeps)
        people = [
            Listed(one.staff_number, one.name, one.phone, units[one.unit_code], one.department, one.status)
            for one in rows
        ]
        made = await save_roster(
            session,
            actor=saving.actor,
            keeps=keeps,
            union_id=union_id,
            as_of=as_of,
            people=people,
            file_sha256=file_sha256,
            after=after,
            now=saving.now,
            acknowledged=saving.acknowledged,
        )
        _, shown = await changes_of(session, made.roster_id)
        _, claims = await claims_of(session, made.roster_id)
        found.append(Compared(made, tuple(shown), tuple(claims)))

    return Kind(
        f"roster:{union_id}:{as_of}:{after or '-'}",
        "工会会员名册",
        (Layout(COLUMNS, _read),),
        save,
        keeps_rows=False,
        rows_max=ROWS_MAX,
        key=lambda row: row.staff_number or None,
    )


def _read(cells: Cells) -> RosterRow:
    phone = cells.maybe("phone")
    if phone:
        try:
            phone = checked_phone(phone)
        except BadContact as problem:
            cells.wrong("phone", problem.detail)
    return RosterRow(
        cells.code("staff_number", longest=40),
        cells.name("name"),
        phone,
        cells.code("unit_code"),
        (cells.maybe("department") or "")[:80],
        cells.choice("status", STATUS_WORDS, blank="active"),
    )


async def _kept(session: WriteSession, saving: Saving) -> frozenset[UUID] | None:
    """The units whose lists the actor keeps today; None: all of them."""
    if saving.actor is None:
        return None
    return await visible_unit_ids(session, saving.actor, Permission.ROSTER_IMPORT, clock.business_day(saving.now))


async def _units(session: WriteSession, rows: Sequence[RosterRow], keeps: frozenset[UUID] | None) -> dict[str, UUID]:
    """Code → unit, of those whose lists the actor keeps. Raises UnknownUnit."""
    named = {"codes": sorted({one.unit_code for one in rows}), "visible": None if keeps is None else list(keeps)}
    known = {row.code: row.id for row in await session.execute(_UNITS, named)}
    unknown = [
        Detail(f"/{i}/unit_code", UnknownUnit.code, f"没有单位编号 {one.unit_code}，或它不在您的权限范围内")
        for i, one in enumerate(rows)
        if one.unit_code not in known
    ]
    if unknown:
        raise UnknownUnit(errors=unknown)
    return known
