"""Unions with money."""

from dataclasses import dataclass, replace
from uuid import UUID

from orders.budget.version import Paper, adopt
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Union, UnionMembership, UnionUnit
from tests.make.evidence import kept_paper
from tests.make.shop import LONG_AGO, buyer

PAPER = Paper("职代会通过（虚构）", "a" * 64)
YEAR = 2026


@dataclass(frozen=True)
class UnionDesk:
    """A union that serves a unit, its buyer and its approver."""

    union: UUID
    unit: UUID
    clerk: Actor
    approver: Actor


async def union_desk(database: Database, unit_id: UUID, *, budget_fen: int = 0, year: int = YEAR) -> UnionDesk:
    """budget_fen 0: no budget was adopted."""
    union = Union(id=new_id(), code=str(new_id()), name="示例工会（虚构）", created_at=clock.now())
    async with database.transaction() as session:
        session.add(union)
        await session.flush()
        session.add(UnionUnit(id=new_id(), union_id=union.id, unit_id=unit_id, valid_from=LONG_AGO))
    clerk, approver = [
        replace(await buyer(database), grants=(Grant(role, "unit", str(unit_id)),))
        for role in (Role.UNION_BUYER, Role.UNION_APPROVER)
    ]
    if budget_fen:
        await adopted(database, approver, union.id, budget_fen, year=year)
    return UnionDesk(union.id, unit_id, clerk, approver)


async def adopted(database: Database, actor: Actor, union_id: UUID, amount_fen: int, *, year: int = YEAR) -> None:
    async with database.transaction() as session:
        await kept_paper(session, PAPER.document_sha256, by=actor.user_id)
        await adopt(
            session,
            actor=actor,
            union_id=union_id,
            fiscal_year=year,
            amount_fen=amount_fen,
            paper=PAPER,
            now=clock.now(),
        )


async def joined(database: Database, union_id: UUID, *people: Actor) -> None:
    async with database.transaction() as session:
        session.add_all(
            UnionMembership(id=new_id(), person_id=one.person_id, union_id=union_id, valid_from=LONG_AGO)
            for one in people
        )
