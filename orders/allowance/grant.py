"""Grant an allowance to the members of a plan: one batch, once, out of what the plan has taken of the budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import ClassVar
from uuid import UUID, uuid5

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.allowance.schemas import GrantIn
from orders.budget.encumber import encumber
from orders.funds.post import Moved, post
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Invalid, Problem
from shop.core.ids import new_id
from shop.ui.filters import yuan


class BatchNumberUsed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "batch_number_used"
    title: ClassVar[str] = "这个批次号已经用于另一份内容"


class PlanNotApproved(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "plan_not_approved"
    title: ClassVar[str] = "计划还没有审批通过"


class NotOfThePlan(Problem):
    """`errors[]` names each person, by place in the list, who is no member of the plan."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "not_of_the_plan"
    title: ClassVar[str] = "有人不在计划的会员名单里"


class MoreThanApproved(Problem):
    """Caps were taken by what the plan gives each member. `errors[]` names each person, by place in the list."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "more_than_approved"
    title: ClassVar[str] = "超过审批时每人的份额"


@dataclass(frozen=True, slots=True)
class Plan:
    """What allowances are granted from, as it was approved. members: persons, in the list's order; sku_ids: what an
    allowance may be spent on, copied when it is granted.
    """

    id: UUID
    union_id: UUID
    title: str
    fiscal_year: int
    budget_fen: int
    approved: bool
    members: Sequence[UUID]
    sku_ids: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Granted:
    """replayed: the batch had been granted before, with the same content."""

    grant_id: UUID
    union_id: UUID
    replayed: bool


_BEFORE = text("SELECT id, content_sha256 FROM allowance_grant WHERE union_id = :union_id AND batch_number = :number")
_SKUS = text("INSERT INTO allowance_sku (grant_id, sku_id) SELECT :grant_id, unnest(:skus)").bindparams(
    bindparam("skus", type_=ARRAY(Uuid))
)
_GRANT = text("""
INSERT INTO allowance_grant (id, batch_number, union_id, plan_id, title, fiscal_year, amount_fen, members, expires_on,
    content_sha256, granted_by, granted_at)
