"""A NUL is refused however it is spelled and wherever the network cuts the body; files are bytes and pass."""

import json
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from shop.app.home.no_nul import NoNul
from tests.make.evidence import PNG

pytestmark = pytest.mark.anyio

PIECES = ("\0", "\\", "\\u0000", "u0000", "%00", "%", "+", "a", "字", '"', "\n", "&", "=", "--x")
WORDS = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
BYTE_BY_BYTE = list(range(1, 400))
CUTS = st.lists(st.integers(0, 400), max_size=8)


async def seen(body: bytes, kind: str, cuts: list[int]) -> bool:
    """Whether the application got all of it."""
    places = [0, *sorted(one for one in cuts if one < len(body)), len(body)]
    pieces = [body[start:end] for start, end in pairwise(places)]
    got = b""

    async def receive() -> Message:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(_: Message) -> None: ...

    async def app(scope: Any, receive: Any, _: Any) -> None:
        nonlocal got
        async for piece in Request(scope, receive).stream():
            got += piece

    scope = {
        "type": "http", "method": "POST", "path": "/x", "query_string": b"",
        "headers": [(b"content-type", kind.encode())],
    }  # fmt: skip
    try:
        await NoNul(app)(scope, receive, send)
    except HTTPException as refused:
        if refused.status_code != 422:
            raise
        return False
    assert got == body, "what passes is unchanged"
    return True


@given(words=WORDS, cuts=CUTS)
@example(words="a\0b", cuts=BYTE_BY_BYTE)
async def test_in_a_form(words: str, cuts: list[int]) -> None:
    body = urlencode({"a": words, "b": "x"}).encode()
    assert await seen(body, "application/x-www-form-urlencoded", cuts) == ("\0" not in words)


@given(words=WORDS, cuts=CUTS)
@example(words="a\0b", cuts=BYTE_BY_BYTE)
async def test_in_json(words: str, cuts: list[int]) -> None:
    body = json.dumps({words: [words, {"b": words}]}).encode()
    assert await seen(body, "application/json; charset=utf-8", cuts) == ("\0" not in words)
    assert await seen(body, "application/problem+json", cuts) == ("\0" not in words)


@given(words=WORDS, cuts=CUTS, name=st.sampled_from(["a", "filename", "a; filename=x"]))
@example(words="a\0b", cuts=BYTE_BY_BYTE, name="a")
async def test_in_a_form_with_files(words: str, cuts: list[int], name: str) -> None:
    asked = httpx.Request("POST", "http://x", data={name: words}, files={"file": ("a.png", PNG)})
    assert await seen(asked.read(), asked.headers["content-type"], cuts) == ("\0" not in words)


@pytest.mark.parametrize(
    ("head", "passes"),
    [
        ('Content-Disposition: form-data; name="a"; filename="b"', True),
        ('Content-Disposition: form-data; name="a"', False),
        ('Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; filename="b"', False),
        ('Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Disposition: form-data; name="a"', False),
        ("Content-Disposition: form-data; name=\"a\"; filename*=utf-8''b", False),
        ('Content-Disposition: form-data; name="a\0"; filename="b"', False),
        ('Content-Disposition: form-data; name="a"; filename="b\0"', False),
    ],
)
@pytest.mark.parametrize("cuts", [[], BYTE_BY_BYTE])
async def test_a_part_is_a_file_where_the_framework_reads_a_file(head: str, cuts: list[int], *, passes: bool) -> None:
    body = f"--x\r\n{head}\r\n\r\n1\x002\r\n--x--\r\n".encode("latin-1")
    assert await seen(body, "multipart/form-data; boundary=x", cuts) is passes


async def test_of_another_encoding_nobody_can_say(client: httpx.AsyncClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\\x00@a.cn\r\n--x--\r\n'
    for charset, status in (("unicode_escape", 422), ("UTF-8", 422)):  # the second for what is missing
        kind = f"multipart/form-data; boundary=x; charset={charset}"
        answer = await client.post("/api/v1/auth/token", content=body, headers={"content-type": kind})
        assert answer.status_code == status
        assert ("NUL" in answer.json()["detail"]) == (charset == "unicode_escape")


async def test_it_is_said_to_programs_and_to_people(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/api/v1/quotes", content=b'{"lines": "\\u0000"}', headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "NUL" in answer.json()["detail"]
    page = await client.get("/verify?code=%00", headers={"accept": "text/html"})
    assert (page.status_code, "NUL" in page.text) == (422, True)
    assert (await client.get("/api/v1/counties", params={"q": "%2500"})).status_code == 200, "a word like any other"
