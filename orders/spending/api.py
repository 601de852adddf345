"""`/api/v1/spending-rules` and `/api/v1/spending-decisions`."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from orders.spending.models import Kind
from orders.spending.queries import decision_out, rules_of
from orders.spending.schemas import DecisionOut, SpendingRulePage
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["spending rules"])

Reader = Annotated[Actor, Depends(requires(Permission.RULE_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.RULE_WRITE))]


@routes.get("/spending-rules")
async def get_rules(
    actor: Reader,
    database: TheDatabase,
    on: Annotated[date | None, Query(ge=date(1990, 1, 1), le=date(2199, 12, 31))] = None,
    province: Annotated[str | None, Query(max_length=30, pattern=NO_NUL)] = None,
    kind: Kind | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> SpendingRulePage:
    """Dated rows with their source documents; `on`: only those in force that business day."""
    async with database.reading() as session:
        return await rules_of(
            session,
            actor,
            day=clock.today(),
            limit=limit,
            cursor=cursor,
            kind=kind,
            province=province,
            in_force=on,
        )


@routes.get("/spending-decisions/{decision_id}")
async def get_decision(decision_id: UUID, actor: Reader, database: TheDatabase) -> DecisionOut:
    """What the rules said about a purchase; asked again, and whether the answer came out the same."""
    async with database.snapshot() as session:
        return await decision_out(session, actor, decision_id, day=clock.today())
