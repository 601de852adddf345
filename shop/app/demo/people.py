"""Invented people of an invented bank, and of a company that has nothing to do with it. Safe to run again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from orders.canteen.sign_contract import NewContract, sign_contract
from shop.access.account.passwords import hash_password
from shop.access.models import UserAccount
from shop.access.permissions import Grant, Role
from shop.access.users import create_user, grant_role
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.organisation.invite import invite
from shop.organisation.members import introduce, join_union, join_unit, serve_unit
from shop.organisation.models import Union, Unit
from shop.organisation.unions import add_union
from shop.organisation.units import add_canteen, add_unit

PASSWORD: Final = "demo-password-2026"  # noqa: S105  # printed by `make serve`, of development only
SINCE: Final = date(2021, 1, 1)
LINK_CODE: Final = "demo-friends"
PROVINCE: Final = "上海市"

UNITS: Final = {
    "DEMO": ("示例银行（虚构）", None),
    "DEMO-1": ("示例银行第一分行（虚构）", "DEMO"),
    "DEMO-2": ("示例银行第二分行（虚构）", "DEMO"),
    "DEMO-3": ("示例银行第三分行（虚构）", "DEMO"),
    "DEMO-4": ("示例银行第四分行（虚构）", "DEMO"),
    "OTHER": ("另一示例公司（虚构）", None),
}
UNIONS: Final = {
    "DEMO-U": ("示例银行工会（虚构）", "DEMO"),
    "DEMO-U1": ("示例银行第一分行工会（虚构）", "DEMO-1"),
    "DEMO-U2": ("示例银行第二分行工会（虚构）", "DEMO-2"),
    "DEMO-U3": ("示例银行第三分行工会（虚构）", "DEMO-3"),
    "DEMO-U4": ("示例银行第四分行工会（虚构）", "DEMO-4"),
    "OTHER-U": ("另一示例公司工会（虚构）", "OTHER"),
}


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody to sign in as. unit: where they work; scope: the unit in which the role holds (None: everywhere)."""

    email: str
    name: str
    phone: str
    role: Role | None
    unit: str | None = None
    scope: str | None = None
    union: str | None = None


CHARACTERS: Final = (
    Character("employee@demo.test", "职工甲（虚构）", "13800138001", Role.EMPLOYEE, "DEMO-1", "DEMO-1", "DEMO-U1"),
    Character("outside@demo.test", "亲友乙（虚构）", "13800138002", Role.OUTSIDE_BUYER, None, "DEMO"),
    Character("union.buyer@demo.test", "经办丙（虚构）", "13800138003", Role.UNION_BUYER, "DEMO-1", "DEMO", "DEMO-U"),
    Character(
        "union.approver@demo.test", "审批丁（虚构）", "13800138004", Role.UNION_APPROVER, "DEMO", "DEMO", "DEMO-U"
    ),
    Character(
        "union.receiver@demo.test", "验收戊（虚构）", "13800138005", Role.UNION_RECEIVER, "DEMO-1", "DEMO", "DEMO-U"
    ),
    Character(
        "union.witness@demo.test", "验收未（虚构）", "13800138014", Role.UNION_RECEIVER, "DEMO-2", "DEMO", "DEMO-U2"
    ),
    Character("canteen@demo.test", "食堂己（虚构）", "13800138006", Role.CANTEEN_BUYER, "DEMO-1", "DEMO-1"),
    Character("canteen.receiver@demo.test", "验收寅（虚构）", "13800138013", Role.UNION_RECEIVER, "DEMO-1", "DEMO-1"),
    Character("staff@demo.test", "帮扶办庚（虚构）", "13800138007", Role.STAFF, "DEMO", "DEMO"),
    Character("staff.second@demo.test", "帮扶办辛（虚构）", "13800138008", Role.STAFF, "DEMO", "DEMO"),
    Character("county@demo.test", "县审壬（虚构）", "13800138009", None),
    Character("supplier@demo.test", "供应商癸（虚构）", "13800138010", None),
    Character("auditor@demo.test", "审计子（虚构）", "13800138011", Role.AUDITOR, None, "DEMO"),
    Character("admin@demo.test", "管理丑（虚构）", "13800138012", Role.ADMINISTRATOR),
    Character("admin.second@demo.test", "管理卯（虚构）", "13800138015", Role.ADMINISTRATOR),
    Character("platform@demo.test", "平台辰（虚构）", "13800138016", Role.STAFF),
    Character("platform.second@demo.test", "平台巳（虚构）", "13800138017", Role.STAFF),
    Character("employee@other.test", "外职工午（虚构）", "13800138018", Role.EMPLOYEE, "OTHER", "OTHER", "OTHER-U"),
    Character(
        "union.buyer@other.test", "外经办申（虚构）", "13800138019", Role.UNION_BUYER, "OTHER", "OTHER", "OTHER-U"
    ),
    Character(
        "union.approver@other.test",
        "外审批酉（虚构）",
        "13800138020",
        Role.UNION_APPROVER,
        "OTHER",
        "OTHER",
        "OTHER-U",
    ),
    Character("staff@other.test", "外帮扶戌（虚构）", "13800138021", Role.STAFF, "OTHER", "OTHER"),
    Character("admin@other.test", "外管理亥（虚构）", "13800138022", Role.ADMINISTRATOR, None, "OTHER"),
    Character("auditor@other.test", "外审计元（虚构）", "13800138023", Role.AUDITOR, None, "OTHER"),
)


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """unit_ids: by unit code (DEMO, DEMO-1 … DEMO-4, OTHER); user_ids: by email."""

    unit_ids: Mapping[str, UUID]
    user_ids: Mapping[str, UUID]


