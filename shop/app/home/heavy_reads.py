"""What takes the database or a processor for long is asked a few at a time: nobody's reports stop others' orders, and
everybody's together leave a connection to the rest.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shop.access.address import address_of
from shop.access.guard import maybe_actor
from shop.access.permissions import Actor
from shop.app.home.problems import DatabaseAway
from shop.core.errors import Problem, TooMany
from shop.core.postgres.connection import POOL_SECONDS

AT_ONCE: Final = 3
"""Of one person, or of one address of strangers, in one process: it protects this process, as the limit of searches."""
HEAVY: Final = (
    "/api/v1/reports/sales",
    "/api/v1/reports/bridge",
    "/api/v1/credit/entries",
    "/api/v1/credit/explain",
    "/api/v1/credit/export",
    "/api/v1/audit",
    "/api/v1/audit/lines",
    "/api/v1/audit/samples/{sample_id}",
    "/api/v1/bulk-purchases/{purchase_id}/archive",
    "/api/v1/bulk-purchases/{purchase_id}/contract",
    "/api/v1/bulk-purchases/{purchase_id}/roll",
    "/api/v1/bulk-purchases/{purchase_id}/recipients/errors",
    "/api/v1/filings/{round_id}",
    "/api/v1/filings/{round_id}/branches/{unit_id}",
    "/api/v1/me/data",
    "/audit/events",
    "/me/privacy/data.json",
    "/staff/explain/{order_line}",
    "/staff/filings/{round_id}",
    "/staff/filings/{round_id}/{unit_id}",
    "/staff/reports",
    "/union/purchases/{purchase_id}/contract",
    "/union/purchases/{purchase_id}/roll/{output}",
)
"""Routes that are read (GET): reports, exports, papers, explanations, copies of one's data, and searches in the ledger
and the audit."""
READ_WHILE_SENT: Final = frozenset({"/api/v1/credit/export"})
_ANY_OF_THEM: Final = re.compile(
    "|".join("({})".format(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))) for path in HEAVY)
)


class BusyForYou(TooMany):
    """`extra["retry_after_s"]`: when it is worth asking again."""

    code = "busy_for_you"
    title = "同时查询太多"


class NoTurn(DatabaseAway):
    """Others' reports take all the connections that reports may have."""

    title = "系统暂时忙不过来"


@dataclass(frozen=True, slots=True)
class _Route:
    """What the log names where the framework has not looked for the route."""

    path: str


class HeavyReads:
    """ASGI middleware, inside of `Forms`, which knows the visitor. A turn is held until the answer begins, of what is
    read while it is sent until its last byte: who takes his report slowly keeps nobody else waiting.

    `answer` makes a problem an answer.
    """

    def __init__(self, app: ASGIApp, *, answer: Callable[[Request, Problem], Response]) -> None:
        self.app = app
        self.answer = answer
        self.running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and _ANY_OF_THEM.fullmatch(scope["path"])
        if not asked:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        actor = await _actor(request)
        who = f"user {actor.user_id}" if actor else f"address {address_of(request)}"

        async def refuse(problem: Problem) -> None:
            scope["route"] = _Route(HEAVY[(asked.lastindex or 1) - 1])
            await self.answer(request, problem)(scope, receive, send)

        if self.running[who] >= AT_ONCE:
            await refuse(BusyForYou("您已有几个查询在进行：等其中一个完成后再试。", extra={"retry_after_s": 5}))
            return
        self.running[who] += 1
        try:
            if actor is None:  # the route turns strangers away, and asks the database nothing
                await self.app(scope, receive, send)
            elif await _has_turn(turns := scope["app"].state.database.long_reads):
                turn = ExitStack()
                turn.callback(turns.release)

                async def begun(message: Message) -> None:
                    if message["type"] == "http.response.start" and scope["path"] not in READ_WHILE_SENT:
                        turn.close()
                    await send(message)

                with turn:
                    await self.app(scope, receive, begun)
            else:
                await refuse(NoTurn("别人的报表正在生成，请稍后再试。", extra={"retry_after_s": 5}))
        finally:
            self.running[who] -= 1
            if not self.running[who]:
                del self.running[who]


async def _actor(request: Request) -> Actor | None:
    try:
        return await maybe_actor(request)
    except Problem:  # the route refuses the token by itself
        return None


async def _has_turn(turns: asyncio.Semaphore) -> bool:
    """Within the time that a connection is waited for."""
    try:
        async with asyncio.timeout(POOL_SECONDS):
            return await turns.acquire()
    except TimeoutError:
        return False
