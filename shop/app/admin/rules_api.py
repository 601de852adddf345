"""Rules are asked for at their own address and decided at `/api/v1/rules/{id}`: two people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.audit.schemas import RetentionIn
from orders.credit.schemas import CreditEndIn as EndCountingIn
from orders.credit.schemas import CreditRuleIn as CountingIn
from orders.intake.schemas import ChannelIn
from orders.integrity.schemas import ThresholdIn
from orders.spending.schemas import SpendingEndIn as EndSpendingIn
from orders.spending.schemas import SpendingRuleIn as SpendingIn
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.app.admin.ask_api import approved, asked, asked_page, refused
from shop.app.admin.kinds import RULES, EndCounting, EndSpending
from shop.app.admin.schemas import AdminAskedOut, AdminRefuseIn, AskedPage
from shop.core.idempotency import IdempotencyKey
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["rules"])

Writer = Annotated[Actor, Depends(requires(Permission.RULE_WRITE))]


@routes.post("/counting-rules", status_code=202, response_model=AdminAskedOut)
async def post_counting_rule(request: Request, body: CountingIn, actor: Writer, key: IdempotencyKey) -> Response:
    """A new version: once approved it judges what is placed from its first day, and nothing placed before."""
    return await asked(request, actor, key, "counting_rule.add", body)


@routes.post("/counting-rules/{rule}/end", status_code=202, response_model=AdminAskedOut)
async def post_counting_rule_end(
    request: Request, rule: UUID, body: EndCountingIn, actor: Writer, key: IdempotencyKey
) -> Response:
    """Once approved the rule holds until the day before `valid_to`. It ends once: 409 afterwards."""
    ending = EndCounting(rule_id=rule, **body.model_dump())
    return await asked(request, actor, key, "counting_rule.end", ending)


@routes.post("/spending-rules", status_code=202, response_model=AdminAskedOut)
async def post_spending_rule(request: Request, body: SpendingIn, actor: Writer, key: IdempotencyKey) -> Response:
    """A new rule, or a new version: an open one of the same code ends where it begins. 409 where days overlap."""
    return await asked(request, actor, key, "spending_rule.add", body)


@routes.post("/spending-rules/{rule_id}/end", status_code=202, response_model=AdminAskedOut)
async def post_spending_rule_end(
    request: Request, rule_id: UUID, body: EndSpendingIn, actor: Writer, key: IdempotencyKey
) -> Response:
    """Once approved the rule holds until the day before `valid_to`. Nothing else of it changes."""
    ending = EndSpending(rule_id=rule_id, **body.model_dump())
    return await asked(request, actor, key, "spending_rule.end", ending)


@routes.post("/flag-thresholds", status_code=202, response_model=AdminAskedOut)
async def post_threshold(request: Request, body: ThresholdIn, actor: Writer, key: IdempotencyKey) -> Response:
    """A figure that holds from a day on, with its source. Nothing raised before changes."""
    return await asked(request, actor, key, "flag_threshold.set", body)


@routes.post("/audit/retention-rules", status_code=202, response_model=AdminAskedOut)
async def post_retention(request: Request, body: RetentionIn, actor: Writer, key: IdempotencyKey) -> Response:
    """How long personal columns of a kind are kept, from a day on."""
    return await asked(request, actor, key, "retention_rule.add", body)


@routes.post("/intake/channels", status_code=202, response_model=AdminAskedOut)
async def post_channel(request: Request, body: ChannelIn, actor: Writer, key: IdempotencyKey) -> Response:
    """Where else goods are sold and how its statement is read: a new channel, or another reading of a known one."""
    return await asked(request, actor, key, "sales_channel.set", body)


@routes.get("/rules")
async def get_rules(actor: Writer, database: TheDatabase) -> AskedPage:
    """What waits for a second person: of the caller's reach, the oldest first."""
    return await asked_page(database, actor, RULES)


@routes.post("/rules/{request_id}/approve")
async def post_approve(request_id: UUID, actor: Writer, database: TheDatabase) -> AdminAskedOut:
    """By another person than who asked. 409 `second_person_needed`, `change_decided`."""
    return await approved(database, actor, request_id, RULES)


@routes.post("/rules/{request_id}/refuse", status_code=204)
async def post_refuse(request_id: UUID, body: AdminRefuseIn, actor: Writer, database: TheDatabase) -> None:
    """By another person; who asked takes it back with it."""
    await refused(database, actor, request_id, RULES, body)
