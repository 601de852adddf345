"""What wakes somebody moves its gauge on `/metrics`, and an alert asks for nothing that is not there."""

import asyncio
import math
import re
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, time

import httpx
import pytest
import yaml
from fastapi import FastAPI
from sqlalchemy import make_url, text
from starlette.datastructures import State

from orders.balance.run import run_balance
from orders.checkout.open_payment import open_payment
from orders.seal.key import SealKey
from orders.seal.seal import seal_new
from orders.switchboard import handle_inbox
from shop.app.home.operator import operators_app
from shop.app.worker import beat
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.settings import Settings
from tests.conftest import PUBLIC_URL
from tests.make.aftersales import pieces, refund, staff
from tests.make.credit import Sale, enter
from tests.make.metrics import Metrics, metrics
from tests.make.outbox import queued
from tests.make.payments import till
from tests.make.processes import free_port, processes
from tests.make.shop import buyer, placed, small_shop
from tests.shop.app.home.test_health import as_owner

pytestmark = pytest.mark.anyio

ALERTS = Path(__file__).resolve().parents[4] / "docs/alerts.yaml"
KEY = SealKey.of(b"k" * 32)
DAY = timedelta(days=1)


async def read(operator: httpx.AsyncClient) -> Metrics:
    answer = await operator.get("/metrics")
    assert answer.status_code == 200
    return metrics(answer.text)


def operators(settings: Settings, database: Database) -> httpx.AsyncClient:
    """Whoever reaches the operator's port of a process on that database."""
    door = httpx.ASGITransport(operators_app(State({"database": database, "settings": settings})))
    return httpx.AsyncClient(transport=door, base_url=PUBLIC_URL)


async def written(database: Database, statement: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement))


async def test_nothing_waits_in_an_empty_shop(operator: httpx.AsyncClient, database: Database) -> None:
    found = await read(operator)
    assert found.of("shop_worker_heartbeat_age_seconds") == math.inf
    await beat(database)
    found = await read(operator)
    assert found.of("shop_worker_heartbeat_age_seconds") < 10
    assert (found.of("shop_database_up"), found.of("shop_cluster_known"), found.of("shop_commit_epoch")) == (1, 1, 1)
    for name in ("shop_inbox_waiting", "shop_unsealed_entries", "shop_unsealed_oldest_age_seconds"):
        assert found.of(name) == 0
    assert found.of("shop_desk_waiting", what="held") == 0
    assert found.of("shop_messages_waiting", channel="sms") == 0
    assert found.of("shop_months_ahead") == 24


async def test_an_event_that_is_not_handled(operator: httpx.AsyncClient, database: Database) -> None:
    await written(
        database,
        "INSERT INTO webhook_inbox (event_id, kind, object_id, object_kind, received_at, try_at, attempts)"
        " SELECT 'evt_' || n, 'refund.created', 're_x', 'refund', now() - n * interval '10 minutes',"
        " now() + interval '1 hour', 3 FROM generate_series(1, 2) n",
    )
    found = await read(operator)
    assert found.of("shop_inbox_waiting") == 2
    assert 1190 < found.of("shop_inbox_oldest_age_seconds") < 1260
    await written(database, "UPDATE webhook_inbox SET handled_at = now() WHERE event_id = 'evt_2'")
    found = await read(operator)
    assert (found.of("shop_inbox_waiting"), found.of("shop_inbox_oldest_age_seconds") < 660) == (1, True)


