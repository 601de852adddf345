"""A new plan: what is bought for whom, from where the money comes, who pays."""

import secrets
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.plan.check import check
from orders.bulk.plan.schemas import PlanIn
from orders.bulk.plan.set_members import set_members
from orders.bulk.plan.set_packages import set_packages
from orders.bulk.plan.set_payers import set_payers, set_sites
from orders.bulk.problems import PlanInvalid
from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.window import in_force
from shop.organisation.queries import unit_path, visible_unit_ids

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_SERVES = text(f"""
SELECT EXISTS (SELECT FROM union_unit WHERE union_id = :union AND unit_id = ANY(:units)
    AND {in_force("", ":day")})
""")  # noqa: S608  # our own words
_INSERT = text("""
INSERT INTO bulk_purchase (id, number, title, union_id, unit_id, requester_id, idempotency_key, purpose, festival,
    fund_source, fiscal_year, budget_fen, members_as_of, procurement, directed_reason, directed_minutes_sha256,
    reference_price_fen, terms, deliver_to, shared_by, spare_pieces, choose_until, ship_on, copied_from_id, state,
    revision, created_at, changed_at)
VALUES (:id, :number, :title, :union_id, :unit_id, :requester, :key, :purpose, :festival, :fund_source, :fiscal_year,
    :budget_fen, :members_as_of, :procurement, :directed_reason, :directed_minutes_sha256, :reference_price_fen, :terms,
    :deliver_to, :shared_by, :spare_pieces, :choose_until, :ship_on, :copied_from, 'draft', 1, :now, :now)
ON CONFLICT (requester_id, idempotency_key) DO NOTHING RETURNING *
""")
_BEGUN = text("""
INSERT INTO bulk_event (id, purchase_id, revision, state, actor_id, at)
VALUES (:event, :id, 1, 'draft', :requester, :now)
""")


class AlreadyPlanned(Problem):
    """The key's plan exists, but its first answer was purged after 72 hours."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_planned"
    title: ClassVar[str] = "这个请求编号已经建过采购计划"


async def create(
    session: WriteSession,
    *,
    actor: Actor,
    plan: PlanIn,
    key: str,
    now: datetime,
    copied_from_id: UUID | None = None,
) -> UUID:
    """Returns the plan's id. Raises NotFound (a unit out of reach), PlanInvalid, PlanPriceChanged, NoMembers,
    NotMembers, AlreadyPlanned.
    """
    day = clock.business_day(now)
    await _check_visible(session, actor, plan, day=day)
    await cited(session, actor, plan.directed_minutes_sha256, field="directed_minutes_sha256", day=day)
    if trouble := contradiction(plan.model_dump(), now=now):
        raise PlanInvalid(trouble.detail, [trouble])
    purchase_id = new_id()
    facts = plan.model_dump(exclude={"packages", "payers", "sites", "person_ids"}) | {
        "id": purchase_id,
        "number": f"CG{day:%y%m%d}" + "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(6)),
        "requester": actor.user_id,
        "key": key,
        "fiscal_year": plan.fiscal_year or plan.ship_on.year,
        "members_as_of": plan.members_as_of or day,
        "copied_from": copied_from_id,
        "now": now,
    }
    purchase = (await session.execute(_INSERT, facts)).one_or_none()
    if purchase is None:
        raise AlreadyPlanned("请在采购列表里打开它。")
    await session.execute(_BEGUN, facts | {"event": new_id()})
    await _set_parts(session, purchase, plan, now)
    await check(session, purchase_id=purchase_id, now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.planned",
        subject=f"bulk_purchase:{purchase_id}",
        after={"union_id": str(plan.union_id), "budget_fen": plan.budget_fen},
        now=now,
    )
    return purchase_id


def contradiction(plan: dict[str, Any], *, now: datetime) -> Detail | None:
    """What of a plan cannot be true together. Pure."""
    if plan["purpose"] == "festival" and not plan["festival"]:
        return Detail("/festival", "festival_missing", "节日慰问请选择节日。")
    if plan["purpose"] != "festival" and plan["festival"]:
        return Detail("/festival", "festival_alone", "只有节日慰问才填写节日。")
    if plan["ship_on"] < clock.business_day(now):
        return Detail("/ship_on", "ship_on_past", "发货日不能早于今天。")
    if plan["members_as_of"] and plan["members_as_of"] > plan["ship_on"]:
        return Detail("/members_as_of", "after_shipping", "人员截止日不能晚于发货日。")
    if plan["choose_until"] and clock.business_day(plan["choose_until"]) >= plan["ship_on"]:
        return Detail("/choose_until", "after_shipping", "选择截止时间要早于发货日。")
    return None


async def _check_visible(session: ReadSession, actor: Actor, plan: PlanIn, *, day: Any) -> None:
    visible = await visible_unit_ids(session, actor, Permission.BULK_WRITE, day)
    if visible is not None and plan.unit_id not in visible:
        raise NotFound("没有这个单位，或不在您经办的范围内。")
    path = await unit_path(session, plan.unit_id, day)
    if not await session.scalar(_SERVES, {"union": plan.union_id, "units": path, "day": day}):
        raise PlanInvalid("这个工会当日不服务这个单位。", [Detail("/union_id", "does_not_serve", "工会与单位不对应")])


async def _set_parts(session: WriteSession, purchase: Row[Any], plan: PlanIn, now: datetime) -> None:
    members = await set_members(
        session,
        purchase_id=purchase.id,
        union_id=purchase.union_id,
        day=purchase.members_as_of,
        purpose=purchase.purpose,
        person_ids=plan.person_ids,
    )
    await set_packages(session, purchase_id=purchase.id, packages=plan.packages, members=members, now=now)
    await set_payers(session, purchase=purchase, payers=plan.payers, day=clock.business_day(now))
    await set_sites(session, purchase=purchase, sites=plan.sites, day=clock.business_day(now))
