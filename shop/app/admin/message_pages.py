"""`/admin/messages` and `/api/v1/messages`: what did not reach its receiver, for whoever runs the whole shop."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlalchemy import Row
from starlette.responses import RedirectResponse, Response

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.messages.queries import unsent
from shop.messages.send_again import send_again, send_all_again
from shop.ui.filters import masked_email, masked_phone
from shop.ui.pages import render

routes = APIRouter()

Operator = Annotated[Actor, Depends(requires(Permission.USER_ADMINISTER, everywhere=True))]


class UnsentOut(BaseModel):
    """to: masked. last_error: a code. again: it was given up and may be sent again; a link in it is still good."""

    id: UUID
    channel: Literal["mail", "sms"]
    template: str
    to: str
    state: Literal["waiting", "given_up"]
    attempts: int
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None
    last_error: str | None
    again: bool


class UnsentPage(BaseModel):
    items: list[UnsentOut]
    next_cursor: None = None


class SentAgain(BaseModel):
    count: int


@routes.get("/api/v1/messages", tags=["messages"])
async def get_unsent(_: Operator, database: TheDatabase) -> UnsentPage:
    """What was given up, and what did not go at the first attempt, at most 100."""
    return UnsentPage(items=await _unsent(database))


@routes.post("/api/v1/messages/send-again", tags=["messages"])
async def post_all_again(actor: Operator, database: TheDatabase) -> SentAgain:
    """After an outage: everything that was given up and may still be sent."""
    async with database.transaction() as session:
        return SentAgain(count=await send_all_again(session, actor_id=actor.user_id, now=clock.now()))


@routes.post("/api/v1/messages/{message_id}/send-again", tags=["messages"], status_code=204)
async def post_again(message_id: UUID, actor: Operator, database: TheDatabase) -> None:
    """One that was given up, with the same Message-ID. 409 `not_to_be_sent`."""
    async with database.transaction() as session:
        await send_again(session, actor_id=actor.user_id, message=message_id, now=clock.now())


@routes.get("/admin/messages", include_in_schema=False)
async def get_page(request: Request, _: Operator, database: TheDatabase, done: bool = False) -> Response:
    return render(request, "admin/messages.html", unsent=await _unsent(database), problem=None, done=done)


@routes.post("/admin/messages/send-again", include_in_schema=False)
async def post_page_all(actor: Operator, database: TheDatabase) -> Response:
    await post_all_again(actor, database)
    return RedirectResponse("/admin/messages?done=1", 303)


@routes.post("/admin/messages/{message_id}/send-again", include_in_schema=False)
async def post_page(request: Request, message_id: UUID, actor: Operator, database: TheDatabase) -> Response:
    try:
        await post_again(message_id, actor, database)
    except Problem as problem:
        shown = await _unsent(database)
        return render(request, "admin/messages.html", problem.status, unsent=shown, problem=problem, done=False)
    return RedirectResponse("/admin/messages?done=1", 303)


async def _unsent(database: Database) -> list[UnsentOut]:
    async with database.reading() as session:
        return [_out(row) for row in await unsent(session, wall=clock.wall())]


def _out(row: Row[Any]) -> UnsentOut:
    mask = masked_email if row.channel == "mail" else masked_phone
    facts = {
        name: getattr(row, name)
        for name in ("id", "channel", "template", "state", "attempts", "created_at", "ended_at", "last_error", "again")
    }
    due = row.next_attempt_at if row.state == "waiting" else None
    return UnsentOut(to=mask(row.address), next_attempt_at=due, **facts)
