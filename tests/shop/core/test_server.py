"""Real sockets against a server of little patience: who drips is cut, who is only far away is not."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from shop.access.address import address_of, own_address_of
from shop.core.server import PatientProtocol, config_of
from shop.core.settings import Settings

pytestmark = pytest.mark.anyio

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /fast HTTP/1.1\r\nhost: x\r\n\r\n"


class Hurried(PatientProtocol):
    """Seconds of the shop are twentieths here."""

    head_seconds, body_seconds, left_over_seconds, answer_seconds, look_seconds = 0.5, 0.6, 0.3, 0.5, 0.05
    head_bytes, body_bytes_a_second = 4096, 20_000


async def fast(request: Request) -> PlainTextResponse:
    """Answers at once, whatever else is coming."""
    return PlainTextResponse("here")


async def slow(request: Request) -> PlainTextResponse:
    await asyncio.sleep(1.2)
    return PlainTextResponse("at last")


async def late_reader(request: Request) -> PlainTextResponse:
    """The shop's own doing takes long before it reads."""
    await asyncio.sleep(1.2)
    return PlainTextResponse(str(len(await request.body())))


async def read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def endless(request: Request) -> StreamingResponse:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(65_536)
                await asyncio.sleep(0)
        finally:
            request.app.state.ended.set()

    return StreamingResponse(chunks())


VERBS = (fast, slow, late_reader, read, endless)
ROUTES = [Route(f"/{verb.__name__}", verb, methods=["GET", "POST"]) for verb in VERBS]


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with served(Starlette(routes=ROUTES)) as number:
        yield number


@asynccontextmanager
async def served(app: Starlette, settings: Settings | None = None, *, both: bool = False) -> AsyncIterator[int]:
    """On a free port of loopback, in this loop. both: one socket for IPv6 and IPv4."""
    app.state.ended = asyncio.Event()
    both_kinds = {"family": socket.AF_INET6, "dualstack_ipv6": True}
    with socket.create_server(("::" if both else "127.0.0.1", 0), **(both_kinds if both else {})) as door:  # type: ignore[arg-type]
        number: int = door.getsockname()[1]
        config = config_of(app, settings or Settings(_env_file=None), host="127.0.0.1", port=number)
        config.http, config.lifespan, config.loop = Hurried, "off", "none"
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([door]))
        while not server.started:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)
        yield number
        server.should_exit = True
        await serving


@asynccontextmanager
async def connected(port: int, host: str = "127.0.0.1") -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def cut_after(peer: Peer, drip: bytes = b"") -> tuple[float, bytes]:
    """Seconds until the server hangs up, and what it said; meanwhile a byte now and then."""
    reader, writer = peer
    started = monotonic()

    async def dripping() -> None:
        while drip:
            await asyncio.sleep(0.1)
            writer.write(drip)

    feeding = asyncio.create_task(dripping())
    try:
        async with asyncio.timeout(10):
            said = await reader.read(-1)
    except ConnectionResetError:
        said = b""
    finally:
        feeding.cancel()
    return monotonic() - started, said


def problem(said: bytes) -> tuple[int, str]:
    head, _, body = said.rpartition(b"\r\n\r\n")
    last = head.rpartition(b"HTTP/1.1 ")[2]
    assert b"content-type: application/problem+json" in last
    told = json.loads(body)
    assert int(last[:3]) == told["status"]
    return told["status"], told["code"]


async def test_who_says_nothing(port: int) -> None:
    async with connected(port) as peer:
        seconds, said = await cut_after(peer)
    assert 0.3 < seconds < 2
    assert problem(said) == (408, "too_slow")


