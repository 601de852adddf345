"""`/api/v1/counting-rules`, `/credit/entries` and `/credit/evidence-links`."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from orders.credit.prove import check, open_links, propose
from orders.credit.queries import entries_of, rules_of
from orders.credit.schemas import (
    CheckIn,
    CreditLinkOut,
    CreditLinksOut,
    CreditRulePage,
    EntryPage,
    LinkIn,
)
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase, TheKeys

routes = APIRouter(prefix="/api/v1", tags=["credit"])

Reader = Annotated[Actor, Depends(requires(Permission.CREDIT_READ))]
RuleReader = Annotated[Actor, Depends(requires(Permission.RULE_READ))]
Prover = Annotated[Actor, Depends(requires(Permission.EVIDENCE_WRITE))]
Checker = Annotated[Actor, Depends(requires(Permission.EVIDENCE_CHECK))]
Day = Annotated[date, Query(ge=date(1990, 1, 1), le=date(2199, 12, 31))]


@routes.get("/counting-rules")
async def get_rules(
    _: RuleReader, database: TheDatabase, on: Day | None = None, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> CreditRulePage:
    """Versions with their days and sources; `on`: those in force that business day."""
    async with database.reading() as session:
        return await rules_of(session, limit=limit, cursor=cursor, on=on)


@routes.get("/credit/entries")
async def get_entries(  # each parameter of a list is an argument
    actor: Reader,
    database: TheDatabase,
    keys: TheKeys,
    since: Annotated[Day | None, Query(alias="from")] = None,
    until: Annotated[Day | None, Query(alias="to")] = None,
    kind: Annotated[str | None, Query(max_length=30, pattern=NO_NUL)] = None,
    county: Annotated[str | None, Query(max_length=12, pattern=NO_NUL)] = None,
    channel: Annotated[str | None, Query(max_length=60, pattern=NO_NUL)] = None,
    order_line: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EntryPage:
    """The ledger of the caller's units, the newest first. `from` inclusive, `to` exclusive; else this year."""
    today = clock.today()
    filters = {"kind": kind, "county_code": county, "channel": channel, "order_line_id": order_line}
    async with database.reading() as session:
        return await entries_of(
            session,
            actor,
            day=today,
            since=since or date(today.year, 1, 1),
            until=until or date(today.year + 1, 1, 1),
            filters=filters,
            limit=limit,
            cursor=cursor,
            keys=keys,
        )


@routes.get("/credit/evidence-links")
async def get_links(actor: Checker, database: TheDatabase) -> CreditLinksOut:
    """What waits for a second person."""
    async with database.reading() as session:
        return CreditLinksOut(items=await open_links(session, actor, day=clock.today()))


@routes.post("/credit/evidence-links", status_code=201, response_model=CreditLinksOut)
async def post_link(request: Request, body: LinkIn, actor: Prover, key: IdempotencyKey) -> Response:
    """Put a kept document beside components, claiming a grade. Nothing is lifted before a second person agreed."""

    async def verb(session: WriteSession, now: datetime) -> CreditLinksOut:
        links = await propose(
            session,
            actor=actor,
            component_ids=body.component_ids,
            sha256=body.sha256,
            grade=body.grade,
            note=body.note,
            now=now,
        )
        return CreditLinksOut(items=links)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/credit/evidence-links/{link_id}/check")
async def post_check(link_id: UUID, body: CheckIn, actor: Checker, database: TheDatabase) -> CreditLinkOut:
    """Accept or refuse, by another person than who proposed it."""
    async with database.transaction() as session:
        return await check(
            session, actor=actor, link_id=link_id, accept=body.accept, finding=body.finding, now=clock.now()
        )
