"""Approval: of one content, by people who may today, each once; what the database itself refuses."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.bulk.approval.approve import Approved, MinutesMissing, approve, reject
from orders.bulk.approval.authority import DutiesApart, NotApprover
from orders.bulk.approval.delegate import DelegationInvalid, delegate
from orders.bulk.approval.submit import submit
from orders.bulk.move_on import move_on
from orders.bulk.plan.cancel import cancel
from orders.bulk.plan.change_plan import change_plan
from orders.bulk.plan.content import content_hash
from orders.bulk.plan.schemas import PlanPatch
from orders.bulk.problems import ApprovalStale, NoticeOpen, WrongState
from orders.spending.take_caps import CapExceeded
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.ids import new_id
from tests.make.bulk import Plan, a_desk, a_plan, approved, one, sha_of, stands, submitted

pytestmark = pytest.mark.anyio


async def say_yes(plan: Plan, actor: Actor, *, sha: str | None = None, now: datetime | None = None) -> Approved:
    async with plan.desk.database.transaction() as session:
        return await approve(
            session,
            actor=actor,
            purchase_id=plan.id,
            content_sha256=sha or await sha_of(plan),
            now=now or clock.now(),
        )


async def sql(database: Database, statement: str, **named: object) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), named)


async def delegated(plan: Plan, by: Actor, to: Actor, *, up_to_fen: int = 10**9, days: int = 7) -> None:
    async with plan.desk.database.transaction() as session:
        email = await session.scalar(text("SELECT email FROM user_account WHERE id = :u"), {"u": to.user_id})
        await delegate(
            session,
            actor=by,
            union_id=plan.desk.union,
            delegate_email=str(email),
            up_to_fen=up_to_fen,
            valid_from=clock.today(),
            valid_to=clock.today() + timedelta(days=days),
            now=clock.now(),
        )


async def balance(plan: Plan, kind: str) -> object:
    return await one(plan, "SELECT sum(balance_fen)::bigint FROM account WHERE kind = :kind", kind=kind)


async def test_the_same_person_twice_counts_once(database: Database) -> None:
    plan = await a_plan(database, desk=await a_desk(database, approvers=2), state="submitted")
    first = await say_yes(plan, plan.desk.approvers[0])
    again = await say_yes(plan, plan.desk.approvers[0])
    assert first == again == Approved("submitted", 1, 1, 2)
    assert await one(plan, "SELECT count(*) FROM bulk_approval WHERE purchase_id = :id") == 1
    with pytest.raises(MinutesMissing):
        await say_yes(plan, plan.desk.approvers[1])
    assert await stands(plan) == "submitted"


async def test_approved_before_is_success_for_him_and_too_late_for_another(database: Database) -> None:
    plan = await a_plan(database)
    assert (await say_yes(plan, plan.desk.approvers[0])).state == "approved"
    with pytest.raises(WrongState):
        await say_yes(plan, plan.desk.approvers[1])


async def test_who_left_yesterday_is_refused(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    for n, (table, mine) in enumerate(
        (("membership", "person_id = :person"), ("role_grant", "user_id = :user"), ("union_membership", "id = :gone"))
    ):
        actor = plan.desk.approvers[n]
        gone = new_id()
        if table == "union_membership":
            await sql(
                database,
                "INSERT INTO union_membership (id, person_id, union_id, valid_from) VALUES (:id, :p, :u, '2020-01-01')",
                id=gone,
                p=actor.person_id,
                u=plan.desk.union,
            )
        named = {"person": actor.person_id, "user": actor.user_id, "gone": gone}
        used = {name: value for name, value in named.items() if f":{name}" in mine}
        await sql(database, f"UPDATE {table} SET valid_to = :today WHERE {mine}", today=clock.today(), **used)
        with pytest.raises(NotApprover):
            await say_yes(plan, actor)
    assert await stands(plan) == "submitted"
    assert await one(plan, "SELECT count(*) FROM bulk_approval") == 0


async def test_a_delegate_decides_within_days_and_amount(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    approver, deputy = plan.desk.approvers[0], plan.desk.receivers[0]
    await delegated(plan, approver, deputy, up_to_fen=100)
    with pytest.raises(NotApprover):
        await say_yes(plan, deputy)
    await delegated(plan, approver, deputy, days=2)
    with pytest.raises(NotApprover):
        await say_yes(plan, deputy, now=clock.now() + timedelta(days=2))
    assert (await say_yes(plan, deputy)).state == "approved"
    by = await one(plan, "SELECT delegated_by FROM bulk_approval WHERE purchase_id = :id")
    assert UUID(str(by)) == approver.user_id


async def test_a_deputy_and_his_approver_are_one_vote(database: Database) -> None:
    plan = await a_plan(database, desk=await a_desk(database, approvers=2), state="submitted")
    approver, deputy = plan.desk.approvers[0], plan.desk.receivers[0]
    await delegated(plan, approver, deputy)
    await say_yes(plan, approver)
    with pytest.raises(NotApprover):
        await say_yes(plan, deputy)
    with pytest.raises(NotFound):  # a right that was passed on is not passed on again
        await delegated(plan, deputy, plan.desk.receivers[1])
    with pytest.raises(DelegationInvalid):
        await delegated(plan, approver, approver)


async def test_the_requester_cannot_approve_nor_through_a_friend(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    with pytest.raises(DutiesApart):
        await say_yes(plan, plan.desk.clerk)
    facts = {
        "id": new_id(),
        "purchase": plan.id,
        "clerk": plan.desk.clerk.user_id,
        "other": plan.desk.approvers[0].user_id,
    }
    insert = (
        "INSERT INTO bulk_approval (id, purchase_id, revision, step, requester_id, approver_id, delegated_by, decision,"
        " content_sha256, at)"
        " VALUES (:id, :purchase, 1, 1, {requester}, {approver}, {delegated}, 'approved', 'x', now())"
    )
    for requester, approver, delegate_by in (
        (":clerk", ":clerk", "NULL"),  # the same person
        (":other", ":clerk", "NULL"),  # a requester that is not the purchase's
        (":clerk", ":other", ":clerk"),  # through a friend
    ):
        with pytest.raises(IntegrityError):
            await sql(
                database,
                insert.format(requester=requester, approver=approver, delegated=delegate_by),
                **{name: value for name, value in facts.items() if name in {"id", "purchase", "clerk", "other"}},
            )
    with pytest.raises(IntegrityError):
        await sql(
            database,
            "INSERT INTO bulk_change (id, purchase_id, number, kind, state, terms, content_sha256, reason, amount_fen,"
            " requested_by, requested_at, approved_by) VALUES (:id, :purchase, 1, 'substitution', 'approved', '{}',"
            " 'x', '示例', 0, :clerk, now(), :clerk)",
            id=new_id(),
            purchase=plan.id,
            clerk=plan.desk.clerk.user_id,
        )
    assert await stands(plan) == "submitted"


@pytest.mark.parametrize(
    "patch",
    [
        {"spare_pieces": 1},
        {"budget_fen": 90_000},
        {"terms": "prepaid"},
        {"ship_on": date(2099, 1, 1)},
        {"sites": []},
        {"title": "另一个名称"},
    ],
)
async def test_any_change_voids_every_approval(database: Database, patch: dict[str, object]) -> None:
    plan = await a_plan(database)
    old = await sha_of(plan)
    taken = await balance(plan, "encumbrance")
    assert taken == 80_000
    async with database.transaction() as session:
        changed = PlanPatch.model_validate(patch)
        await change_plan(session, actor=plan.desk.clerk, purchase_id=plan.id, patch=changed, now=clock.now())
    assert await stands(plan) == "draft"
    assert await balance(plan, "encumbrance") == 0
    assert await one(plan, "SELECT coalesce(sum(used_fen), 0)::bigint FROM spending_counter") == 0
    async with database.transaction() as session:
        assert await content_hash(session, plan.id) != old
    with pytest.raises(ApprovalStale):
        await say_yes(plan, plan.desk.approvers[1], sha=old)


async def test_a_raw_change_is_noticed(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    await sql(
        database,
        "UPDATE bulk_package_line SET pieces = 2 FROM bulk_package k WHERE k.id = package_id AND k.purchase_id = :id",
        id=plan.id,
    )
    with pytest.raises(ApprovalStale):
        await say_yes(plan, plan.desk.approvers[0])


async def test_sent_back_then_mended(database: Database) -> None:
    plan = await a_plan(database, state="submitted")
    async with database.transaction() as session:
        await reject(
            session,
            actor=plan.desk.approvers[0],
            purchase_id=plan.id,
            content_sha256=await sha_of(plan),
            reason="请补充说明",
            now=clock.now(),
        )
    assert (await stands(plan), await balance(plan, "encumbrance")) == ("rejected", 0)
    async with database.transaction() as session:
        patch = PlanPatch(title="补充后的计划")
        await change_plan(session, actor=plan.desk.clerk, purchase_id=plan.id, patch=patch, now=clock.now())
    await submitted(plan)
    await approved(plan)
    assert (await stands(plan), await balance(plan, "encumbrance")) == ("approved", 80_000)
    assert await one(plan, "SELECT sum(used_fen)::bigint FROM spending_counter") == 27_000


async def test_cancelled_gives_everything_back(database: Database) -> None:
    plan = await a_plan(database)
    for _ in range(2):
        async with database.transaction() as session:
            await cancel(session, actor=plan.desk.clerk, purchase_id=plan.id, reason="不办了", now=clock.now())
    assert (await stands(plan), await balance(plan, "encumbrance")) == ("cancelled", 0)
    assert await one(plan, "SELECT coalesce(sum(used_fen), 0)::bigint FROM spending_counter") == 0
    assert await one(plan, "SELECT count(*) FROM bulk_event WHERE purchase_id = :id AND state = 'cancelled'") == 1


async def test_the_last_approval_takes_the_members_caps(database: Database) -> None:
    """6,000 yuan a head: two plans of 3,500 are each within the cap, and not together."""
    desk = await a_desk(database, members=2, branches=1)
    packages = [{"name": "大礼", "lines": [{"sku_id": str(desk.shop.skus[0]), "pieces": 350}]}]
    plans = [
        await a_plan(database, desk=desk, state="submitted", budget_fen=800_000, packages=packages) for _ in range(2)
    ]
    await approved(plans[0])
    with pytest.raises(CapExceeded):
        await approved(plans[1])
    assert [await stands(plan) for plan in plans] == ["approved", "submitted"]


async def test_an_order_waits_for_notice_and_answers(database: Database) -> None:
    plan = await a_plan(database, desk=await a_desk(database, notice_days=3))

    async def order(days: int) -> None:
        async with database.transaction() as session:
            later = clock.now() + timedelta(days=days)
            await move_on(session, purchase_id=plan.id, to="ordered", actor_id=None, now=later)

    with pytest.raises(WrongState):  # no rule leaves the notice out
        await order(0)
    from orders.bulk.approval.notice import NoticeOver, answer_objection, publish, raise_objection  # noqa: PLC0415

    async with database.transaction() as session:
        await publish(session, actor=plan.desk.clerk, purchase_id=plan.id, now=clock.now())
    async with database.transaction() as session:
        objection = await raise_objection(
            session, actor=plan.desk.receivers[0], purchase_id=plan.id, words="太贵", now=clock.now()
        )
    for days in (2, 3):  # the period, then the open objection
        with pytest.raises(NoticeOpen):
            await order(days)
    with pytest.raises(NoticeOver):
        async with database.transaction() as session:
            await raise_objection(
                session,
                actor=plan.desk.receivers[0],
                purchase_id=plan.id,
                words="晚了",
                now=clock.now() + timedelta(days=3),
            )
    named = {"purchase_id": plan.id, "objection_id": objection, "answer": "已核实", "now": clock.now()}
    with pytest.raises(DutiesApart):
        async with database.transaction() as session:
            await answer_objection(session, actor=plan.desk.receivers[0], **named)  # type: ignore[arg-type]
    async with database.transaction() as session:
        await answer_objection(session, actor=plan.desk.clerk, **named)  # type: ignore[arg-type]
    await order(3)
    assert await stands(plan) == "ordered"


async def test_a_skip_names_its_rule(database: Database) -> None:
    plan = await a_plan(database)
    skips = await one(
        plan,
        "SELECT array_agg(e.state || ':' || e.reason ORDER BY e.state) FROM bulk_event e JOIN spending_rule r"
        " ON r.id = e.skipped_by_rule_id WHERE e.purchase_id = :id",
    )
    assert skips == ["noticed:免公示：示例规定 tier", "quoting:免询价：示例规定 tier"]
    with pytest.raises(IntegrityError):
        await sql(
            database,
            "INSERT INTO bulk_event (id, purchase_id, revision, state, skipped_by_rule_id, at)"
            " VALUES (:id, :purchase, 1, 'noticed', :id, now())",
            id=new_id(),
            purchase=plan.id,
        )


async def test_the_budget_must_be_there(database: Database) -> None:
    from orders.funds.post import FundsShort  # noqa: PLC0415

    desk = await a_desk(database, budget_fen=50_000)
    plan = await a_plan(database, desk=desk, state="draft")
    with pytest.raises(FundsShort):
        async with database.transaction() as session:
            await submit(session, actor=desk.clerk, purchase_id=plan.id, now=clock.now())
    assert await stands(plan) == "draft"
