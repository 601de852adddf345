"""`/api/v1/spending-rules` and `/api/v1/spending-decisions`."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from orders.spending.add_rules import NewRule, RuleIncomplete, RuleTaken, add_rules, end_rule
from orders.spending.queries import decision_out, may_rule, rule_out, rules_of
from orders.spending.schemas import DecisionOut, EndIn, Kind, RuleIn, RuleOut, RulePage
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotAllowed, NotFound
from shop.core.idempotency import Answer, IdempotencyKey, digest_of, once
from shop.core.paging import LIMIT_DEFAULT, LIMIT_MAX, NO_NUL
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
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> RulePage:
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


@routes.post("/spending-rules", status_code=201, response_model=RuleOut)
async def post_rule(
    request: Request, wanted: RuleIn, actor: Writer, database: TheDatabase, key: IdempotencyKey
) -> Response:
    """A new rule, or a new version: an open one of the same code ends where it begins. 409 where days overlap."""
    now = clock.now()

    async def add(session: WriteSession) -> Answer:
        await _check_reach(session, actor, wanted.union_id)
        new = msgspec.convert(wanted.model_dump(), NewRule)
        try:
            (rule_id,) = await add_rules(session, actor_id=actor.user_id, rules=[new], now=now)
        except (RuleTaken, RuleIncomplete) as problem:
            raise type(problem)(
                problem.detail,
                [Detail(one.pointer.removeprefix("/0"), one.code, one.detail) for one in problem.errors],
            ) from problem
        return Answer(201, (await rule_out(session, rule_id)).model_dump_json().encode())

    digest = await digest_of(request)
    answer = await once(database, add, actor_id=actor.user_id, key=key, request_sha256=digest, now=now)
    return answer.as_response()


@routes.post("/spending-rules/{rule_id}/end")
async def post_end(rule_id: UUID, wanted: EndIn, actor: Writer, database: TheDatabase) -> RuleOut:
    """The rule holds until the day before `valid_to`. It ends once: 409 afterwards. Nothing else of it changes."""
    async with database.transaction() as session:
        rule = await rule_out(session, rule_id)
        await _check_reach(session, actor, rule.union_id)
        await end_rule(
            session,
            actor_id=actor.user_id,
            rule_id=rule_id,
            valid_to=wanted.valid_to,
            reason=wanted.reason,
            now=clock.now(),
        )
        return await rule_out(session, rule_id)


@routes.get("/spending-decisions/{decision_id}")
async def get_decision(decision_id: UUID, actor: Reader, database: TheDatabase) -> DecisionOut:
    """What the rules said about a purchase; asked again, and whether the answer came out the same."""
    async with database.snapshot() as session:
        return await decision_out(session, actor, decision_id, day=clock.today())


async def _check_reach(session: WriteSession, actor: Actor, union_id: UUID | None) -> None:
    """Raises NotFound for a union outside the writer's reach, NotAllowed for the rules of everybody."""
    if await may_rule(session, actor, union_id, day=clock.today()):
        return
    if union_id is None:
        raise NotAllowed("全国和各省的规则只能由管理全部单位的管理员录入。")
    raise NotFound("没有这个工会，或者它不在您的管理范围内。", [Detail("/union_id", "not_found", "没有这个工会")])
