"""`/api/v1/credit/explain`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from orders.explanation.explain import explain
from orders.explanation.schemas import ExplainOut
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["credit"])

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]


@routes.get("/credit/explain")
async def get_explain(actor: Reader, database: TheDatabase, order_line: UUID) -> ExplainOut:
    """Counted or not, why, by which rule, with which documents, on which days, and all entries of the line."""
    async with database.snapshot() as session:
        return await explain(session, actor, order_line_id=order_line, day=clock.today())
