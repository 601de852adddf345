"""Who may approve for somebody else sees what that one sees, no more, and no longer than that one does."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.organisation.members import serve_unit
from tests.make.bulk import Plan, a_desk, a_plan
from tests.make.caller import as_caller, refused
from tests.make.claims import actor_of
from tests.make.people import somebody
from tests.make.units import SINCE, unit

pytestmark = pytest.mark.anyio


async def let(app: FastAPI, plan: Plan, by: Actor, email: str) -> None:
    days = {"valid_from": str(clock.today()), "valid_to": str(clock.today() + timedelta(days=300))}
    body = {"union_id": str(plan.desk.union), "delegate_email": email, "up_to_fen": 10**9} | days
    async with as_caller(app, by) as caller:
        made = await caller.post("/api/v1/bulk-delegations", json=body, headers={"Idempotency-Key": email})
    assert made.status_code == 201, made.text


async def seen(app: FastAPI, plan: Plan, who: Actor) -> list[object]:
    """What the list shows, and how the purchase, its contract and its archive answer."""
    async with as_caller(app, who) as caller:
        listed = (await caller.get("/api/v1/bulk-purchases")).json()["items"]
        return [len(listed)] + [
            (await caller.get(f"/api/v1/bulk-purchases/{plan.id}{more}")).status_code
            for more in ("", "/contract", "/archive")
        ]


async def test_nobody_passes_on_more_than_he_has_nor_longer(app: FastAPI, database: Database) -> None:
    """An approver of one branch; a delegate of another company. Then the head office's approver, whose role ends."""
    plan = await a_plan(database, desk=await a_desk(database), state="submitted")
    branch = plan.desk.branches[0]
    async with database.transaction() as session:
        await serve_unit(session, union_id=plan.desk.union, unit_id=branch, day=SINCE)
    own = Grant(Role.UNION_APPROVER, "unit", str(branch))
    small = actor_of(await somebody(database, "small@example.com", own), own)
    theirs = Grant(Role.UNION_BUYER, "unit", str(await unit(database, "O")))
    friend = actor_of(await somebody(database, "friend@example.com", theirs), theirs)
    nothing = [0, 404, 404, 404]
    assert await seen(app, plan, small) == nothing
    await let(app, plan, small, "friend@example.com")
    assert await seen(app, plan, friend) == nothing
    approver = plan.desk.approvers[0]
    await let(app, plan, approver, "friend@example.com")
    assert await seen(app, plan, friend) == [1, 200, 200, 200]
    async with database.transaction() as session:
        ended = text("UPDATE role_grant SET valid_to = :day WHERE user_id = :user")
        await session.execute(ended, {"day": clock.today(), "user": approver.user_id})
    assert await seen(app, plan, friend) == nothing
    async with as_caller(app, friend) as caller:
        said = {"content_sha256": "0" * 64}
        refused(await caller.post(f"/api/v1/bulk-purchases/{plan.id}/approve", json=said), 404, "not_found")
