"""A union's desk with people, money and rules, and purchases on it, made by the shop's own verbs."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import get_args
from uuid import UUID

from sqlalchemy import text

from orders.bulk.approval.approve import approve
from orders.bulk.approval.submit import submit
from orders.bulk.plan.create import create
from orders.bulk.plan.schemas import PlanIn
from orders.spending.models import Festival, Purpose, SpendingRule
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.models import Union, UnionUnit, Unit, UnitParent
from tests.make.budget import adopted
from tests.make.shop import LONG_AGO, SmallShop, buyer, small_shop

PROVINCE = "上海市"


@dataclass(frozen=True)
class Desk:
    """The bank's union with one clerk, three approvers and two receivers; members are spread over the branches."""

    database: Database
    shop: SmallShop
    union: UUID
    branches: tuple[UUID, ...]
    clerk: Actor
    approvers: tuple[Actor, ...]
    receivers: tuple[Actor, ...]
    members: tuple[UUID, ...]
    """Person ids, in their order: member n works at branch n modulo the number of branches."""


@dataclass(frozen=True)
class Plan:
    desk: Desk
    id: UUID
    ship_on: date


async def a_desk(
    database: Database,
    *,
    members: int = 6,
    branches: int = 2,
    pieces: int = 1_000,
    budget_fen: int = 10**11,
    approvers: int = 1,
    quotes: int = 0,
    notice_days: int = 0,
) -> Desk:
    """Rules: one tier for every amount, as the arguments say; a directed purchase may be made; 6,000 yuan a head."""
    shop = await small_shop(database, pieces=pieces)
    now = clock.now()
    union = Union(id=new_id(), code=f"U{new_id()}", name="示例银行工会（虚构）", province=PROVINCE, created_at=now)
    more = [
        Unit(id=new_id(), code=f"B{n}", name=f"示例银行{n}分行（虚构）", valid_from=LONG_AGO, created_at=now)
        for n in range(2, branches + 1)
    ]
    async with database.transaction() as session:
        session.add_all([union, *more])
        await session.flush()
        session.add(UnionUnit(id=new_id(), union_id=union.id, unit_id=shop.bank, valid_from=LONG_AGO))
        session.add_all(UnitParent(id=new_id(), unit_id=u.id, parent_id=shop.bank, valid_from=LONG_AGO) for u in more)
        session.add_all(_rules(approvers, quotes, notice_days))
    places = (shop.branch, *(u.id for u in more))[:branches]
    clerk, *others = [
        await _officer(database, role, shop.bank)
        for role in (Role.UNION_BUYER, *[Role.UNION_APPROVER] * 3, *[Role.UNION_RECEIVER] * 2)
    ]
    if budget_fen:
        year = clock.today().year
        for fiscal_year in (year, year + 1):
            await adopted(database, others[0], union.id, budget_fen, year=fiscal_year)
    people = await _members(database, union.id, places, members, now)
    return Desk(database, shop, union.id, places, clerk, tuple(others[:3]), tuple(others[3:]), people)


def requested(desk: Desk, **changes: object) -> PlanIn:
    """Everybody gets the gift box of two counties; a site for each branch."""
    ship_on = clock.today() + timedelta(days=30)
    plan: dict[str, object] = {
        "title": "端午慰问（虚构）",
        "union_id": desk.union,
        "unit_id": desk.shop.bank,
        "purpose": "festival",
        "festival": "dragon_boat",
        "budget_fen": 5_000 * (len(desk.members) + 10),
        "ship_on": ship_on,
        "fiscal_year": ship_on.year,
        "packages": [{"name": "示例礼盒", "lines": [{"sku_id": desk.shop.box, "pieces": 1}]}],
        "sites": [
            {"unit_id": unit, "name": f"收货点{n}", "region_code": "310101", "street": f"示例路{n}号"}
            for n, unit in enumerate(desk.branches, 1)
        ],
    }
    return PlanIn.model_validate(plan | changes)