async def seed_people(database: Database) -> DemoPeople:
    """Units, unions, accounts, and the invitation link; what is there already stays as it is.

    Roles of the county reviewer and the supplier need a county and a supplier: see `grant_goods_roles`.
    """
    now = clock.now()
    password_hash = await hash_password(PASSWORD)  # argon2 is slow: once for all of them
    async with database.transaction() as session:
        unit_ids = await _units(session, now)
        union_ids = await _unions(session, unit_ids, now)
        await invite(session, code=LINK_CODE, unit_id=unit_ids["DEMO"], day=SINCE)
        user_ids = {row.email: row.id for row in await session.execute(_ACCOUNTS)}
        for character in CHARACTERS:
            if character.email not in user_ids:
                user_ids[character.email] = await _arrive(session, character, password_hash, unit_ids, union_ids, now)
    return DemoPeople(unit_ids, user_ids)


async def grant_goods_roles(database: Database, people: DemoPeople, *, supplier_id: UUID, county_code: str) -> None:
    """supplier@demo.test sells for this supplier, county@demo.test reviews for this county (six digits)."""
    now = clock.now()
    async with database.transaction() as session:
        for email, grant in (
            ("supplier@demo.test", Grant(Role.SUPPLIER, "supplier", str(supplier_id))),
            ("county@demo.test", Grant(Role.COUNTY_REVIEWER, "county", county_code)),
        ):
            await grant_role(
                session, actor_id=None, user_id=people.user_ids[email], grant=grant, valid_from=SINCE, now=now
            )


_ACCOUNTS: Final = select(col(UserAccount.id), col(UserAccount.email)).where(
    col(UserAccount.email).in_([character.email for character in CHARACTERS])
)


async def _units(session: WriteSession, now: datetime) -> dict[str, UUID]:
    found = await session.execute(select(col(Unit.code), col(Unit.id)).where(col(Unit.code).in_(UNITS)))
    unit_ids = {row.code: row.id for row in found}
    for code, (name, parent) in UNITS.items():
        if code not in unit_ids:
            unit_ids[code] = await add_unit(
                session,
                actor=None,
                code=code,
                name=name,
                province=PROVINCE,
                parent_id=unit_ids[parent] if parent else None,
                valid_from=SINCE,
                now=now,
            )
            if code == "DEMO-1":
                await _canteen(session, unit_ids[code], now)
    return unit_ids


async def _canteen(session: WriteSession, unit_id: UUID, now: datetime) -> None:
    """It buys for itself, and pays within thirty days after acceptance."""
    canteen_id = await add_canteen(session, unit_id=unit_id, name="第一分行食堂（虚构）", now=now)
    contract = NewContract(
        payer_kind="canteen",
        payer_name="第一分行食堂（虚构）",
        invoice_title=UNITS["DEMO-1"][0],
        credit_days=30,
        contact_name="食堂仓管（虚构）",
        contact_phone="13800138014",
        region_code="310101",
        street="示例路一号后门（虚构）",
        valid_from=SINCE,
        source="食堂采购合同（虚构）",
    )
    await sign_contract(session, actor=None, canteen_id=canteen_id, contract=contract, now=now)


async def _unions(session: WriteSession, unit_ids: Mapping[str, UUID], now: datetime) -> dict[str, UUID]:
    found = await session.execute(select(col(Union.code), col(Union.id)).where(col(Union.code).in_(UNIONS)))
    union_ids = {row.code: row.id for row in found}
    for code, (name, unit) in UNIONS.items():
        if code not in union_ids:
            union_ids[code] = await add_union(session, actor=None, code=code, name=name, province=PROVINCE, now=now)
            await serve_unit(session, union_id=union_ids[code], unit_id=unit_ids[unit], day=SINCE)
    return union_ids


async def _arrive(
    session: WriteSession,
    who: Character,
    password_hash: str,
    unit_ids: Mapping[str, UUID],
    union_ids: Mapping[str, UUID],
    now: datetime,
) -> UUID:
    made = await create_user(
        session, actor=None, email=who.email, name=who.name, phone=who.phone, password_hash=password_hash, now=now
    )
    person_id = made.person_id
    if who.unit:
        await join_unit(session, actor=None, person_id=person_id, unit_id=unit_ids[who.unit], day=SINCE, now=now)
    if who.union:
        await join_union(session, actor=None, person_id=person_id, union_id=union_ids[who.union], day=SINCE, now=now)
    if who.role is Role.OUTSIDE_BUYER:
        await introduce(
            session,
            actor=None,
            person_id=person_id,
            unit_id=unit_ids["DEMO"],
            link_code=LINK_CODE,
            day=SINCE,
            now=now,
        )
    if who.role:
        grant = Grant(who.role, "unit", str(unit_ids[who.scope])) if who.scope else Grant(who.role, "all", "*")
        await grant_role(session, actor_id=None, user_id=made.user_id, grant=grant, valid_from=SINCE, now=now)
    return made.user_id
