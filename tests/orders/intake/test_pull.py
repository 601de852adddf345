"""A channel's interface: its rows come page by page, signed, each once, and wait for a person like any file."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict

import httpx
import pytest
from sqlalchemy import text

from orders.intake.pull import pull_once
from shop.adapters.channel.real import HttpChannel
from shop.adapters.channel.source import ChannelAnswerWrong, ChannelUnavailable, Pulled
from shop.core import clock
from tests.make.fake_channel import URL, FakeChannel
from tests.make.intake import PLATFORM, IntakeDesk, Line, refund

pytestmark = pytest.mark.anyio

KEY = "a key of the channel's"


def row(line: Line) -> dict[str, str]:
    return {name: cell for name, cell in asdict(line).items() if name != "more"}


@pytest.fixture
def fake() -> FakeChannel:
    return FakeChannel(KEY, [row(Line(f"N{n}")) for n in range(5)], page=2)


@pytest.fixture
async def channel(fake: FakeChannel) -> AsyncIterator[HttpChannel]:
    async with HttpChannel(URL, KEY, transport=httpx.ASGITransport(fake.app)) as opened:
        yield opened


async def pulled(desk: IntakeDesk, source: HttpChannel) -> list[str]:
    """Until there is nothing new, or no page can be kept."""
    found = []
    while not found or found[-1] == "staged":
        found.append(await pull_once(desk.database, source, PLATFORM, now=clock.now()))
    return found


async def batches(desk: IntakeDesk) -> list[tuple[str, str, int]]:
    async with desk.database.reading() as session:
        rows = await session.execute(
            text("SELECT id::text, state, rows FROM intake_batch WHERE origin = 'pull' ORDER BY uploaded_at, id")
        )
        return [tuple(one) for one in rows]


async def test_every_page_is_a_batch_and_no_row_comes_twice(
    desk: IntakeDesk, fake: FakeChannel, channel: HttpChannel
) -> None:
    assert await pulled(desk, channel) == ["staged", "staged", "staged", "nothing"]
    assert [rows for _, _, rows in await batches(desk)] == [2, 2, 1]
    assert await pulled(desk, channel) == ["nothing"]
    assert await desk.sums("channel") == [], "a machine fetches, a person confirms"
    fake.rows.append(row(refund("N0")))
    assert await pulled(desk, channel) == ["refused"], "its sale is not confirmed yet"
    for batch, state, _ in await batches(desk):
        if state == "staged":
            assert (await desk.confirm(batch)).status_code == 200
    assert await pulled(desk, channel) == ["staged", "nothing"], "what was refused is asked for again"
    assert (await desk.confirm((await batches(desk))[-1][0])).status_code == 200
    assert await desk.sums("channel", "kind") == [(PLATFORM, "refund", -3_000), (PLATFORM, "sale", 50_000)]


async def test_trouble_on_the_way_loses_nothing(desk: IntakeDesk, fake: FakeChannel, channel: HttpChannel) -> None:
    fake.troubles = [503, 429]
    assert await pull_once(desk.database, channel, PLATFORM, now=clock.now()) == "staged", "asked again by itself"
    assert fake.asked == 3
    fake.troubles = [500]
    with pytest.raises(ChannelUnavailable):
        await pull_once(desk.database, channel, PLATFORM, now=clock.now())
    assert await pulled(desk, channel) == ["staged", "staged", "nothing"]
    assert [rows for _, _, rows in await batches(desk)] == [2, 2, 1]


async def test_a_refused_page_is_kept_once_and_stops_the_cursor(
    desk: IntakeDesk, fake: FakeChannel, channel: HttpChannel
) -> None:
    fake.rows[1]["producer"] = "没有这家"
    for _ in range(2):
        assert await pulled(desk, channel) == ["refused"]
    ((batch, state, _),) = await batches(desk)
    async with desk.database.reading() as session:
        said = await session.scalar(text("SELECT errors -> 0 ->> 'said' FROM intake_row WHERE state = 'wrong'"))
    assert (state, said) == ("refused", "没有“没有这家”这个生产者，请先登记")
    fake.rows[1]["producer"] = fake.rows[0]["producer"]
    assert await pulled(desk, channel) == ["staged", "staged", "staged", "nothing"]
    assert batch


async def test_a_wrong_key_and_a_forged_answer_are_refused(desk: IntakeDesk, fake: FakeChannel) -> None:
    async with HttpChannel(URL, "another key", transport=httpx.ASGITransport(fake.app)) as stranger:
        with pytest.raises(ChannelAnswerWrong):
            await stranger.pull("")

    def forged(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"rows": [], "next_cursor": ""}, headers={"X-Signature": "0" * 64})

    async with HttpChannel(URL, KEY, transport=httpx.MockTransport(forged)) as channel:
        with pytest.raises(ChannelAnswerWrong):
            await channel.pull("")
    assert await batches(desk) == []


class Between:
    """A source during whose answer somebody else fetches the same page."""

    def __init__(self, desk: IntakeDesk, source: HttpChannel) -> None:
        self.desk, self.source = desk, source

    async def pull(self, cursor: str) -> Pulled:
        page = await self.source.pull(cursor)
        first: Mapping[str, str] = page.rows[0]
        other = Pulled([first], page.cursor)
        await pull_once(self.desk.database, Given(other), PLATFORM, now=clock.now())
        return page


class Given:
    def __init__(self, page: Pulled) -> None:
        self.page = page

    async def pull(self, cursor: str) -> Pulled:
        return self.page


async def test_of_two_workers_one_keeps_a_page(desk: IntakeDesk, channel: HttpChannel) -> None:
    assert await pull_once(desk.database, Between(desk, channel), PLATFORM, now=clock.now()) == "taken"
    assert [rows for _, _, rows in await batches(desk)] == [1]