async def test_a_payment_that_cannot_settle(operator: httpx.AsyncClient, app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    who = await buyer(database, works_at=shop.branch)
    order = await placed(database, who, {shop.skus[0]: 1})
    gateway = app.state.gateway
    opened = await open_payment(database, gateway, actor=who, order_id=order.id, method="stripe", now=clock.now())
    await app.state.sandbox.succeed(opened.payment_id, amount_fen=7)
    await app.state.sandbox.quiet()
    await handle_inbox(database, gateway, now=clock.now())
    clock.set_ahead(timedelta(hours=5))
    found = await read(operator)
    assert found.of("shop_desk_waiting", what="held") == 1
    assert 5 * 3600 <= found.of("shop_desk_oldest_age_seconds", what="held") < 5 * 3600 + 60
    assert found.of("shop_desk_waiting", what="refund_failed") == 0
    assert found.of("shop_balance_waiting") == 0
    await run_balance(database, gateway, now=clock.now())
    assert (await read(operator)).of("shop_balance_waiting") == 1, "the balance counts it, with what other desks have"


async def test_a_refund_that_failed(operator: httpx.AsyncClient, database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        order = await desk.paid(await buyer(database, works_at=shop.branch), {shop.skus[0]: 2})
        desk.sandbox.let_refunds_fail(failing=True)
        await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
        await desk.work()
    found = await read(operator)
    assert found.of("shop_desk_waiting", what="refund_failed") == 1
    assert 0 < found.of("shop_desk_oldest_age_seconds", what="refund_failed") < 60


async def test_an_entry_without_a_seal(operator: httpx.AsyncClient, database: Database) -> None:
    await enter(database, Sale(on=clock.today(), fen=100), Sale(on=clock.today(), fen=200))
    assert (await read(operator)).of("shop_unsealed_entries") == 2
    await seal_new(database, KEY, now=clock.now())
    assert (await read(operator)).of("shop_unsealed_entries") == 0
    await enter(database, Sale(on=clock.today(), fen=300))
    clock.set_ahead(timedelta(hours=2))
    found = await read(operator)
    assert found.of("shop_unsealed_entries") == 1
    assert 7200 <= found.of("shop_unsealed_oldest_age_seconds") < 7260


async def test_days_on_which_the_books_were_not_seen_to_hold(
    operator: httpx.AsyncClient, app: FastAPI, database: Database
) -> None:
    async def days() -> tuple[float, float]:
        found = await read(operator)
        return found.of("shop_balance_overdue"), found.of("shop_balance_differences")

    assert await days() == (1, 0), "nobody has looked yet"
    await run_balance(database, app.state.gateway, now=clock.now())
    assert await days() == (0, 0)
    clock.set_ahead(2 * DAY)
    assert await days() == (2, 0), "nobody has looked since"
    await enter(database, Sale(on=clock.today(), fen=100))  # credit without an order behind it
    await run_balance(database, app.state.gateway, now=clock.now())
    apart, differences = await days()
    assert (apart, differences > 0) == (2, True), "somebody looked, and they differ"


async def test_the_books_never_held(operator: httpx.AsyncClient, app: FastAPI, database: Database) -> None:
    await enter(database, Sale(on=clock.today(), fen=100))
    await run_balance(database, app.state.gateway, now=clock.now())
    clock.set_ahead(3 * DAY)
    assert (await read(operator)).of("shop_balance_overdue") == 4


async def test_a_message_that_does_not_leave(operator: httpx.AsyncClient, database: Database) -> None:
    await queued(database)
    await written(database, "UPDATE message SET created_at = now() - interval '2 hours'")
    found = await read(operator)
    assert found.of("shop_messages_waiting", channel="mail") == 1
    assert 7190 < found.of("shop_messages_oldest_age_seconds", channel="mail") < 7260
    await written(database, "UPDATE message SET state = 'given_up', ended_at = now()")
    found = await read(operator)
    assert found.of("shop_messages_waiting", channel="mail") == 0
    assert found.of("shop_messages_given_up", channel="mail") == 1


async def test_what_the_database_does_not_say_is_not_a_number(
    operator: httpx.AsyncClient, settings: Settings, postgres: Path, database_name: str
) -> None:
    """One question at first, which hinders no other; then all."""
    await as_owner(settings, "ALTER TABLE webhook_inbox RENAME TO gone")
    found = await read(operator)
    assert math.isnan(found.of("shop_inbox_waiting"))
    assert (found.of("shop_unsealed_entries"), found.of("shop_database_up")) == (0, 1)
    embedded.drop_database(postgres, database_name)
    found = await read(operator)
    assert math.isnan(found.of("shop_desk_waiting", what="held"))
    assert math.isnan(found.of("shop_months_ahead"))
    assert found.of("shop_database_up") == 0


async def test_a_database_of_another_cluster(settings: Settings) -> None:
    """As a dump that was brought in by hand leaves it."""
    no = "CREATE OR REPLACE FUNCTION cluster_is_known() RETURNS boolean LANGUAGE sql AS 'SELECT false'"
    await as_owner(settings, no)
    there = await Database.open(settings.database_url or "", schema=settings.database_schema)
    async with operators(settings, there) as operator:
        found = await read(operator)
    assert (found.of("shop_cluster_known"), found.of("shop_database_up")) == (0, 1)
    assert math.isnan(found.of("shop_inbox_waiting"))
    await there.close()


async def test_a_replica_that_is_lost(settings: Settings, database: Database) -> None:
    url = settings.database_url or ""
    nowhere = url.replace(make_url(url).database or "", "nowhere")
    for replica, up in ((url, 1), (nowhere, 0)):
        there = await Database.open(url, replica_url=replica, schema=settings.database_schema)
        async with operators(settings, there) as operator:
            found = await read(operator)
        assert found.of("shop_replica_up") == up
        assert math.isnan(found.of("shop_replica_lag_seconds"))
        await there.close()


# --- the worker's own door, and the rules that read it ---


async def test_a_sweep_that_is_dead_and_rules_that_ask_for_what_is_there(settings: Settings, tmp_path: Path) -> None:
    """Web and worker as an operator starts them in one environment, with one job that cannot succeed."""
    await as_owner(settings, f"REVOKE ALL ON reset_request FROM {embedded.APP_ROLE}")
    doors = {"OPERATOR_PORT": str(free_port()), "WORKER_OPERATOR_PORT": str(free_port())}
    started = time()
    async with AsyncExitStack() as stack:
        running = stack.enter_context(processes(settings, tmp_path, **doors))
        running.start("web", "worker")
        web, worker = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False))
            for port in doors.values()
        ]
        found = await once(worker, lambda told: told.of("shop_sweeps_total", sweep="resets", outcome="failed") >= 1)
        began = found.of("shop_sweep_last_success_timestamp_seconds", sweep="resets")
        assert started < began <= time(), "one that runs for the first time is not dead"
        assert found.of("shop_sweep_every_seconds", sweep="resets") == 0.5
        found = await once(worker, lambda told: told.of("shop_sweeps_total", sweep="fold", outcome="done") >= 1)
        assert started < found.of("shop_sweep_last_success_timestamp_seconds", sweep="fold") <= time()
        assert found.of("shop_sweep_seconds_count", sweep="fold") >= 1
        assert found.of("shop_worker_heartbeat_age_seconds") < 30
        assert (await worker.get("/healthz")).json() == {"status": "alive"}
        assert (await worker.get("/readyz")).json()["ready"]
        assert (await worker.get("/")).status_code == 404, "nothing of the shop is there"
        await as_owner(settings, f"GRANT SELECT, INSERT, DELETE, UPDATE ON reset_request TO {embedded.APP_ROLE}")
        await once(worker, lambda told: told.of("shop_sweep_last_success_timestamp_seconds", sweep="resets") > began)
        await once(web, lambda told: told.of("shop_database_up") == 1)
        assert (await web.get(f"{running.url}/api/v1/products")).status_code == 200
        of_web = await read(web)
        assert of_web.of("shop_worker_heartbeat_age_seconds") < 30, "what the database says, both say"
    there = Metrics(found.samples + of_web.samples)
    asked = [
        (name, matchers or "")
        for group in yaml.safe_load(ALERTS.read_text())["groups"]
        for rule in group["rules"]
        for name, matchers in re.findall(r"(shop_\w+)(?:{([^}]*)})?", rule["expr"])
    ]
    replicas = {"shop_replica_up", "shop_replica_lag_seconds"}
    assert [one for one in asked if one[0] not in replicas and not there.has(*one)] == []
    assert replicas <= {name for name, _ in asked}


async def once(worker: httpx.AsyncClient, seen: Callable[[Metrics], bool]) -> Metrics:
    """What is read when it is seen for the first time."""
    deadline = monotonic() + 60
    while True:
        with suppress(httpx.TransportError, ValueError):  # not there yet
            found = await read(worker)
            if seen(found):
                return found
        assert monotonic() < deadline
        await asyncio.sleep(0.2)


def test_each_alert_says_what_to_do_in_both_languages() -> None:
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert {rule["labels"]["severity"] for rule in rules} == {"page", "ticket"}
    for rule in rules:
        assert {"summary", "action", "summary_en", "action_en"} == rule["annotations"].keys()
        assert re.search(r"[\u4e00-\u9fff]", rule["annotations"]["action"])
        assert rule["annotations"]["action_en"].isascii()
    assert len({rule["alert"] for rule in rules}) == len(rules)
