"""Nothing that the shop says is lost: it is kept with what it is about, tried again, and named when it is given up."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text

from orders.privacy.retention import erase_due
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from shop.messages.deliver import GIVE_UP_AFTER, LEASE, deliver_due, wait_after
from shop.messages.wording import TEMPLATES
from tests.make.outbox import outbox, pass_time, queued
from tests.make.smtp import MailBox, mail_server

pytestmark = pytest.mark.anyio


def carried_by(settings: Settings, box: MailBox) -> Settings:
    return settings.model_copy(update={"mail_url": box.url})


async def test_it_is_sent_after_the_transaction_and_never_without_it(database: Database, settings: Settings) -> None:
    async with mail_server() as box:
        with pytest.raises(RuntimeError):
            async with database.transaction() as session:
                await session.execute(text("SELECT 1"))
                await queued_in(session)
                raise RuntimeError
        await queued(database)
        assert await deliver_due(database, carried_by(settings, box)) == 1
        assert await deliver_due(database, carried_by(settings, box)) == 0
        (letter,) = box.letters
    assert box.receivers == ["ada@example.test"]
    assert letter["Subject"] == "您的密码已修改 · 帮扶商城"
    assert str(letter["From"]) == "帮扶商城 <no-reply@shop.test>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "http://shop.test/sign-in/forgot" in letter.get_content()
    assert [letter["Message-ID"]] == [one for (one,) in await outbox(database, "message_id")]
    assert await outbox(database) == [("sent", 1, None)]


async def queued_in(session: object) -> None:
    from shop.messages.queue_message import queue_message  # noqa: PLC0415

    await queue_message(
        session, channel="mail", to="nobody@example.test", template="password_changed", values={}, now=clock.now()
    )  # type: ignore[arg-type]


async def test_a_server_in_trouble_gets_it_later_with_the_same_message_id(
    database: Database, settings: Settings
) -> None:
    async with mail_server() as box:
        mine = carried_by(settings, box)
        box.unwell = True
        await queued(database)
        waits = []
        for attempt in range(1, 10):
            before = clock.wall()
            assert await deliver_due(database, mine) == 0
            assert await deliver_due(database, mine) == 0, "not before it is due"
            ((due, attempts),) = await outbox(database, "next_attempt_at, attempts")
            assert attempts == attempt
            waits.append(round((due - before).total_seconds() / 60))
            await pass_time(database, due - clock.wall())
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
        assert box.connections == 9
        box.unwell = False
        box.refusals["ada@example.test"] = "450 greylisted"
        assert await deliver_due(database, mine) == 0
        assert (await outbox(database))[0] == ("waiting", 10, "receiver_450")
        box.refusals.clear()
        await pass_time(database, timedelta(hours=1))
        assert await deliver_due(database, mine) == 1
        assert [one["Message-ID"] for one in box.letters] == [one for (one,) in await outbox(database, "message_id")]


async def test_after_three_days_it_is_given_up(database: Database, settings: Settings) -> None:
    async with mail_server() as box:
        mine = carried_by(settings, box)
        box.unwell = True
        await queued(database)
        await deliver_due(database, mine)
        await pass_time(database, GIVE_UP_AFTER - timedelta(minutes=1))
        await deliver_due(database, mine)
        assert (await outbox(database, "state"))[0] == ("waiting",)
        await pass_time(database, timedelta(hours=1))
        await deliver_due(database, mine)
        assert (await outbox(database))[0][:2] == ("given_up", 3)


async def test_what_a_server_refuses_for_good_is_given_up_at_once_and_stops_nobody(
    database: Database, settings: Settings
) -> None:
    async with mail_server() as box:
        box.refusals["gone@example.test"] = "550 no such user"
        await queued(database, "gone@example.test")
        await queued(database, "ada@example.test")
        assert await deliver_due(database, carried_by(settings, box)) == 1
    assert await outbox(database) == [("given_up", 1, "receiver_550"), ("sent", 1, None)]


async def test_a_link_that_is_over_is_not_sent(database: Database, settings: Settings) -> None:
    async with mail_server() as box:
        values = {"opens": str(uuid4())}
        until = clock.wall() + timedelta(minutes=30)
        await queued(database, template="password_reset", values=values, expires_at=until)
        await pass_time(database, timedelta(minutes=31))
        assert await deliver_due(database, carried_by(settings, box)) == 0
    assert box.taken == []
    assert await outbox(database) == [("given_up", 1, "expired")]


async def test_no_secret_stands_in_the_database(database: Database, settings: Settings) -> None:
    opens = str(uuid4())
    await queued(database, template="password_reset", values={"opens": opens})
    await queued(database, "13800138000", "phone_code", channel="sms", values={"opens": opens})
    async with mail_server() as box:
        mine = carried_by(settings, box)
        await deliver_due(database, mine)
        said = box.letters[0].get_content()
        token = said.split("/sign-in/reset/")[1].split()[0]
    async with database.reading() as session:
        kept = str((await session.execute(text("SELECT message::text FROM message"))).all())
        (sms,) = (await session.execute(text("SELECT body FROM sandbox_message"))).one()
    assert len(token) == 64
    assert token not in kept
    assert sms.split("验证码 ")[1][:6].isdigit()
    assert sms.split("验证码 ")[1][:6] not in kept.replace(opens, "")


async def test_what_was_sent_loses_address_and_facts_after_thirty_days(database: Database, settings: Settings) -> None:
    async with mail_server() as box:
        await queued(database, template="email_change_asked", values={"new": "b***@example.test"})
        await deliver_due(database, carried_by(settings, box))
    await queued(database, "waits@example.test")
    assert await erase_due(database, now=clock.now() + timedelta(days=29)) == {}
    assert await erase_due(database, now=clock.now() + timedelta(days=32)) == {"message": 1}
    assert await outbox(database, "address, facts IS NULL") == [(None, True), ("waits@example.test", False)]
    async with database.reading() as session:
        noted = await session.scalar(text("SELECT reason FROM audit_event WHERE action = 'retention.erased'"))
    assert "个人信息保护法" in noted


async def test_a_set_clock_neither_hurries_nor_delays_it(database: Database, settings: Settings) -> None:
    clock.set_ahead(timedelta(days=400))
    await queued(database)
    clock.set_ahead(timedelta(days=-3))
    await queued(database)
    async with mail_server() as box:
        assert await deliver_due(database, carried_by(settings, box)) == 2


async def test_what_hangs_is_cut_before_another_worker_may_try(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop.messages.deliver.SEND_SECONDS", 0.2)
    async with mail_server() as box:
        mine = carried_by(settings, box)
        box.answer.clear()
        await queued(database, "slow@example.test")
        await queued(database, "next@example.test")
        assert await deliver_due(database, mine) == 0
        assert (await outbox(database))[0] == ("waiting", 1, "TimeoutError")
        box.answer.set()
        assert await deliver_due(database, mine) == 1, "the others do not wait for it"
        assert box.connections == 2, "nobody writes on a connection that was cut in the middle"
        await asyncio.sleep(0)
    assert timedelta(seconds=60) < LEASE


@pytest.mark.parametrize("name", sorted(TEMPLATES))
async def test_both_languages_say_the_same_facts(name: str) -> None:
    template = TEMPLATES[name]

    def facts(words: str) -> set[str]:
        return {part.split("}")[0] for part in words.split("{")[1:]}

    assert facts(template.zh.text) == facts(template.en.text)
    assert bool(template.zh.subject) == bool(template.en.subject)
    assert ("link" in facts(template.zh.text)) == bool(template.link)


async def test_waiting_doubles_up_to_an_hour() -> None:
    assert [wait_after(n).total_seconds() / 60 for n in (1, 2, 7, 50, 10_000)] == [1, 2, 60, 60, 60]
