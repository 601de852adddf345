"""A union that serves a bank and its branch, its buyer, and lists of its people."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.members import serve_unit
from shop.organisation.unions import add_union
from tests.make.people import somebody
from tests.make.units import SINCE, unit

HEADER = "工号,姓名,手机,单位编号,部门,状态\n"


@dataclass(frozen=True)
class Desk:
    union: UUID
    bank: UUID
    branch: UUID
    buyer: Actor
    email: str


async def union(database: Database, code: str, *units: UUID) -> UUID:
    async with database.transaction() as session:
        made = await add_union(session, actor=None, code=code, name=f"{code}工会（虚构）", now=clock.now())
        for one in units:
            await serve_unit(session, union_id=made, unit_id=one, day=SINCE)
    return made


async def desk(database: Database) -> Desk:
    bank = await unit(database, "B")
    branch = await unit(database, "B1", under=bank)
    made = await union(database, "U", bank, branch)
    grant = Grant(Role.UNION_BUYER, "unit", str(bank))
    who = await somebody(database, "union@example.com", grant)
    return Desk(made, bank, branch, Actor(who.user_id, who.person_id, new_id(), (grant,)), who.email)


def listed(*rows: str) -> bytes:
    return (HEADER + "\n".join(rows) + "\n").encode()


DAY_ONE, DAY_TWO = date(2026, 3, 1), date(2026, 9, 1)
