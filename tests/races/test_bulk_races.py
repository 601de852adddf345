"""Approvers, buyers and their double clicks at the same moment, on connections of their own."""

import asyncio
from typing import Any

import pytest

from orders.bulk.approval.approve import approve
from orders.bulk.approval.submit import submit
from orders.bulk.plan.cancel import cancel
from orders.bulk.plan.change_plan import change_plan
from orders.bulk.plan.schemas import PlanPatch
from orders.bulk.problems import ApprovalStale, WrongState
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from tests.make.bulk import Plan, a_desk, a_plan, one, sha_of, stands

pytestmark = pytest.mark.anyio


async def yes(plan: Plan, actor: Actor, sha: str) -> str:
    async with plan.desk.database.transaction() as session:
        done = await approve(session, actor=actor, purchase_id=plan.id, content_sha256=sha, now=clock.now())
        return done.state


async def change(plan: Plan) -> None:
    async with plan.desk.database.transaction() as session:
        patch = PlanPatch(spare_pieces=1)
        await change_plan(session, actor=plan.desk.clerk, purchase_id=plan.id, patch=patch, now=clock.now())


async def all_of(*calls: Any) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


async def events(plan: Plan, state: str) -> object:
    return await one(
        plan,
        "SELECT count(*) FROM bulk_event WHERE purchase_id = :id AND state = :state AND skipped_by_rule_id IS NULL",
        state=state,
    )


async def test_two_approvers_at_once_approve_once(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    sha = await sha_of(plan)
    ends = await all_of(*(yes(plan, approver, sha) for approver in plan.desk.approvers))
    assert ends.count("approved") == 1
    assert [type(end) for end in ends if end != "approved"] == [WrongState, WrongState]
    assert await events(plan, "approved") == 1
    assert await one(plan, "SELECT sum(used_fen)::bigint FROM spending_counter") == 27_000


async def test_a_double_click_is_one_approval(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    sha = await sha_of(plan)
    ends = await all_of(*(yes(plan, plan.desk.approvers[0], sha) for _ in range(6)))
    assert ends == ["approved"] * 6
    assert await one(plan, "SELECT count(*) FROM bulk_approval WHERE purchase_id = :id") == 1


async def test_two_of_two_are_two_steps(database: Database) -> None:
    plan = await a_plan(database, desk=await a_desk(database, approvers=3), state="submitted")
    sha = await sha_of(plan)
    ends = await all_of(*(yes(plan, approver, sha) for approver in plan.desk.approvers[:2] * 3))
    assert set(ends) == {"submitted"}
    steps = await one(plan, "SELECT array_agg(step ORDER BY step) FROM bulk_approval WHERE purchase_id = :id")
    assert steps == [1, 2]


async def test_a_change_while_approving_leaves_no_approval_of_what_was_not_seen(database: Database) -> None:
    desk = await a_desk(database)
    for _ in range(4):
        plan = await a_plan(database, desk=desk, state="submitted")
        sha = await sha_of(plan)
        approved, changed = await all_of(yes(plan, plan.desk.approvers[0], sha), change(plan))
        assert changed is None
        assert approved == "approved" or isinstance(approved, ApprovalStale)
        assert await stands(plan) == "draft"  # whichever came first, the changed content is nobody's approval
        assert await one(plan, "SELECT sum(balance_fen)::bigint FROM account WHERE kind = 'encumbrance'") == 0
        assert await one(plan, "SELECT coalesce(sum(used_fen), 0)::bigint FROM spending_counter") == 0


async def test_submitted_and_cancelled_at_once(database: Database) -> None:
    plan = await a_plan(database, state="draft")

    async def hand_in() -> None:
        async with database.transaction() as session:
            await submit(session, actor=plan.desk.clerk, purchase_id=plan.id, now=clock.now())

    async def give_up() -> None:
        async with database.transaction() as session:
            await cancel(session, actor=plan.desk.clerk, purchase_id=plan.id, reason="示例", now=clock.now())

    await all_of(hand_in(), give_up(), hand_in())
    assert await stands(plan) == "cancelled"
    assert await events(plan, "submitted") in {0, 1}
