"""Grant allowances out of a plan: whose it is, who is in it and which goods, is known here."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from orders.allowance.grant import Granted, Plan, grant
from orders.allowance.schemas import GrantIn
from orders.budget.visibility import visible_union_ids
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound

_PLAN = text("""
SELECT id, union_id, title, fiscal_year, budget_fen, state FROM bulk_purchase
WHERE id = :plan AND purpose = 'allowance' FOR NO KEY UPDATE
""")
_MEMBERS = text("SELECT person_id FROM bulk_member WHERE purchase_id = :plan ORDER BY position, person_id")
_SKUS = text("""
SELECT DISTINCT l.sku_id FROM bulk_package p JOIN bulk_package_line l ON l.package_id = p.id
WHERE p.purchase_id = :plan
""")
_APPROVED: Final = {"approved", "noticed"}


async def grant_allowances(session: WriteSession, *, actor: Actor, requested: GrantIn, now: datetime) -> Granted:
    """A batch of the plan that is wanted. Raises NotFound to strangers, and what `grant` raises."""
    visible = await visible_union_ids(session, actor, Permission.ALLOWANCE_GRANT, day=clock.business_day(now))
    row = (await session.execute(_PLAN, {"plan": requested.plan_id})).one_or_none()
    if row is None or row.union_id not in visible:
        raise NotFound("没有这个福利额度计划。")
    plan = Plan(
        id=row.id,
        union_id=row.union_id,
        title=row.title,
        fiscal_year=row.fiscal_year,
        budget_fen=row.budget_fen,
        approved=row.state in _APPROVED,
        members=list[UUID](await session.scalars(_MEMBERS, {"plan": row.id})),
        sku_ids=list[UUID](await session.scalars(_SKUS, {"plan": row.id})),
    )
    return await grant(session, actor=actor, plan=plan, requested=requested, now=now)
