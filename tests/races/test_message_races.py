"""Two workers, one outbox: one copy of each message."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from shop.core.database import Database
from shop.core.settings import Settings
from shop.messages.deliver import deliver_due
from tests.make.outbox import outbox, queued
from tests.make.smtp import mail_server

pytestmark = pytest.mark.anyio


@pytest.fixture
async def another(database_url: str, schema: str) -> AsyncIterator[Database]:
    opened = await Database.open(database_url, schema=schema)
    yield opened
    await opened.close()


async def test_two_workers_send_each_message_once(database: Database, another: Database, settings: Settings) -> None:
    receivers = [f"member{n}@example.test" for n in range(60)]
    for one in receivers:
        await queued(database, one)
    async with mail_server() as box:
        mine = settings.model_copy(update={"mail_url": box.url})

        async def worker(own: Database) -> int:
            sent = 0
            while done := await deliver_due(own, mine):
                sent += done
            return sent

        shares = await asyncio.gather(worker(database), worker(another), worker(database), worker(another))
    assert sum(shares) == len(receivers)
    assert sum(1 for share in shares if share) > 1, "they were at it together"
    assert Counter(box.receivers) == Counter(receivers)
    assert set(await outbox(database)) == {("sent", 1, None)}


async def test_while_one_worker_sends_another_one_leaves_it_alone(
    database: Database, another: Database, settings: Settings
) -> None:
    await queued(database)
    async with mail_server() as box:
        mine = settings.model_copy(update={"mail_url": box.url})
        box.answer.clear()
        first = asyncio.create_task(deliver_due(database, mine))
        await box.arrived.wait()
        assert await deliver_due(another, mine) == 0
        box.answer.set()
        assert await first == 1
        assert len(box.taken) == 1
