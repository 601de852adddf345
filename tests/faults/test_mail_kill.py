"""The worker is killed while it sends: before the server has the mail there is one copy in the end, afterwards a second
one that says by its Message-ID that it is the same.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from shop.core.database import Database
from shop.core.settings import Settings
from shop.messages.deliver import LEASE
from tests.make.outbox import outbox, pass_time, queued
from tests.make.processes import Processes, processes
from tests.make.smtp import MailBox, mail_server

pytestmark = pytest.mark.anyio

STARTING_S = 40


@pytest.fixture
async def shop(settings: Settings, tmp_path: Path) -> AsyncIterator[tuple[MailBox, Processes]]:
    async with mail_server() as box:
        with processes(settings.model_copy(update={"mail_url": box.url}), tmp_path) as running:
            yield box, running


async def sent(database: Database) -> None:
    deadline = monotonic() + STARTING_S
    while (await outbox(database, "state"))[0] != ("sent",):
        assert monotonic() < deadline, await outbox(database)
        await asyncio.sleep(0.05)


async def reached(event: asyncio.Event) -> None:
    async with asyncio.timeout(STARTING_S):
        await event.wait()


async def test_killed_after_the_server_took_it_a_second_copy_names_the_first(
    database: Database, shop: tuple[MailBox, Processes]
) -> None:
    box, running = shop
    box.answer.clear()
    await queued(database)
    running.start("worker")
    await reached(box.arrived)
    running.kill("worker")
    assert await outbox(database) == [("waiting", 1, None)]
    box.answer.set()
    async with database.reading() as session:
        left = await session.scalar(text("SELECT next_attempt_at - now() FROM message"))
    assert LEASE * 0.5 < left <= LEASE, "nobody takes it before the time of who had it is over"
    await pass_time(database, LEASE)
    running.start("worker")
    await sent(database)
    first, second = box.letters
    assert first["Message-ID"] == second["Message-ID"] == (await outbox(database, "message_id"))[0][0]
    assert (await outbox(database, "attempts"))[0] == (2,)


async def test_killed_before_the_server_took_it_there_is_one_copy(
    database: Database, shop: tuple[MailBox, Processes]
) -> None:
    box, running = shop
    box.greet.clear()
    await queued(database)
    running.start("worker")
    await reached(box.knocked)
    running.kill("worker")
    box.greet.set()
    await pass_time(database, LEASE)
    running.start("worker")
    await sent(database)
    assert len(box.letters) == 1


async def test_killed_again_and_again_nothing_is_lost(database: Database, shop: tuple[MailBox, Processes]) -> None:
    box, running = shop
    receivers = [f"member{n}@example.test" for n in range(40)]
    for one in receivers:
        await queued(database, one)
    for _ in range(3):
        have = len(box.taken)
        running.start("worker")
        deadline = monotonic() + STARTING_S
        while len(box.taken) < have + 5:
            assert monotonic() < deadline
            await asyncio.sleep(0.005)
        running.kill("worker")
        await pass_time(database, LEASE)
    running.start("worker")
    deadline = monotonic() + STARTING_S
    while any(state != "sent" for (state,) in await outbox(database, "state")):
        assert monotonic() < deadline
        await asyncio.sleep(0.1)
    assert set(box.receivers) == set(receivers)
    assert len(box.receivers) <= len(receivers) + 3, "one more for each kill at the most"
    assert len({letter["Message-ID"] for letter in box.letters}) == len(receivers)
