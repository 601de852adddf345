"""`/api/v1/audit/questions` and `/api/v1/audit/retention-rules`."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.audit.ask import ask, close, reply
from orders.audit.queries import question_out, questions_of, retention_rules
from orders.audit.schemas import QuestionIn, QuestionOut, QuestionPage, ReplyIn, RetentionPage
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/audit", tags=["audit"])

Somebody = Annotated[Actor, Depends(requires(Permission.ME_READ))]
Reader = Annotated[Actor, Depends(requires(Permission.AUDIT_READ))]
RuleReader = Annotated[Actor, Depends(requires(Permission.RULE_READ))]


@routes.get("/questions")
async def get_questions(
    actor: Somebody,
    database: TheDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> QuestionPage:
    """About the units the caller may audit, those he asked, and those he has to answer."""
    async with database.reading() as session:
        return await questions_of(session, actor, now=clock.now(), limit=limit, cursor=cursor)


@routes.post("/questions", status_code=201, response_model=QuestionOut)
async def post_question(request: Request, body: QuestionIn, actor: Reader, key: IdempotencyKey) -> Response:
    """Ask a role of a unit, or one account, to answer by a day. Auditors under a mandate only."""

    async def verb(session: WriteSession, now: datetime) -> QuestionOut:
        asked = await ask(session, actor=actor, **body.model_dump(), now=now)
        return await question_out(session, actor, asked, now=now)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/questions/{question_id}/reply")
async def post_reply(question_id: UUID, body: ReplyIn, actor: Somebody, database: TheDatabase) -> QuestionOut:
    """By its owner, once."""
    now = clock.now()
    async with database.transaction() as session:
        await reply(session, actor=actor, question_id=question_id, words=body.reply, now=now)
        return await question_out(session, actor, question_id, now=now)


@routes.post("/questions/{question_id}/close")
async def post_close(question_id: UUID, actor: Reader, database: TheDatabase) -> QuestionOut:
    """By who asked, after the reply."""
    now = clock.now()
    async with database.transaction() as session:
        await close(session, actor=actor, question_id=question_id, now=now)
        return await question_out(session, actor, question_id, now=now)


@routes.get("/retention-rules")
async def get_retention(_: RuleReader, database: TheDatabase) -> RetentionPage:
    """How long personal columns are kept, by kind of row, with the source of each rule."""
    async with database.reading() as session:
        return await retention_rules(session, day=clock.today())
