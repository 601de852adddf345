"""The filing round on a page: `/staff/filings`, its board, and one branch."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from orders.filing.chase import chase
from orders.filing.confirm import confirm
from orders.filing.open_round import open_round
from orders.filing.queries import board, branch, rounds_of
from orders.filing.schemas import ChaseIn, RoundIn, SendBackIn, SignIn
from orders.filing.send_back import send_back
from orders.filing.sign import sign
from orders.report.publish import code_of
from orders.report.visibility import units_to_choose
from orders.seal.key import seal_key
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.requests import TheDatabase, TheSettings
from shop.organisation.queries import visible_unit_ids
from shop.ui.pages import render

routes = APIRouter(prefix="/staff/filings", include_in_schema=False)

Reader = Annotated[Actor, Depends(requires(Permission.REPORT_READ))]
Writer = Annotated[Actor, Depends(requires(Permission.FILING_WRITE))]
STATES = {"waiting": "未报", "confirmed": "已确认", "sent_back": "已退回", "signed": "已签字"}
TONES = {"waiting": "plain", "confirmed": "warn", "sent_back": "warm", "signed": "good"}
KINDS = {"confirmed": "确认数字", "nil": "零报", "signed": "签字", "sent_back": "退回", "chased": "催办"}
CAUSES = {
    "late_rows": "迟到记录", "refunds": "退款", "refunds_undone": "退款撤回", "payments_undone": "收款被撤回",
    "corrections": "更正", "grade_changes": "佐证等级变化",
}  # fmt: skip
_NOTHING = {"month": "", "unit": "", "due_on": ""}


@routes.get("")
async def get_rounds(request: Request, actor: Reader, database: TheDatabase) -> Response:
    """All rounds of the caller, and the form to open one."""
    return await _rounds(request, actor, database, dict(_NOTHING), {}, None)


@routes.post("")
async def post_round(request: Request, actor: Writer, database: TheDatabase) -> Response:
    """Open a round and go to its board; refused, the form comes back as it was typed."""
    form = await request.form()
    typed = {name: str(form.get(name, "")).strip()[:100] for name in _NOTHING}
    try:
        requested = RoundIn.model_validate({name: value for name, value in typed.items() if value})
        async with database.transaction() as session:
            opened = await open_round(
                session,
                actor=actor,
                month=int(requested.month.replace("-", "")),
                unit_id=requested.unit,
                due_on=requested.due_on,
                now=clock.now(),
            )
    except ValidationError as wrong:
        errors = {str(one["loc"][0]): "填写有误" for one in wrong.errors()}
        return await _rounds(request, actor, database, typed, errors, None)
    except Problem as refused:
        errors = {one.pointer.removeprefix("/"): one.detail for one in refused.errors}
        return await _rounds(request, actor, database, typed, errors, refused)
    return RedirectResponse(f"/staff/filings/{opened}", 303)


@routes.get("/{round_id}")
async def get_board(request: Request, round_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """Tiles: each branch with its state in words and colour, its figure, and who signed."""
    async with database.snapshot() as session:
        found = await board(session, actor, round_id, now=clock.now())
    return render(request, "filing/board.html", board=found, states=STATES, tones=TONES)


@routes.get("/{round_id}/{unit_id}")
async def get_branch(request: Request, round_id: UUID, unit_id: UUID, actor: Reader, database: TheDatabase) -> Response:
    """One branch: its figure, its steps, what came later, and what the caller may do now."""
    return await _branch(request, actor, database, round_id, unit_id, None, "")


@routes.post("/{round_id}/{unit_id}/confirm")
async def post_confirm(
    request: Request, round_id: UUID, unit_id: UUID, actor: Writer, database: TheDatabase, settings: TheSettings
) -> Response:
    """The figure as it is known now, or nil."""
    nil = bool((await request.form()).get("nil"))
    try:
        await confirm(
            database,
            actor=actor,
            round_id=round_id,
            unit_id=unit_id,
            nil=nil,
            key=seal_key(settings),
            now=clock.now(),
        )
    except Problem as refused:
        return await _branch(request, actor, database, round_id, unit_id, refused, "")
    return _there(round_id, unit_id)


@routes.post("/{round_id}/{unit_id}/sign")
async def post_sign(request: Request, round_id: UUID, unit_id: UUID, actor: Writer, database: TheDatabase) -> Response:
    """Sign what was on the page."""
    digest = str((await request.form()).get("digest", ""))

    async def act(session: WriteSession) -> None:
        requested = SignIn(digest=digest)
        await sign(session, actor=actor, round_id=round_id, unit_id=unit_id, digest=requested.digest, now=clock.now())

    return await _acted(request, actor, database, round_id, unit_id, act, "")


@routes.post("/{round_id}/{unit_id}/chase")
async def post_chase(request: Request, round_id: UUID, unit_id: UUID, actor: Writer, database: TheDatabase) -> Response:
    """Remind."""
    words = str((await request.form()).get("words", "")).strip()

    async def act(session: WriteSession) -> None:
        requested = ChaseIn(words=words or None)
        await chase(session, actor=actor, round_id=round_id, unit_id=unit_id, words=requested.words, now=clock.now())

    return await _acted(request, actor, database, round_id, unit_id, act, words)


@routes.post("/{round_id}/{unit_id}/send-back")
async def post_send_back(
    request: Request, round_id: UUID, unit_id: UUID, actor: Writer, database: TheDatabase
) -> Response:
    """Back to the branch, with a reason."""
    words = str((await request.form()).get("words", "")).strip()

    async def act(session: WriteSession) -> None:
        requested = SendBackIn(reason=words)
        await send_back(
            session, actor=actor, round_id=round_id, unit_id=unit_id, reason=requested.reason, now=clock.now()
        )

    return await _acted(request, actor, database, round_id, unit_id, act, words)


class WordsMissing(Problem):
    status = 422
    code = "words_missing"
    title = "请写明原因，不超过 300 字"


async def _acted(
    request: Request,
    actor: Actor,
    database: Database,
    round_id: UUID,
    unit_id: UUID,
    act: Callable[[WriteSession], Awaitable[None]],
    words: str,
) -> Response:
    try:
        async with database.transaction() as session:
            await act(session)
    except ValidationError:
        return await _branch(request, actor, database, round_id, unit_id, WordsMissing(), words[:1000])
    except Problem as refused:
        return await _branch(request, actor, database, round_id, unit_id, refused, words)
    return _there(round_id, unit_id)


def _there(round_id: UUID, unit_id: UUID) -> RedirectResponse:
    return RedirectResponse(f"/staff/filings/{round_id}/{unit_id}", 303)


async def _rounds(
    request: Request,
    actor: Actor,
    database: Database,
    typed: dict[str, str],
    errors: dict[str, str],
    problem: Problem | None,
) -> Response:
    now = clock.now()
    today = clock.business_day(now)
    async with database.reading() as session:
        page = await rounds_of(session, actor, month=None, limit=24, cursor=None, now=now)
        units = await units_to_choose(session, actor=actor, day=today)
    return render(
        request,
        "filing/rounds.html",
        status=problem.status if problem else 422 if errors else 200,
        page=page,
        units=units,
        typed={**typed, "month": typed["month"] or _last_month(today)},
        errors=errors,
        problem=problem,
        states=STATES,
        tones=TONES,
        may_open=actor.may(Permission.FILING_WRITE),
    )


async def _branch(
    request: Request,
    actor: Actor,
    database: Database,
    round_id: UUID,
    unit_id: UUID,
    problem: Problem | None,
    words: str,
) -> Response:
    now = clock.now()
    found = await branch(database, actor, round_id, unit_id, now=now)
    async with database.snapshot() as session:
        round_ = await board(session, actor, round_id, now=now)
        mine = await visible_unit_ids(session, actor, Permission.FILING_WRITE, clock.business_day(now))
    return render(
        request,
        "filing/branch.html",
        status=problem.status if problem else 200,
        board=round_,
        one=found,
        code=code_of(found.report_digest) if found.report_digest else "",
        problem=problem,
        words=words,
        states=STATES,
        tones=TONES,
        kinds=KINDS,
        causes=CAUSES,
        may_file=mine is None or unit_id in mine,
        may_ask=mine is None or round_.unit.id in mine,
    )


def _last_month(today: date) -> str:
    month = clock.add_months(clock.month_of(today), -1)
    return f"{month // 100:04}-{month % 100:02}"
