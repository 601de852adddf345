"""`/api/v1/county-successions`: a division code follows another from a day on. It concerns everybody: two people."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.app.admin.ask_api import approved, asked, asked_page, refused
from shop.app.admin.kinds import SUCCESSIONS, SuccessionIn
from shop.app.admin.schemas import AdminAskedOut, AdminRefuseIn, AskedPage
from shop.core.idempotency import IdempotencyKey
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/county-successions", tags=["counties"])

Writer = Annotated[Actor, Depends(requires(Permission.RULE_WRITE, everywhere=True))]


@routes.post("", status_code=202, response_model=AdminAskedOut)
async def post_succession(request: Request, body: SuccessionIn, actor: Writer, key: IdempotencyKey) -> Response:
    """Once approved, designations, pairings and origins of the old code pass to the new one from its first day."""
    return await asked(request, actor, key, "county.succeed", body)


@routes.get("")
async def get_successions(actor: Writer, database: TheDatabase) -> AskedPage:
    """What waits for a second person."""
    return await asked_page(database, actor, SUCCESSIONS)


@routes.post("/{request_id}/approve")
async def post_approve(request_id: UUID, actor: Writer, database: TheDatabase) -> AdminAskedOut:
    """By another person than who asked. 409 `second_person_needed`, `change_decided`."""
    return await approved(database, actor, request_id, SUCCESSIONS)


@routes.post("/{request_id}/refuse", status_code=204)
async def post_refuse(request_id: UUID, body: AdminRefuseIn, actor: Writer, database: TheDatabase) -> None:
    """By another person; who asked takes it back with it."""
    await refused(database, actor, request_id, SUCCESSIONS, body)