async def a_plan(
    database: Database,
    *,
    desk: Desk | None = None,
    members: int = 6,
    state: str = "approved",
    **changes: object,
) -> Plan:
    """A purchase in state draft, submitted or approved; `changes` are fields of `PlanIn`."""
    desk = desk or await a_desk(database, members=members)
    plan = requested(desk, **changes)
    async with database.transaction() as session:
        plan_id = await create(session, actor=desk.clerk, plan=plan, key=str(new_id()), now=clock.now())
    made = Plan(desk, plan_id, plan.ship_on)
    if state in {"submitted", "approved"}:
        await submitted(made)
    if state == "approved":
        await approved(made)
    return made


async def submitted(plan: Plan) -> None:
    async with plan.desk.database.transaction() as session:
        done = await submit(session, actor=plan.desk.clerk, purchase_id=plan.id, now=clock.now())
        assert done.refusal is None, done.refusal


async def approved(plan: Plan, *, by: int = 0) -> None:
    """By one of the desk's approvers, of what is submitted now."""
    async with plan.desk.database.transaction() as session:
        await approve(
            session,
            actor=plan.desk.approvers[by],
            purchase_id=plan.id,
            content_sha256=await sha_of(plan),
            now=clock.now(),
        )


async def stands(plan: Plan) -> str:
    """Its state."""
    return str(await one(plan, "SELECT state FROM bulk_purchase WHERE id = :id"))


async def sha_of(plan: Plan) -> str:
    return str(await one(plan, "SELECT content_sha256 FROM bulk_purchase WHERE id = :id"))


async def one(plan: Plan, statement: str, **named: object) -> object:
    async with plan.desk.database.reading() as session:
        return await session.scalar(text(statement), {"id": plan.id} | named)


async def _officer(database: Database, role: Role, unit: UUID) -> Actor:
    """Works at the bank and holds the role there, in the books and in the token; no member of the union."""
    somebody = await buyer(database, works_at=unit)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE role_grant SET role = :role, scope_kind = 'unit', scope_id = :unit WHERE user_id = :user"),
            {"role": role, "unit": str(unit), "user": somebody.user_id},
        )
    return replace(somebody, grants=(Grant(role, "unit", str(unit)),))


async def _members(
    database: Database, union: UUID, branches: tuple[UUID, ...], count: int, now: datetime
) -> tuple[UUID, ...]:
    people = [new_id() for _ in range(count)]
    rows = as_rows(
        {"person": str(person), "unit": str(branches[n % len(branches)]), "m": str(new_id()), "u": str(new_id())}
        for n, person in enumerate(people)
    )
    opened = " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(index int, person uuid, unit uuid, m uuid, u uuid)"
    facts = {"rows": rows, "now": now, "un": union, "since": LONG_AGO}
    async with database.transaction() as session:
        for statement in (
            f"INSERT INTO person (id, name, created_at) SELECT person, '会员' || index, :now{opened}",
            f"INSERT INTO membership (id, person_id, unit_id, valid_from) SELECT m, person, unit, :since{opened}",
            f"INSERT INTO union_membership (id, person_id, union_id, valid_from) SELECT u, person, :un, :since{opened}",
        ):
            await session.execute(text(statement), facts)
    return tuple(people)


def _rules(approvers: int, quotes: int, notice_days: int) -> list[SpendingRule]:
    def rule(kind: str, **more: object) -> SpendingRule:
        return SpendingRule(
            id=new_id(),
            code=f"TEST-{kind}",
            kind=kind,
            title=f"示例规定 {kind}",
            source_title="示例经费办法（虚构）",
            valid_from=LONG_AGO,
            recorded_at=clock.now(),
            **more,  # type: ignore[arg-type]
        )

    return [
        rule("tier", from_fen=0, approvers=approvers, quotes=quotes, notice_days=notice_days),
        rule("cap", amount_fen=600_000, basis="person", cap_window="year"),
        rule("purpose", allows=list(get_args(Purpose))),
        rule("festival", allows=list(get_args(Festival))),
        rule("cap_year", year_of="payment"),
        rule("directed", allows=["one_paired_cooperative", "all_assisted"]),
    ]
