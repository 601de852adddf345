"""In front of the application: quick for strangers, never old, never shared where it must not be."""

import asyncio
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from catalog.listing import cache
from catalog.listing.cache import ListingCache
from shop.core.database import Database
from tests.make.listing import Goods, list_goods, run

LIST = "/api/v1/products"


class Counting:
    """An application that says how often it was asked, and takes its time."""

    def __init__(self, *headers: tuple[bytes, bytes], status: int = 200) -> None:
        self.asked = 0
        self.status = status
        self.headers = [(b"x-request-id", b"first"), (b"content-security-policy", b"default-src 'self'"), *headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        mine = self.asked
        await asyncio.sleep(0.01)
        start: Message = {"type": "http.response.start", "status": self.status, "headers": list(self.headers)}
        await send(start)
        await send({"type": "http.response.body", "body": b"%d" % mine})


class Time:
    """The machine's steady clock, standing still until a test moves it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    stands = Time()
    monkeypatch.setattr(cache, "monotonic", stands)
    return stands


def through(app: object) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(ListingCache(app)), base_url="http://shop.test")  # type: ignore[arg-type]


def hits() -> float:
    return REGISTRY.get_sample_value("listing_cache_answers_total", {"source": "cache"}) or 0


@pytest.mark.anyio
async def test_a_storm_of_strangers_asks_the_application_once() -> None:
    app, before = Counting(), hits()
    async with through(app) as client:
        answers = await asyncio.gather(*(client.get(LIST) for _ in range(100)))
        answers.append(await client.get(LIST))
    assert app.asked == 1
    assert {answer.content for answer in answers} == {b"1"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 101
    assert answers[0].headers["x-request-id"] == "first"  # the one that stands in the log
    assert all(answer.headers["content-security-policy"] for answer in answers)
    assert hits() - before == 100


@pytest.mark.anyio
async def test_half_a_second_later_it_asks_again(stranger: AsyncClient, database: Database, time: Time) -> None:
    goods = Goods(on_hand=5)
    await list_goods(database, goods)
    assert (await stranger.get(LIST)).json()["items"][0]["available"] == 5
    await run(database, "UPDATE stock_item SET held_pieces = 2")
    assert (await stranger.get(LIST)).json()["items"][0]["available"] == 5
    time.now_s += cache.LIFETIME_S
    assert (await stranger.get(LIST)).json()["items"][0]["available"] == 3
    assert 0.5 <= cache.LIFETIME_S <= 1


@pytest.mark.anyio
@pytest.mark.parametrize("headers", [{"cookie": "a=b"}, {"authorization": "Bearer x"}])
async def test_who_is_known_passes_by(headers: dict[str, str]) -> None:
    app = Counting()
    async with through(app) as client:
        assert [(await client.get(LIST, headers=headers)).text for _ in range(2)] == ["1", "2"]
        assert (await client.get(LIST)).text == "3"
        assert (await client.get(LIST, headers=headers)).text == "4"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "app",
    [
        Counting((b"set-cookie", b"token=1")),
        Counting((b"cache-control", b"private, no-cache")),
        Counting(status=422),
        Counting(status=500),
    ],
)
async def test_what_is_for_one_is_kept_for_nobody(app: Counting) -> None:
    async with through(app) as client:
        answers = await asyncio.gather(*(client.get("/counties/513328") for _ in range(5)))
    assert sorted(answer.text for answer in answers) == ["1", "2", "3", "4", "5"]
    assert all(answer.headers["x-request-id"] == "first" for answer in answers)


@pytest.mark.anyio
async def test_only_the_window_is_kept_and_each_question_by_itself() -> None:
    app = Counting()
    async with through(app) as client:
        for _ in range(2):
            await client.get("/api/v1/orders")
            await client.post(LIST)
        assert app.asked == 4
        texts = [(await client.get(url)).text for url in (LIST, f"{LIST}?q=a", f"{LIST}/1", LIST, f"{LIST}?q=a")]
        assert texts == ["5", "6", "7", "5", "6"]
        spoken = [(await client.get("/", headers={"accept-language": lang})).text for lang in ("zh", "en", "zh")]
    assert spoken == ["8", "9", "8"]


@pytest.mark.anyio
async def test_a_known_tag_gets_304_from_the_first_answer_on(
    stranger: AsyncClient, database: Database, time: Time
) -> None:
    goods = Goods()
    await list_goods(database, goods)
    for url in (LIST, f"{LIST}/{goods.product_id}"):
        tag = (await stranger.get(url)).headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            answer = await stranger.get(url, headers={"if-none-match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        time.now_s += cache.LIFETIME_S
        assert (await stranger.get(url, headers={"if-none-match": tag})).status_code == 304
        time.now_s += cache.LIFETIME_S
        answer = await stranger.get(url, headers={"if-none-match": '"other"'})
        assert (answer.status_code, bool(answer.content)) == (200, True)


@pytest.mark.anyio
async def test_a_failure_is_not_kept_and_blocks_nobody(app: FastAPI, stranger: AsyncClient, database: Database) -> None:
    await list_goods(database, Goods())
    assert (await stranger.get(f"{LIST}/{uuid4()}")).status_code == 404
    assert (await stranger.get(f"{LIST}?limit=0")).status_code == 422
    assert (await stranger.get(LIST)).status_code == 200


@pytest.mark.anyio
async def test_it_never_grows_beyond_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "ENTRIES_MAX", 10)
    app = Counting()
    kept = ListingCache(app)
    async with AsyncClient(transport=ASGITransport(kept), base_url="http://shop.test") as client:
        for page in range(30):
            await client.get(f"{LIST}?page={page}")
        assert len(kept._kept) == 10
        assert kept._kept_bytes == 20
        assert (await client.get(f"{LIST}?page=29")).text == "30"
        assert (await client.get(f"{LIST}?page=0")).text == "31"