VALUES (:id, :number, :union_id, :plan, :title, :fiscal_year, :amount_fen, :members, :expires_on, :content, :by, :now)
""")
_ALLOWANCES = text("""
INSERT INTO allowance (id, grant_id, person_id) SELECT r.id, :grant_id, r.person_id
FROM unnest(:ids, :people) AS r(id, person_id)
""").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("people", type_=ARRAY(Uuid)))
# What the approvers' decision, and those about who came later, count for each; less what batches of the plan gave them,
# as far as it did not come back.
_ROOM = text("""
WITH portion AS (
    SELECT (p ->> 0)::uuid AS person_id, sum((p ->> 3)::bigint)::bigint AS fen
    FROM spending_take k JOIN spending_decision d ON d.id = k.decision_id
    CROSS JOIN jsonb_array_elements(d.inputs -> 'portions') p
    WHERE k.purchase_id = :plan AND k.released_at IS NULL GROUP BY 1
), had AS (
    SELECT w.person_id, sum(g.amount_fen - coalesce(b.fen, 0))::bigint AS fen
    FROM allowance_grant g JOIN allowance w ON w.grant_id = g.id
    JOIN account a ON a.kind = 'allowance' AND a.owner = w.id::text
    LEFT JOIN LATERAL (SELECT sum(t.amount_fen) AS fen FROM transfer t
        WHERE t.credit_account_id = a.id AND t.kind = 'allowance_returned') b ON true
    WHERE g.plan_id = :plan GROUP BY 1
)
SELECT person_id, portion.fen - coalesce(had.fen, 0) AS fen FROM portion LEFT JOIN had USING (person_id)
WHERE person_id = ANY(:people)
""").bindparams(bindparam("people", type_=ARRAY(Uuid)))
_ENCUMBERED = text("SELECT 1 FROM encumbrance WHERE purchase_id = :plan")


async def grant(session: WriteSession, *, actor: Actor, plan: Plan, requested: GrantIn, now: datetime) -> Granted:
    """Give every person of the batch `amount_fen` for the plan's goods. Who asks holds the plan, and may grant for its
    union.

    The same number with the same content is success and gives nothing twice. Raises BatchNumberUsed, PlanNotApproved,
    NotOfThePlan, MoreThanApproved, Invalid (nobody, nothing to buy, a past day), FundsShort.
    """
    content = sha256(requested.model_dump_json().encode()).hexdigest()
    found = await session.execute(_BEFORE, {"union_id": plan.union_id, "number": requested.batch_number})
    if before := found.one_or_none():
        if before.content_sha256 != content:
            raise BatchNumberUsed("请换一个批次号；同一批次只能发放一次。")
        return Granted(before.id, plan.union_id, replayed=True)
    _check(plan, requested.expires_on, clock.business_day(now))
    people = _chosen(requested, plan.members)
    room = {row.person_id: row.fen for row in await session.execute(_ROOM, {"plan": plan.id, "people": list(people)})}
    _check_room(people, room, requested.amount_fen)
    return await _write(session, actor, plan, requested, people, content, now)


def _check(plan: Plan, expires_on: date, day: date) -> None:
    if not plan.approved:
        raise PlanNotApproved("请先提交计划并完成审批，再发放福利额度。")
    if expires_on <= day:
        raise Invalid("到期日必须在今天之后。", [Detail("/expires_on", "in_the_past", "请填写今天之后的日期")])


def _chosen(requested: GrantIn, members: Sequence[UUID]) -> Sequence[UUID]:
    """Those named, each of them a member of the plan; all members where nobody is named."""
    people = members if requested.person_ids is None else list(dict.fromkeys(requested.person_ids))
    if not people:
        raise Invalid("计划里没有会员，请先导入会员名单。")
    known = set(members)
    if strangers := [i for i, person in enumerate(requested.person_ids or ()) if person not in known]:
        raise NotOfThePlan(
            "请从名单里删除这些人，或先把他们加入计划。",
            [Detail(f"/person_ids/{i}", "not_of_the_plan", "不在计划的会员名单里") for i in strangers[:100]],
        )
    return people


def _check_room(people: Sequence[UUID], room: Mapping[UUID, int], amount_fen: int) -> None:
    left = [max(room.get(person, 0), 0) for person in people]
    over = [(i, fen) for i, fen in enumerate(left) if fen < amount_fen]
    if over:
        raise MoreThanApproved(
            "各批次合计不能超过审批时每人的份额（预算按人均分）；要多发，请改计划重新审批。",
            [Detail(f"/person_ids/{i}", MoreThanApproved.code, f"还可以发 {yuan(fen)}") for i, fen in over[:100]],
        )


async def _write(
    session: WriteSession,
    actor: Actor,
    plan: Plan,
    requested: GrantIn,
    people: Sequence[UUID],
    content: str,
    now: datetime,
) -> Granted:
    grant_id = new_id()
    facts = {"amount_fen": requested.amount_fen, "members": len(people), "expires_on": requested.expires_on}
    names = {"id": grant_id, "number": requested.batch_number, "union_id": plan.union_id, "plan": plan.id}
    more = {"title": plan.title, "fiscal_year": plan.fiscal_year, "content": content, "by": actor.user_id, "now": now}
    await session.execute(_GRANT, facts | names | more)
    if not plan.sku_ids:
        raise Invalid("计划里没有商品，请先在计划的礼包里添加商品。")
    await session.execute(_SKUS, {"grant_id": grant_id, "skus": list(plan.sku_ids)})
    ids = {person: uuid5(grant_id, str(person)) for person in people}
    await session.execute(_ALLOWANCES, {"grant_id": grant_id, "ids": list(ids.values()), "people": list(ids)})
    if not await session.scalar(_ENCUMBERED, {"plan": plan.id}):
        await encumber(
            session,
            union_id=plan.union_id,
            fiscal_year=plan.fiscal_year,
            purchase_id=plan.id,
            amount_fen=plan.budget_fen,
            now=now,
        )
    await post(session, _moves(plan.id, grant_id, list(ids.values()), requested.amount_fen, now), now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="allowance_granted",
        subject=f"allowance_grant:{grant_id}",
        after=facts
        | {"expires_on": str(requested.expires_on), "batch_number": requested.batch_number, "plan": str(plan.id)},
        now=now,
    )
    return Granted(grant_id, plan.union_id, replayed=False)


def _moves(plan_id: UUID, grant_id: UUID, ids: Sequence[UUID], amount_fen: int, now: datetime) -> list[Moved]:
    return [
        Moved(
            key=f"allowance_granted:{allowance_id}",
            kind="allowance_granted",
            debit=("allowance", str(allowance_id)),
            credit=("encumbrance", str(plan_id)),
            amount_fen=amount_fen,
            reference=grant_id,
            occurred_on=clock.business_day(now),
        )
        for allowance_id in ids
    ]
