"""Ask for what takes two people, approve it, refuse it, take it back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Row

from orders.evidence.cite import cited
from orders.evidence.queries import Paper, paper_of
from shop.access.actor_today import actor_today
from shop.access.change_request import ask_change, decide_change, open_request, open_requests
from shop.access.permissions import Actor
from shop.app.admin.kinds import KINDS, MANDATES
from shop.core import clock
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem, SecondPersonNeeded
from shop.organisation.authority import may, require


async def ask(session: WriteSession, *, actor: Actor, kind: str, requested: BaseModel, now: datetime) -> UUID:
    """It is tried, and kept as a request only: what could not be carried out is not asked for. Returns the request.

    Raises NotAllowed, NotFound out of reach, SecondPersonNeeded for oneself, and what the kind's own verb raises.
    """
    whom = await _require(session, actor, kind, requested, now)
    if field := KINDS[kind].cites:
        await cited(session, actor, getattr(requested, field), field=field, day=clock.business_day(now))
    tried = await session.begin_nested()
    try:
        await KINDS[kind].carry_out(session, actor.user_id, requested, now)
    except Problem as problem:
        raise _of_one(problem) from problem
    finally:
        await tried.rollback()
    reason = getattr(requested, "reason", None)
    facts = requested.model_dump(mode="json")
    return await ask_change(session, actor, kind, facts, whom=whom, reason=reason, now=now)


@dataclass(frozen=True, slots=True)
class Approved:
    """told: what is told to who approved, once."""

    kind: str
    told: str | None


class AskerGone(Problem):
    """Two people who may: whose role has ended since asks for nothing any more."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "asker_gone"
    title: ClassVar[str] = "提出人已经没有这项权限"


async def approve(
    session: WriteSession, *, actor: Actor, request_id: UUID, kinds: Collection[str], now: datetime
) -> Approved:
    """The second person: it holds now; who asked stands as its author. Its kind is one of `kinds`.

    Raises NotFound, NotAllowed, ChangeDecided, SecondPersonNeeded, AskerGone, and what the kind's own verb raises.
    """
    request = await open_request(session, actor, request_id, kinds)
    requested = KINDS[request.kind].requested.model_validate(request.facts)
    await _require(session, actor, request.kind, requested, now)
    kind, day = KINDS[request.kind], clock.business_day(now)
    asker = await actor_today(session, request.asked_by)
    if not await may(session, asker, kind.permission, await kind.place(session, requested, day), day=day):
        raise AskerGone("请退回，需要的话由现在有权限的人另行提出。")
    await decide_change(session, actor, request, "approved", reason=None, now=now)
    try:
        told = await kind.carry_out(session, request.asked_by, requested, now)
    except Problem as problem:
        raise _of_one(problem) from problem
    return Approved(request.kind, told)


async def refuse(
    session: WriteSession, *, actor: Actor, request_id: UUID, kinds: Collection[str], reason: str, now: datetime
) -> None:
    """The second person says no; who asked takes it back. Raises NotFound, NotAllowed, ChangeDecided."""
    request = await open_request(session, actor, request_id, kinds, own=True)
    await _require(session, actor, request.kind, KINDS[request.kind].requested.model_validate(request.facts), now)
    own = request.asked_by == actor.user_id
    await decide_change(session, actor, request, "withdrawn" if own else "refused", reason=reason, now=now)


async def asked_of(session: ReadSession, actor: Actor, *, kinds: Collection[str], now: datetime) -> list[Row[Any]]:
    """What waits within the actor's reach, his own requests too: the oldest first."""
    day = clock.business_day(now)
    found = []
    for request in await open_requests(session, kinds):
        kind = KINDS[request.kind]
        place = await kind.place(session, kind.requested.model_validate(request.facts), day)
        if await may(session, actor, kind.permission, place, day=day):
            found.append(request)
    return found


async def letter_of(session: ReadSession, actor: Actor, request_id: UUID, *, now: datetime) -> Paper:
    """The letter of a mandate that waits, for whoever may decide it. Raises NotFound."""
    for request in await asked_of(session, actor, kinds=MANDATES, now=now):
        if request.id == request_id:
            return await paper_of(session, request.facts["document_sha256"])
    raise NotFound("没有这个申请。")


async def _require(session: ReadSession, actor: Actor, kind: str, requested: BaseModel, now: datetime) -> UUID | None:
    """The account that it is about, where it is about one."""
    day = clock.business_day(now)
    place = await KINDS[kind].place(session, requested, day)
    await require(session, actor, KINDS[kind].permission, place, day=day)
    not_for = KINDS[kind].not_for
    whom = await not_for(session, requested) if not_for else None
    if whom == actor.user_id:
        raise SecondPersonNeeded("和您自己有关的，请两位同事办理。")
    return whom


def _of_one(problem: Problem) -> Problem:
    """The verbs take several rules and point at `/0/version`; asked is for one."""
    errors = [Detail(one.pointer.removeprefix("/0"), one.code, one.detail) for one in problem.errors]
    return type(problem)(problem.detail, errors, problem.extra)
