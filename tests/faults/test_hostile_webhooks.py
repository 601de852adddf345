"""Strangers at the webhook door: whatever they bring, nothing is written; and even a signed lie moves no money."""

import json
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe
from fastapi import FastAPI
from sqlalchemy import text

from orders.payment.api import LARGEST_EVENT
from orders.switchboard import handle_inbox
from shop.app.home.body_limit import BYTES_MAX
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.audit import audited
from tests.make.caller import as_caller
from tests.make.shop import ADDRESS, buyer, small_shop

pytestmark = pytest.mark.anyio

JSON = "application/json"


@pytest.fixture
async def payment(app: FastAPI, database: Database) -> dict[str, Any]:
    """Of an order that waits for its money: `payment_id`, `session_id`."""
    shop = await small_shop(database)
    async with as_caller(app, await buyer(database, works_at=shop.branch)) as http:
        body = {"lines": [{"sku_id": str(shop.box), "quantity": 1}], "address": ADDRESS.model_dump()}
        order = (await http.post("/api/v1/orders", json=body, headers={"idempotency-key": "one"})).json()
        opened = (await http.post(f"/api/v1/orders/{order['id']}/pay", json={"method": "stripe"})).json()
    async with database.reading() as session:
        asked = text("SELECT session_id FROM payment WHERE id = :id")
        session_id = await session.scalar(asked, {"id": UUID(opened["payment_id"])})
    return {"payment_id": opened["payment_id"], "session_id": session_id}


@pytest.fixture
def event(payment: dict[str, Any]) -> str:
    """It says that the payment has come."""
    return json.dumps(
        {
            "id": "evt_hostile",
            "object": "event",
            "type": "checkout.session.completed",
            "created": int(time.time()),
            "data": {"object": {"id": payment["session_id"], "object": "checkout.session", "payment_status": "paid"}},
        }
    )


def signed(body: str, settings: Settings, *, secret: str = "", age_s: int = 0) -> dict[str, str]:
    ours = f"whsec_{sha256(settings.secret_key.encode()).hexdigest()}"
    header = stripe.WebhookSignature.generate_signature_header(body, secret or ours, int(time.time()) - age_s)
    return {"stripe-signature": header, "content-type": JSON}


async def written(database: Database) -> tuple[int, str]:
    """Events kept, and how the order stands."""
    async with database.reading() as session:
        asked = "SELECT (SELECT count(*) FROM webhook_inbox), (SELECT state || ' ' || payment_state FROM shop_order)"
        kept, order = (await session.execute(text(asked))).one()
    return int(kept), str(order)


async def drops(size: int) -> AsyncIterator[bytes]:
    """So many bytes, unannounced."""
    for _ in range(size // 65_536 + 1):
        yield b" " * 65_536


async def test_forged_stale_huge_and_misshapen(
    client: httpx.AsyncClient, database: Database, settings: Settings, event: str
) -> None:
    good = signed(event, settings)
    form = {"content-type": "application/x-www-form-urlencoded"}
    hostile: list[tuple[str, dict[str, Any], int]] = [
        ("nothing at all", {"content": b""}, 400),
        ("unsigned", {"content": event, "headers": {"content-type": JSON}}, 400),
        ("forged", {"content": event, "headers": signed(event, settings, secret="whsec_guessed")}, 400),
        ("stale", {"content": event, "headers": signed(event, settings, age_s=301)}, 400),
        ("one byte changed", {"content": event.replace("evt_h", "evt_j"), "headers": good}, 400),
        ("signed for another body", {"content": event + " ", "headers": good}, 400),
        ("not JSON", {"content": "not json", "headers": signed("not json", settings)}, 400),
        ("no text", {"content": b"\xff\xfe\x00", "headers": good}, 400),
        ("a list", {"content": "[]", "headers": signed("[]", settings)}, 400),
        ("deep", {"content": "[" * 100_000, "headers": signed("[" * 100_000, settings)}, 400),
        ("a form", {"data": {"payload": event}, "headers": {"stripe-signature": good["stripe-signature"]}}, 400),
        ("an unsigned form", {"content": event, "headers": form}, 400),
        ("a file", {"files": {"event": event.encode()}}, 400),
        ("too large", {"content": b" " * (LARGEST_EVENT + 1), "headers": good}, 400),
        ("too large, unannounced", {"content": drops(LARGEST_EVENT), "headers": good}, 400),
        ("huge", {"content": b"{}", "headers": good | {"content-length": str(BYTES_MAX + 1)}}, 413),
    ]
    for name, request, status in hostile:
        answer = await client.post("/hooks/stripe", **request)
        assert answer.status_code == status, name
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.json()["code"] == ("signature_invalid" if status == 400 else "too_large"), name
        assert await written(database) == (0, "placed pending"), name
    await audited(database)


async def test_an_id_that_no_database_can_keep(
    client: httpx.AsyncClient, database: Database, settings: Settings, event: str
) -> None:
    for strange in ("evt_\\u0000", "evt_\\ud800", "evt_" + "x" * 100_000):
        body = event.replace("evt_hostile", strange)
        answer = await client.post("/hooks/stripe", content=body, headers=signed(body, settings))
        assert (answer.status_code, answer.json()["code"]) == (400, "signature_invalid"), strange
    assert await written(database) == (0, "placed pending")


async def test_a_signed_lie_moves_no_money(
    app: FastAPI, client: httpx.AsyncClient, database: Database, settings: Settings, event: str
) -> None:
    """What the event says is never believed: the provider is asked, and knows of no money."""
    answer = await client.post("/hooks/stripe", content=event, headers=signed(event, settings))
    assert answer.status_code == 200
    assert await handle_inbox(database, app.state.gateway, now=clock.now()) == 1
    assert await written(database) == (1, "placed pending")
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")) == 0
    await audited(database)


async def test_ten_times_and_out_of_order_is_once(
    app: FastAPI, client: httpx.AsyncClient, database: Database, settings: Settings, payment: dict[str, Any], event: str
) -> None:
    app.state.sandbox.courier.mode = "dropped"
    assert (await client.post(f"/sandbox/payments/{payment['payment_id']}/succeed")).status_code == 200
    older = event.replace("evt_hostile", "evt_older").replace("session.completed", "session.expired")
    for body in (event, older) * 5:
        assert (await client.post("/hooks/stripe", content=body, headers=signed(body, settings))).status_code == 200
        await handle_inbox(database, app.state.gateway, now=clock.now())
    assert await written(database) == (2, "confirmed paid")
    await audited(database)
