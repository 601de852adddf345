"""What goes wrong is said twice: to programs with a stable code, to people on a page; never with what was sent."""

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import BaseModel, Field

from shop.app.home.body_limit import BYTES_MAX
from shop.app.main import create_app
from shop.core.errors import Problem
from shop.core.settings import Settings
from tests.make.keys import keys_from

pytestmark = pytest.mark.anyio


class Line(BaseModel):
    quantity: int = Field(ge=1)


class Body(BaseModel):
    lines: list[Line]


class SoldOut(Problem):
    status = 409
    code = "sold_out"
    title = "已售完"


@pytest.fixture
async def client() -> httpx.AsyncClient:
    made = create_app(Settings(_env_file=None))
    made.state.keys = keys_from("of no database")

    @made.post("/api/v1/test")
    async def post(body: Body) -> Body:
        return body

    @made.get("/api/v1/test/{kind}")
    @made.get("/test/{kind}")
    async def get(kind: str) -> None:
        if kind == "crash":
            raise RuntimeError("张三 13800138000")
        if kind == "away":
            raise ConnectionRefusedError
        raise SoldOut("请少买一些。")

    return httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://shop.test")


async def test_a_field_is_named_by_its_pointer_and_its_value_is_not_repeated(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/test", json={"lines": [{"quantity": 1}, {"quantity": -13800138000}]})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "invalid"
    assert answer.json()["errors"] == [
        {"pointer": "/lines/1/quantity", "code": "greater_than_equal", "detail": "不能小于 1"}
    ]
    assert "13800138000" not in answer.text


async def test_what_is_no_json(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/test", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "json_invalid")


async def test_a_verbs_refusal(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/test/sold_out")).json()
    assert told == {
        "type": "about:blank",
        "title": "已售完",
        "status": 409,
        "code": "sold_out",
        "detail": "请少买一些。",
    }
    page = await client.get("/test/sold_out", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert "请少买一些。" in page.text
    assert (await client.get("/test/sold_out", headers={"accept": "application/json"})).json()["code"] == "sold_out"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/test", 405, "method_not_allowed"),
        ("TRACE", "/api/v1/test", 405, "method_not_allowed"),
        ("GET", "/api/v1/test/crash", 500, "internal"),
        ("GET", "/api/v1/test/away", 503, "try_again"),
    ],
)
async def test_what_no_verb_said(client: httpx.AsyncClient, method: str, path: str, status: int, code: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["x-request-id"]
    assert "张三" not in answer.text
    assert "Error" not in answer.text


async def test_a_body_that_is_too_large(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/test", content=b"x" * (BYTES_MAX + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    words = {"content-type": "application/json; charset=utf-8"}
    answer = await client.post("/api/v1/test", content=b"[" * (8 * 1024 * 1024 + 1), headers=words)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), "what is parsed as a whole may be less"

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield bytes(1024 * 1024)

    answer = await client.post("/api/v1/test", content=unannounced())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_crash_names_the_request_for_whoever_asks_for_help(client: httpx.AsyncClient) -> None:
    page = await client.get("/test/crash", headers={"accept": "text/html"})
    assert page.status_code == 500
    assert page.headers["x-request-id"] in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]


async def test_a_request_id_is_taken_over_only_when_it_is_one(client: httpx.AsyncClient) -> None:
    sane = "0123456789abcdef0123456789abcdef"
    kept = await client.get("/healthz", headers={"x-request-id": sane})
    assert kept.headers["x-request-id"] == sane
    refused = await client.get("/healthz", headers={"x-request-id": "13800138000"})
    assert "13800138000" not in refused.headers["x-request-id"]
