"""The door out: asks again only where that is safe, and tells the log nothing about people."""

import httpx
import pytest
from structlog.testing import capture_logs

from shop.adapters.http import outgoing_client

pytestmark = pytest.mark.anyio


def _client(answers: list[int]) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    """A partner who answers with these states in turn; 0 hangs up."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        status = answers[len(asked) - 1]
        if not status:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status, text="hello")

    return outgoing_client("partner", base_url="http://partner.test", transport=httpx.MockTransport(answer)), asked


@pytest.mark.parametrize(
    ("answers", "status"), [([503, 200], 200), ([0, 200], 200), ([404], 404), ([429, 502, 503], 503)]
)
async def test_reading_is_tried_again(answers: list[int], status: int) -> None:
    client, asked = _client(answers)
    async with client:
        answer = await client.get("/v1/things")
    assert (answer.status_code, answer.text, len(asked)) == (status, "hello", len(answers))


async def test_gives_up_when_nobody_answers() -> None:
    client, asked = _client([0, 0, 0])
    async with client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/v1/things")
    assert len(asked) == 3


async def test_writing_is_tried_again_only_under_a_key() -> None:
    client, asked = _client([503])
    async with client:
        assert (await client.post("/v1/things", data={"a": "1"})).status_code == 503
    assert len(asked) == 1
    client, asked = _client([503, 200])
    async with client:
        keyed = await client.post("/v1/things", data={"a": "1"}, headers={"Idempotency-Key": "k"})
    assert keyed.status_code == 200
    assert [request.content for request in asked] == [b"a=1", b"a=1"]


async def test_log_names_nobody() -> None:
    client, _ = _client([503, 200])
    planted = {"13812345678", "张三", "sk_live_secret", "SF1234567890"}
    with capture_logs() as lines:
        async with client:
            await client.get(
                "/v1/tracks/SF1234567890/%E5%BC%A0%E4%B8%89",
                params={"phone": "13812345678"},
                headers={"Authorization": "Bearer sk_live_secret"},
            )
    assert [line["path"] for line in lines] == ["/v1/tracks/*/*"] * 2
    assert [(line["partner"], line["status"]) for line in lines] == [("partner", 503), ("partner", 200)]
    assert not [word for word in planted if word in str(lines)]
