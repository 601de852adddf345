"""Change orders: asked for by one, approved by another, of exactly what was shown."""

from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.bulk.approval.authority import DutiesApart, NotApprover
from orders.bulk.change import decide_change
from orders.bulk.change.change_order import ApprovedChange
from orders.bulk.change.decide_change import ChangeOver, approve_change, reject_change
from orders.bulk.change.request_change import request_change
from orders.bulk.problems import ApprovalStale, PlanInvalid, WrongState
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Membership, UnionMembership
from tests.make.browser import browser_of
from tests.make.bulk import Plan, a_plan, one
from tests.make.shop import LONG_AGO, buyer

pytestmark = pytest.mark.anyio


async def ordered(database: Database) -> Plan:
    """The state alone: what an order is made of is another matter."""
    plan = await a_plan(database)
    async with database.transaction() as session:
        await session.execute(text("UPDATE bulk_purchase SET state = 'ordered' WHERE id = :id"), {"id": plan.id})
    return plan


async def newcomer(plan: Plan) -> UUID:
    """Joined the union after the cut-off day."""
    person = (await buyer(plan.desk.database)).person_id
    async with plan.desk.database.transaction() as session:
        session.add(Membership(id=new_id(), person_id=person, unit_id=plan.desk.branches[0], valid_from=LONG_AGO))
        session.add(UnionMembership(id=new_id(), person_id=person, union_id=plan.desk.union, valid_from=LONG_AGO))
    return person


async def asked(plan: Plan, kind: str, **terms: object) -> UUID:
    async with plan.desk.database.transaction() as session:
        return await request_change(
            session,
            actor=plan.desk.clerk,
            purchase_id=plan.id,
            kind=kind,
            terms=terms,
            reason="示例原因",
            now=clock.now(),
        )


async def decided(plan: Plan, change_id: UUID, by: Actor, *, sha: str = "", verb: Any = approve_change) -> Any:
    shown = str(await one(plan, "SELECT content_sha256 FROM bulk_change WHERE id = :change", change=change_id))
    async with plan.desk.database.transaction() as session:
        return await verb(
            session, actor=by, purchase_id=plan.id, change_id=change_id, content_sha256=sha or shown, now=clock.now()
        )


async def test_late_joiners_are_members_and_new(database: Database) -> None:
    plan = await ordered(database)
    person = await newcomer(plan)
    stranger = (await buyer(database)).person_id
    with pytest.raises(PlanInvalid) as refused:
        await asked(plan, "late_joiners", person_ids=[str(person), str(stranger), str(plan.desk.members[0])])
    assert [error.code for error in refused.value.errors] == ["not_a_member", "already_there"]
    change = await asked(plan, "late_joiners", person_ids=[str(person)])
    assert await one(plan, "SELECT amount_fen FROM bulk_change WHERE id = :change", change=change) == 4_500


async def test_a_substitute_is_sold_and_costs_no_more(database: Database) -> None:
    plan = await ordered(database)
    box, dearer = plan.desk.shop.box, new_id()
    for sku, by in ((plan.desk.shop.skus[0], box), (box, dearer)):
        with pytest.raises(PlanInvalid):
            await asked(plan, "substitution", sku_id=str(sku), by_sku_id=str(by))
    await asked(plan, "substitution", sku_id=str(box), by_sku_id=str(plan.desk.shop.skus[3]))


async def test_only_another_approver_and_only_what_he_saw(database: Database) -> None:
    plan = await ordered(database)
    change = await asked(plan, "late_joiners", person_ids=[str(await newcomer(plan))])
    with pytest.raises(DutiesApart):
        await decided(plan, change, plan.desk.clerk)
    with pytest.raises(NotApprover):
        await decided(plan, change, plan.desk.receivers[0])
    with pytest.raises(ApprovalStale):
        await decided(plan, change, plan.desk.approvers[0], sha="a" * 64)
    await decided(plan, change, plan.desk.approvers[0], verb=reject_change)
    with pytest.raises(ChangeOver):
        await decided(plan, change, plan.desk.approvers[1])
    assert await one(plan, "SELECT state FROM bulk_change WHERE id = :change", change=change) == "rejected"


async def test_another_word_on_the_page_asks_and_decides_nothing(app: FastAPI, database: Database) -> None:
    plan = await ordered(database)
    path = f"/union/purchases/{plan.id}"
    change = await asked(plan, "late_joiners", person_ids=[str(await newcomer(plan))])
    count = "SELECT count(*) FROM bulk_change WHERE purchase_id = :id"
    clerk = await browser_of(app, database, plan.desk.clerk)
    for mistyped in ("late", "Cancellation", ""):
        await clerk.open(path)
        goods = {"sku_id": str(plan.desk.shop.box), "by_sku_id": str(plan.desk.shop.skus[3])}
        assert (await clerk.send(f"{path}/changes", kind=mistyped, reason="示例原因", **goods)).status == 422
    assert await one(plan, count) == 1
    approver = await browser_of(app, database, plan.desk.approvers[0])
    action = f"{path}/changes/{change}"
    for mistyped in ("rejected", "Reject", ""):
        await approver.open(path)
        assert (await approver.send(action, do=mistyped)).status == 422
    assert await one(plan, "SELECT state FROM bulk_change WHERE id = :change", change=change) == "requested"
    await approver.open(path)
    await approver.send(action, do="reject")
    assert await one(plan, "SELECT state FROM bulk_change WHERE id = :change", change=change) == "rejected"
    for browser in (clerk, approver):
        await browser.close()


async def test_it_takes_effect_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = await ordered(database)
    seen: list[ApprovedChange] = []

    async def effect(_session: object, _actor: Actor, change: ApprovedChange, _now: object) -> None:
        seen.append(change)

    monkeypatch.setitem(decide_change.EFFECTS, "late_joiners", effect)
    person = await newcomer(plan)
    change = await asked(plan, "late_joiners", person_ids=[str(person)])
    states = [await decided(plan, change, plan.desk.approvers[0]) for _ in range(2)]
    assert states == ["done", "done"]
    assert [(one.kind, one.terms) for one in seen] == [("late_joiners", {"person_ids": [str(person)]})]


async def test_before_the_order_the_plan_itself_is_changed(database: Database) -> None:
    plan = await a_plan(database)
    with pytest.raises(WrongState):
        await asked(plan, "late_joiners", person_ids=[str(await newcomer(plan))])
