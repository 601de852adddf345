"""Two companies that know nothing of each other, each with a union, who keeps its list, and people."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text

from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.members import join_unit
from tests.make.caller import as_caller
from tests.make.catalogue import rows
from tests.make.people import Somebody, somebody
from tests.make.roster import DAY_ONE, Desk, desk, union
from tests.make.units import SINCE, unit

STANDS = """
SELECT p.name, p.phone, u.code, m.valid_from, m.valid_to FROM person p
LEFT JOIN membership m ON m.person_id = p.id LEFT JOIN unit u ON u.id = m.unit_id ORDER BY 1, 2, 4
"""


@dataclass(frozen=True)
class Two:
    """ours hands in lists that name people of theirs."""

    ours: Desk
    theirs: Desk


def actor_of(who: Somebody, *grants: Grant) -> Actor:
    return Actor(who.user_id, who.person_id, new_id(), grants)


async def two_companies(database: Database) -> Two:
    ours = await desk(database)
    other = await unit(database, "O")
    branch = await unit(database, "O1", under=other)
    made = await union(database, "OU", other, branch)
    grant = Grant(Role.UNION_BUYER, "unit", str(other))
    keeper = await somebody(database, "other.union@example.com", grant, name="另一家经办")
    return Two(ours, Desk(made, other, branch, actor_of(keeper, grant), keeper.email))


async def employee(
    database: Database, at: UUID, name: str, phone: str, *grants: Grant, email: str = "", since: date = SINCE
) -> Somebody:
    """Somebody with an account and a proven phone who works there."""
    who = await somebody(database, email or f"{phone}@example.com", *grants, name=name, phone=phone)
    async with database.transaction() as session:
        await join_unit(session, actor=None, person_id=who.person_id, unit_id=at, day=since, now=clock.now())
    return who


async def hand_in(
    app: FastAPI, at: Desk, data: bytes, day: date = DAY_ONE, *, who: Actor | None = None, dry_run: bool = False
) -> Response:
    async with as_caller(app, who or at.buyer) as caller:
        return await caller.post(
            "/api/v1/rosters",
            files={"file": ("roster.csv", data)},
            data={"union_id": str(at.union), "as_of": str(day)},
            params={"dry_run": "true"} if dry_run else {},
        )


async def waiting(app: FastAPI, who: Actor) -> list[dict[str, object]]:
    """Claims that this person may decide."""
    async with as_caller(app, who) as caller:
        answer = await caller.get("/api/v1/membership-claims")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def decide(app: FastAPI, who: Actor, claim: object, verdict: str = "confirm") -> Response:
    async with as_caller(app, who) as caller:
        body = {"reason": "仍在本单位（虚构）"} if verdict == "refuse" else None
        return await caller.post(f"/api/v1/membership-claims/{claim}/{verdict}", json=body)


async def claims(database: Database) -> list[tuple[object, ...]]:
    """Each claim: staff number, state."""
    return await rows(database, "SELECT staff_number, state FROM membership_claim ORDER BY asked_at, staff_number")


async def works_at(database: Database, person_id: UUID) -> list[tuple[object, ...]]:
    """Unit code, first day, last day (exclusive) of each membership."""
    async with database.reading() as session:
        found = await session.execute(
            text("""SELECT u.code, m.valid_from, m.valid_to FROM membership m JOIN unit u ON u.id = m.unit_id
                WHERE m.person_id = :person ORDER BY 2"""),
            {"person": person_id},
        )
        return [tuple(row) for row in found]
