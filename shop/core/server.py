"""The server's side of a connection: who keeps it waiting is cut, so that nobody holds the door without walking in.

uvicorn times only the pause between two requests; what it leaves open is closed here, in its own protocol class, which
its option `http` takes. A request that arrives in one piece costs no timer.
"""

import asyncio
import socket
from asyncio import TimerHandle, Transport
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shop.core import telemetry
from shop.core.errors import Problem
from shop.core.settings import Settings

KEEP_ALIVE_SECONDS: Final = 5
"""Between two requests; uvicorn's own timer."""


class TooSlow(Problem):
    status = 408
    code = "too_slow"
    title = "请求传得太慢"


class HeadersTooLarge(Problem):
    status = 431
    code = "headers_too_large"
    title = "请求头太大"


class PortTaken(Problem):
    status = 500
    code = "port_taken"
    title = "端口不能用"


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to its patience.

    A head must be complete `head_seconds` after its connection or its first byte, in `head_bytes` at most. A body has
    `body_seconds`, and a second more for each `body_bytes_a_second` that have come; while the shop itself does not read
    on, the caller is not late. What is left of a body after its answer has `left_over_seconds`. An answer that nobody
    takes is dropped `answer_seconds` after it began to wait.
    """

    head_seconds: ClassVar[float] = 10
    head_bytes: ClassVar[int] = 64 * 1024
    body_seconds: ClassVar[float] = 20
    body_bytes_a_second: ClassVar[int] = 16 * 1024
    left_over_seconds: ClassVar[float] = 5
    answer_seconds: ClassVar[float] = 60
    look_seconds: ClassVar[float] = 1
    """How often a body under way is looked at."""

    def __init__(self, *facts: Any, **more: Any) -> None:
        super().__init__(*facts, **more)
        self._in_head = self._in_body = self._answered = self._hung_up = False
        self._head_read = self._body_read = 0
        self._body_waited = 0.0
        self._head_due: TimerHandle | None = None
        self._body_due: TimerHandle | None = None
        self._answer_due: TimerHandle | None = None

    # --- what the connection does ---

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as the parent's
        super().connection_made(transport)
        self._head_due = self.loop.call_later(self.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_due, self._body_due, self._answer_due):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._hung_up:
            return
        began = self._head_due
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_body and self._body_due is None:
            self._body_due = self.loop.call_later(self.look_seconds, self._look_at_the_body)
        if self._head_due is not None:
            self._head_read += len(data) if self._head_due is began else 0
            if self._head_read > self.head_bytes:
                self._cut(HeadersTooLarge(f"请求头最多 {self.head_bytes} 字节。"))
        elif self._in_head or not (self._in_body or self._is_asked()):
            self._head_due = self.loop.call_later(self.head_seconds, self._head_is_late)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()
        self.scope["peer"] = self.client  # type: ignore[typeddict-unknown-key]  # stays when a proxy says who calls

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._answered = False, True, False
        self._head_read = self._body_read = 0
        self._body_waited = 0.0
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_read += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        if self._body_due is not None:
            self._body_due.cancel()
            self._body_due = None
        super().on_message_complete()

    # --- who is late ---

    def _head_is_late(self) -> None:
        self._head_due = None
        if self._is_asked():  # of the request before: the shop is the one who is late
            self._head_due = self.loop.call_later(self.head_seconds, self._head_is_late)
            return
        self._cut(TooSlow(f"请求头须在 {self.head_seconds:g} 秒内传完。"))

    def _look_at_the_body(self) -> None:
        self._body_due = None
        if self.cycle.response_complete and not self._answered:
            self._answered, self._body_waited = True, 0.0
        if not self.flow.read_paused and not self.cycle.waiting_for_100_continue:
            self._body_waited += self.look_seconds
        allowed = self.body_seconds + self._body_read / self.body_bytes_a_second
        if self._body_waited > (self.left_over_seconds if self._answered else allowed):
            at_least = f"每秒至少传 {self.body_bytes_a_second} 字节"
            self._cut(TooSlow(f"请求内容须在 {self.body_seconds:g} 秒内传完，或{at_least}。"))
        else:
            self._body_due = self.loop.call_later(self.look_seconds, self._look_at_the_body)

    def _cut(self, problem: Problem) -> None:
        """Say why, where no answer is under way, and hang up; whoever reads the body learns that nobody sends it."""
        if self._hung_up or self.transport.is_closing():
            return
        self._hung_up = True
        telemetry.CUT.labels(problem.code).inc()
        if not (self.cycle.response_started if self._in_body else self._is_asked()):
            self.transport.write(_written(problem))
        if self._is_asked():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # What still arrives is thrown away for a while: closed at once, the line would lose what was just said.
        self.transport.write_eof()
        self.loop.call_later(self.left_over_seconds, self.transport.abort)

    def _is_asked(self) -> bool:
        """Whether a request waits for the end of its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    # --- who does not take what he asked for ---

    def pause_writing(self) -> None:
        super().pause_writing()
        self._drop_if_not_taken()

    def resume_writing(self) -> None:
        if self._answer_due is not None and not self.transport.is_closing():
            self._answer_due.cancel()
            self._answer_due = None
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._drop_if_not_taken()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._drop_if_not_taken()

    def _drop_if_not_taken(self) -> None:
        if self._answer_due is None:
            self._answer_due = self.loop.call_later(self.answer_seconds, self._drop)

    def _drop(self) -> None:
        telemetry.CUT.labels("not_taken").inc()
        self.transport.abort()


def _written(problem: Problem) -> bytes:
    body = msgspec.json.encode(problem.as_json())
    head = (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def config_of(app: Any, settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """How the shop is served. Headers of a proxy are believed from TRUSTED_PROXIES only: read from the right, those
    proxies skipped, the first other address is the caller's (`scope["client"]`); who is connected is `scope["peer"]`.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=[str(one) for one in settings.proxies],
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=20,
    )


def door_of(config: uvicorn.Config) -> socket.socket:
    """Raises PortTaken."""
    try:
        return config.bind_socket()
    except SystemExit:  # so the library says it
        where = f"{config.host}:{config.port}"
        raise PortTaken(f"{where} 已被别的进程占用，或不是本机的地址：请另选一个端口。") from None


class _Beside(uvicorn.Server):
    """In a process that is told by itself when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served_beside(app: Any, settings: Settings, *, host: str, port: int) -> AsyncIterator[None]:
    """In this loop while the block runs. Raises PortTaken."""
    config = config_of(app, settings, host=host, port=port)
    server, door = _Beside(config), door_of(config)
    serving = asyncio.create_task(server.serve([door]), name="served beside")
    while not (server.started or serving.done()):  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
