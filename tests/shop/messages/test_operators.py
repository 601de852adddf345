"""What did not arrive is named to whoever runs the whole shop; production without MAIL_URL keeps everything."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.app.commands.doctor import _messages
from shop.app.main import create_app
from shop.app.worker import work
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import AddressWrong, Settings
from shop.messages.deliver import deliver_due
from tests.make.caller import refused
from tests.make.gateway import gateway
from tests.make.outbox import letters, outbox, pass_time, queued
from tests.make.people import bearer, somebody
from tests.make.production import SAFE, taken_over
from tests.make.smtp import mail_server
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio


def in_production(settings: Settings) -> Settings:
    return Settings(_env_file=None, **SAFE | {"database_url": settings.database_url or ""})


async def test_production_without_a_mail_server_keeps_everything_and_says_so(
    database: Database, settings: Settings
) -> None:
    mine = in_production(settings)
    await taken_over(settings.database_owner_url or "", settings.database_schema)
    await queued(database)
    await pass_time(database, timedelta(days=10))
    assert await deliver_due(database, mine) == 0
    assert await outbox(database) == [("waiting", 0, None)]
    found = await _messages(database, mine)
    assert (found.ok, found.said) == (False, "MAIL_URL is not set: 1 messages wait")
    async with mail_server() as box:
        named = mine.model_copy(update={"mail_url": box.url})
        assert not (await _messages(database, named)).ok, "it has waited for days"
        assert await deliver_due(database, named) == 1, "however long it had to wait"
        assert len(box.taken) == 1
        assert (await _messages(database, named)).ok


async def test_doctor_names_what_was_given_up_and_an_address_that_is_wrong(
    database: Database, settings: Settings
) -> None:
    async with mail_server() as box:
        mine = settings.model_copy(update={"mail_url": box.url})
        box.refusals["gone@example.test"] = "550 nobody"
        await queued(database, "gone@example.test")
        await deliver_due(database, mine)
        found = await _messages(database, mine)
    assert (found.ok, found.said) == (False, "1 were given up: see /admin/messages")
    wrong = settings.model_copy(update={"mail_url": "smtp://mail.example.com/?from=a@b.cn"})
    assert "only to this machine" in (await _messages(database, wrong)).said
    with pytest.raises(AddressWrong) as refused:
        await work(wrong, None)  # type: ignore[arg-type]
    assert "MAIL_URL" in (refused.value.detail or "")


async def test_a_message_that_was_given_up_is_sent_again_by_who_runs_the_shop(
    app: FastAPI, client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    bank = await unit(database, "BANK")
    await somebody(database, "all@shop.test", Grant(Role.ADMINISTRATOR, "all", "*"))
    await somebody(database, "bank@shop.test", Grant(Role.ADMINISTRATOR, "unit", str(bank)))
    who, of_one = await bearer(client, "all@shop.test"), await bearer(client, "bank@shop.test")
    async with mail_server() as box:
        mine = settings.model_copy(update={"mail_url": box.url})
        box.refusals["gone@example.test"] = "550 nobody"
        await queued(database, "gone@example.test")
        await queued(database, "ada@example.test")
        await deliver_due(database, mine)
        refused(await client.get("/api/v1/messages", headers=of_one), 403, "not_allowed")
        (one,) = (await client.get("/api/v1/messages", headers=who)).json()["items"]
        assert (one["to"], one["state"], one["last_error"], one["again"]) == (
            "g***@example.test", "given_up", "receiver_550", True,
        )  # fmt: skip
        again = f"/api/v1/messages/{one['id']}/send-again"
        refused(await client.post(again, headers=of_one), 403, "not_allowed")
        page = await (await signed_in(app, "all@shop.test")).get("/admin/messages")
        assert "g***@example.test" in page.text
        assert "gone@example.test" not in page.text
        assert (await client.post(again, headers=who)).status_code == 204
        refused(await client.post(again, headers=who), 409, "not_to_be_sent")
        box.refusals.clear()
        assert await deliver_due(database, mine) == 1
        first = [one for (one,) in await outbox(database, "message_id")]
        assert sorted(letter["Message-ID"] for letter in box.letters) == sorted(first)
    operator = await signed_in(app, "all@shop.test")
    page = await operator.get("/admin/messages?lang=en")
    assert "Everything arrived" in page.text
    sent = await operator.post(f"/admin/messages/{one['id']}/send-again", data={"csrf_token": token(page.text)})
    assert (sent.status_code, "这条消息不能再发" in sent.text) == (409, True)
    refused(await client.post(again.replace(one["id"], one["id"][::-1].replace("-", "0")), headers=who), 422, "invalid")


async def test_after_an_outage_everything_is_sent_again_but_what_is_over(
    app: FastAPI, client: httpx.AsyncClient, database: Database, settings: Settings
) -> None:
    bank = await unit(database, "BANK")
    await somebody(database, "all@shop.test", Grant(Role.ADMINISTRATOR, "all", "*"))
    await somebody(database, "bank@shop.test", Grant(Role.ADMINISTRATOR, "unit", str(bank)))
    async with mail_server() as box:
        mine = settings.model_copy(update={"mail_url": box.url})
        for name in "abc":
            box.refusals[f"{name}@example.test"] = "554 blocked"
            await queued(database, f"{name}@example.test")
        over = {"values": {"opens": "019ad6f0-0000-7000-8000-000000000001"}, "expires_at": clock.wall()}
        await queued(database, "d@example.test", "password_reset", **over)
        await deliver_due(database, mine)
        refused(await client.post("/api/v1/messages/send-again", headers=await bearer(client, "bank@shop.test")), 403,
                "not_allowed")  # fmt: skip
        page = await (operator := await signed_in(app, "all@shop.test")).get("/admin/messages")
        sent = await operator.post("/admin/messages/send-again", data={"csrf_token": token(page.text)})
        assert sent.status_code == 303
        box.refusals.clear()
        assert await deliver_due(database, mine) == 3
    assert await outbox(database, "state") == [("sent",), ("sent",), ("sent",), ("given_up",)]
    again = await client.post("/api/v1/messages/send-again", headers=await bearer(client, "all@shop.test"))
    assert again.json() == {"count": 0}


async def test_sms_go_by_the_gateway(database: Database, settings: Settings) -> None:
    with gateway() as there:
        mine = settings.model_copy(update={"sms_url": there.url})
        values = {"opens": "019ad6f0-0000-7000-8000-000000000001"}
        await queued(database, "13800138000", "phone_code", channel="sms", values=values)
        there.answers = [503]
        assert await deliver_due(database, mine) == 0
        await pass_time(database, timedelta(minutes=2))
        assert await deliver_due(database, mine) == 1
        keys = {one["idempotency-key"] for one in there.headers}
        assert (len(there.headers), len(keys), there.taken[0]["to"]) == (2, 1, "13800138000")


async def test_development_shows_what_it_sent_and_production_has_no_such_page(
    client: httpx.AsyncClient, database: Database, settings: Settings, keys: Keys
) -> None:
    await queued(database, values={}, lang="en")
    (kept,) = await letters(database, settings, "ada@example.test")
    assert kept["subject"] == "Your password was changed · Bangfu"
    page = await client.get("/sandbox/messages", headers={"accept": "text/html"})
    assert "Your password was changed" in page.text
    (listed,) = (await client.get("/sandbox/messages")).json()["items"]
    assert (listed["address"], listed["message_id"]) == ("ada@example.test", kept["message_id"])
    production = create_app(in_production(settings), database)
    production.state.keys = keys
    transport = httpx.ASGITransport(production)
    async with httpx.AsyncClient(transport=transport, base_url="https://shop.example") as stranger:
        assert (await stranger.get("/sandbox/messages")).status_code == 404
