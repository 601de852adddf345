"""What every address of the desk does: ask once under a key, show what waits, and let a second person decide."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel

from shop.access.permissions import Actor
from shop.app.admin.change import approve, ask, asked_of, refuse
from shop.app.admin.kinds import Kind
from shop.app.admin.schemas import AdminAskedOut, AdminRefuseIn, AdminWaitingOut, AskedPage
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.idempotency import answer_once


async def asked(request: Request, actor: Actor, key: str, kind: str, requested: BaseModel) -> Response:
    """202 with the request, which another person decides. Raises what `ask` raises."""

    async def verb(session: WriteSession, now: datetime) -> AdminAskedOut:
        request_id = await ask(session, actor=actor, kind=kind, requested=requested, now=now)
        return AdminAskedOut(id=request_id, kind=kind, state="asked")

    return await answer_once(request, actor.user_id, key, verb, status=202)


async def asked_page(database: Database, actor: Actor, kinds: Mapping[str, Kind]) -> AskedPage:
    """What waits for a second person within the caller's reach."""
    async with database.reading() as session:
        rows = await asked_of(session, actor, kinds=kinds, now=clock.now())
    return AskedPage(
        items=[
            AdminWaitingOut(
                id=row.id,
                kind=row.kind,
                title=kinds[row.kind].title,
                facts=row.facts,
                reason=row.reason,
                asked_by=row.asked_by,
                asked_by_name=row.asked_by_name,
                asked_at=row.asked_at,
            )
            for row in rows
        ]
    )


async def approved(database: Database, actor: Actor, request_id: UUID, kinds: Mapping[str, Kind]) -> AdminAskedOut:
    """Raises what `approve` raises."""
    async with database.transaction() as session:
        done = await approve(session, actor=actor, request_id=request_id, kinds=kinds, now=clock.now())
    return AdminAskedOut(id=request_id, kind=done.kind, state="approved")


async def refused(
    database: Database, actor: Actor, request_id: UUID, kinds: Mapping[str, Kind], requested: AdminRefuseIn
) -> None:
    """Raises what `refuse` raises."""
    async with database.transaction() as session:
        await refuse(session, actor=actor, request_id=request_id, kinds=kinds, reason=requested.reason, now=clock.now())
