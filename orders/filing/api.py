"""`/api/v1/filings`: the month's round."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.filing.chase import chase
from orders.filing.confirm import confirm
from orders.filing.open_round import open_round
from orders.filing.queries import board, branch, rounds_of
from orders.filing.schemas import (
    BoardOut,
    BranchOut,
    ChaseIn,
    ConfirmIn,
    Month,
    RoundIn,
    RoundPage,
    SendBackIn,
    SignIn,
)
from orders.filing.send_back import send_back
from orders.filing.sign import sign
from orders.seal.key import seal_key
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase, TheSettings

routes = APIRouter(prefix="/api/v1/filings", tags=["filings"])

Reader = Annotated[Actor, Depends(requires(Permission.REPORT_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.FILING_WRITE))]


@routes.get("")
async def get_rounds(
    actor: Reader,
    database: TheDatabase,
    month: Month | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RoundPage:
    """Rounds the caller has to do with, the newest month first."""
    requested = int(month.replace("-", "")) if month else None
    async with database.reading() as session:
        return await rounds_of(session, actor, month=requested, limit=limit, cursor=cursor, now=clock.now())


@routes.post("", status_code=201, response_model=BoardOut)
async def post_round(request: Request, body: RoundIn, actor: Writer, key: IdempotencyKey) -> Response:
    """A round for the branches of a unit. 409 `round_exists` for a month that has one."""

    async def verb(session: WriteSession, now: datetime) -> BoardOut:
        month = int(body.month.replace("-", ""))
        opened = await open_round(session, actor=actor, month=month, unit_id=body.unit, due_on=body.due_on, now=now)
        return await board(session, actor, opened, now=now)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/{round_id}")
async def get_board(round_id: UUID, actor: Reader, database: TheDatabase) -> BoardOut:
    """Every branch at a glance."""
    async with database.snapshot() as session:
        return await board(session, actor, round_id, now=clock.now())


@routes.get("/{round_id}/branches/{unit_id}")
async def get_branch(round_id: UUID, unit_id: UUID, actor: Reader, database: TheDatabase) -> BranchOut:
    """One branch with its steps, and the bridge from what it confirmed to what is known now."""
    return await branch(database, actor, round_id, unit_id, now=clock.now())


@routes.post("/{round_id}/branches/{unit_id}/confirm")
async def post_confirm(
    round_id: UUID, unit_id: UUID, body: ConfirmIn, actor: Writer, database: TheDatabase, settings: TheSettings
) -> BranchOut:
    """The figure as the branch's report shows it now; `nil` where there is none (409 `not_nil` otherwise)."""
    now = clock.now()
    key = seal_key(settings)
    await confirm(database, actor=actor, round_id=round_id, unit_id=unit_id, nil=body.nil, key=key, now=now)
    return await branch(database, actor, round_id, unit_id, now=clock.now())


@routes.post("/{round_id}/branches/{unit_id}/sign")
async def post_sign(round_id: UUID, unit_id: UUID, body: SignIn, actor: Writer, database: TheDatabase) -> BranchOut:
    """By another person than who confirmed; signed once."""
    async with database.transaction() as session:
        await sign(session, actor=actor, round_id=round_id, unit_id=unit_id, digest=body.digest, now=clock.now())
    return await branch(database, actor, round_id, unit_id, now=clock.now())


@routes.post("/{round_id}/branches/{unit_id}/chase")
async def post_chase(round_id: UUID, unit_id: UUID, body: ChaseIn, actor: Writer, database: TheDatabase) -> BranchOut:
    """A reminder, noted; by the unit that opened the round."""
    async with database.transaction() as session:
        await chase(session, actor=actor, round_id=round_id, unit_id=unit_id, words=body.words, now=clock.now())
    return await branch(database, actor, round_id, unit_id, now=clock.now())


@routes.post("/{round_id}/branches/{unit_id}/send-back")
async def post_send_back(
    round_id: UUID, unit_id: UUID, body: SendBackIn, actor: Writer, database: TheDatabase
) -> BranchOut:
    """Back to the branch, with the reason; by the unit that opened the round."""
    async with database.transaction() as session:
        await send_back(session, actor=actor, round_id=round_id, unit_id=unit_id, reason=body.reason, now=clock.now())
    return await branch(database, actor, round_id, unit_id, now=clock.now())