@pytest.mark.parametrize("begun", [b"GET / HT", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nx-drip: "])
async def test_a_head_in_drips(port: int, begun: bytes) -> None:
    async with connected(port) as peer:
        peer[1].write(begun)
        seconds, said = await cut_after(peer, b"a" if b":" in begun else b"")
    assert seconds < 2
    assert problem(said) == (408, "too_slow")


@pytest.mark.parametrize("drip", [b"\r\n", b"GET", b"G"])
async def test_a_second_request_in_drips(port: int, drip: bytes) -> None:
    """uvicorn's own timer is cancelled by the first byte after an answer."""
    async with connected(port) as peer:
        peer[1].write(GET)
        await peer[0].readuntil(b"here")
        peer[1].write(drip)
        seconds, said = await cut_after(peer, b"\r\n" if drip == b"\r\n" else b"")
    assert seconds < 2
    assert problem(said) == (408, "too_slow")


async def test_a_head_without_end(port: int) -> None:
    async with connected(port) as peer:
        peer[1].write(b"GET / HTTP/1.1\r\nhost: x\r\n")
        peer[1].write(b"".join(b"x-%d: %s\r\n" % (number, b"y" * 100) for number in range(100)))
        seconds, said = await cut_after(peer)
    assert seconds < 0.4
    assert problem(said) == (431, "headers_too_large")


@pytest.mark.parametrize("path", [b"/read", b"/late_reader"])
async def test_a_body_in_drips(port: int, path: bytes) -> None:
    async with connected(port) as peer:
        peer[1].write(b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" % path)
        seconds, said = await cut_after(peer, b"x")
    assert 0.5 < seconds < 2
    assert problem(said) == (408, "too_slow")


async def test_chunks_in_drips(port: int) -> None:
    async with connected(port) as peer:
        peer[1].write(b"POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        seconds, said = await cut_after(peer, b"1\r\nx\r\n")
    assert 0.5 < seconds < 2
    assert problem(said) == (408, "too_slow")


async def test_what_nobody_reads_in_drips(port: int) -> None:
    """The answer has been given; the rest of the body does not keep the connection."""
    async with connected(port) as peer:
        peer[1].write(b"POST /fast HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        seconds, said = await cut_after(peer, b"x")
    assert seconds < 1.5
    assert said.endswith(b"\r\n\r\nhere"), "it is answered once"


async def test_a_slow_line_that_keeps_moving_is_heard(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n")
        for _ in range(20):  # two seconds: three times as long as a body without a line's pace has
            await asyncio.sleep(0.1)
            writer.write(bytes(3000))
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"60000")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_", "ends"),
    [
        (b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n", b"at last"),
        (b"POST /late_reader HTTP/1.1\r\nhost: x\r\ncontent-length: 500000\r\n\r\n" + bytes(500_000), b"500000"),
        (b"POST /late_reader HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n", b"3"),
    ],
)
async def test_nobody_is_cut_because_the_shop_is_slow(port: int, request_: bytes, ends: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(request_)
        if b"100-continue" in request_:
            await reader.readuntil(b"100 Continue\r\n\r\n")
            writer.write(b"xyz")
        async with asyncio.timeout(5):
            assert (await reader.readuntil(ends)).startswith(b"HTTP/1.1 200")


async def test_the_beginning_of_a_second_request_does_not_cut_the_first(port: int) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET /fast HTT")
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"at last")).startswith(b"HTTP/1.1 200")
        writer.write(b"P/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"here")).startswith(b"HTTP/1.1 200")


async def test_requests_one_after_another_and_all_at_once(port: int) -> None:
    async with connected(port) as (reader, writer):
        for _ in range(3):
            writer.write(GET)
            await reader.readuntil(b"here")
            await asyncio.sleep(0.2)
        writer.write(GET * 20)
        for _ in range(20):
            await reader.readuntil(b"here")


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 6\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 6",
        b"transfer-encoding: xchunked",
        b"content-length: 6\r\ncontent-length: 5",
        b"content-length: +6",
    ],
)
async def test_where_a_request_ends_is_said_once_or_it_is_refused(port: int, head: bytes) -> None:
    """Else a proxy and the shop could see two requests in one, or one in two."""
    async with connected(port) as peer:
        peer[1].write(b"POST /read HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n0\r\n\r\n" + GET)
        said = (await cut_after(peer))[1]
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1, "what came after it is not heard"


async def test_who_takes_no_answer_frees_what_makes_it() -> None:
    app = Starlette(routes=ROUTES)
    async with served(app) as port, connected(port) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's
        writer.write(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        async with asyncio.timeout(5):
            await app.state.ended.wait()


async def test_who_takes_his_time_gets_it_all() -> None:
    """Slower than the server's patience as a whole, but never still for so long."""
    app = Starlette(routes=ROUTES)
    async with served(app) as port, connected(port) as (reader, writer):
        writer.write(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        for _ in range(8):
            await reader.readexactly(1_000_000)
            await asyncio.sleep(0.15)
        assert not app.state.ended.is_set()


# --- who is calling ---


async def who(port: int, *headers: str, host: str = "127.0.0.1") -> tuple[str, str]:
    return (await told(port, *headers, host=host))[:2]


async def own(port: int, *headers: str, host: str = "127.0.0.1") -> str:
    """The address that wrong passwords count against."""
    return (await told(port, *headers, host=host))[2]


async def told(port: int, *headers: str, host: str) -> tuple[str, str, str]:
    async with connected(port, host) as (reader, writer):
        writer.write("\r\n".join(["GET /who HTTP/1.1", "host: x", *headers, "", ""]).encode())
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
        said = dict(line.split(": ", 1) for line in head.decode().lower().splitlines() if ": " in line)
        return said["x-host"], said["x-scheme"], said["x-own"]


async def told_who(request: Request) -> PlainTextResponse:
    own_address = own_address_of(request) or "nobody's"
    seen = {"x-host": address_of(request), "x-scheme": request.scope["scheme"], "x-own": own_address}
    return PlainTextResponse("", headers=seen)


@pytest.mark.parametrize("proxies", ["", "10.0.0.1", "127.0.0.2"])
async def test_nobody_says_himself_where_he_is(proxies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own setting, which would believe everybody
    settings = Settings(_env_file=None, trusted_proxies=proxies)
    async with served(Starlette(routes=[Route("/who", told_who)]), settings) as port:
        for headers in (
            ("x-forwarded-for: 203.0.113.9", "x-forwarded-proto: https"),
            ("x-forwarded-for: 203.0.113.9, 127.0.0.1",),
            ("forwarded: for=203.0.113.9;proto=https",),
            ("x-real-ip: 203.0.113.9",),
        ):
            assert await who(port, *headers) == ("127.0.0.1", "http")


async def test_a_trusted_proxy_says_who_calls() -> None:
    settings = Settings(_env_file=None, trusted_proxies="127.0.0.1, 10.1.0.0/16, 2001:db8:ffff::/48")
    async with served(Starlette(routes=[Route("/who", told_who)]), settings) as port:
        cases = {
            ("x-forwarded-for: 203.0.113.9",): "203.0.113.9",
            ("x-forwarded-for: 1.1.1.1, 203.0.113.9",): "203.0.113.9",  # what the caller wrote stands left of it
            ("x-forwarded-for: 1.1.1.1", "x-forwarded-for: 203.0.113.9, 10.1.2.3"): "203.0.113.9",
            ("x-forwarded-for: 1.1.1.1, 203.0.113.9, 10.1.2.3, 127.0.0.1",): "203.0.113.9",
            ("x-forwarded-for: 1.1.1.1, 10.2.0.1, 10.1.2.3",): "10.2.0.1",
            ("x-forwarded-for: 203.0.113.9:4711",): "203.0.113.9",
            ("x-forwarded-for: [2001:db8:1:2::9]:4711, 2001:db8:ffff::1",): "2001:db8:1:2::/64",
            ("x-forwarded-for: ",): "127.0.0.1",
            (): "127.0.0.1",
        }
        for headers, expected in cases.items():
            assert (await who(port, *headers))[0] == expected, headers
        assert (await who(port, "x-forwarded-proto: https"))[1] == "https"
        assert (await who(port, "x-forwarded-proto: gopher"))[1] == "http"


async def test_an_address_that_strangers_may_share_is_nobodys() -> None:
    """The operator forgot the proxy, or named another one; then one that he named."""
    for proxies in ("", "10.9.9.9"):
        settings = Settings(_env_file=None, trusted_proxies=proxies)
        async with served(Starlette(routes=[Route("/who", told_who)]), settings) as port:
            for headers in ((), ("x-forwarded-for: 203.0.113.9",), ("x-forwarded-for: 127.0.0.1",)):
                assert await own(port, *headers) == "nobody's", headers
    settings = Settings(_env_file=None, trusted_proxies="127.0.0.1,10.0.0.0/8")
    async with served(Starlette(routes=[Route("/who", told_who)]), settings) as port:
        assert await own(port, "x-forwarded-for: 203.0.113.9") == "203.0.113.9"
        assert await own(port, "x-forwarded-for: 192.168.7.9, 10.0.0.1") == "192.168.7.9", "a caller of the house"
        for silent in ((), ("x-forwarded-for: ",), ("x-forwarded-for: unknown",), ("x-forwarded-for: 203.0.113.9, -",)):
            assert await own(port, *silent) == "nobody's", silent


async def test_a_proxy_is_known_by_ipv4_and_ipv6() -> None:
    settings = Settings(_env_file=None, trusted_proxies="127.0.0.1, 10.1.0.0/16, ::1")
    async with served(Starlette(routes=[Route("/who", told_who)]), settings, both=True) as port:
        for host in ("127.0.0.1", "::1"):
            assert (await who(port, "x-forwarded-for: 203.0.113.9", host=host))[0] == "203.0.113.9"
            assert (await who(port, "x-forwarded-for: 203.0.113.9, ::ffff:10.1.2.3", host=host))[0] == "203.0.113.9"
    settings = Settings(_env_file=None, trusted_proxies="127.0.0.2")
    async with served(Starlette(routes=[Route("/who", told_who)]), settings, both=True) as port:
        for host in ("127.0.0.1", "::1"):
            assert await own(port, "x-forwarded-for: 203.0.113.9", host=host) == "nobody's"
