"""The postman between the sandbox and the shop's webhook door, good or bad as a test wants him."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Literal

import stripe
import structlog

from shop.adapters.stripe.fake.store import Body, Store, StoreUnavailable
from shop.adapters.stripe.gateway import WANTED_EVENTS

_log = structlog.get_logger(__name__)

Deliver = Callable[[bytes, dict[str, str]], Awaitable[None]]
"""Brings a body and its headers to the shop's door. Any exception means that it did not arrive."""


class Courier:
    """Signs events with the real clock and brings them to the door; remembers in the store what has arrived.

    mode: `normal`; `dropped` (lost for ever, the shop must notice by itself); `repeated` (each event `repeats` times);
    `delayed` (kept until `release()`, which brings the newest first).
    """

    def __init__(self, store: Store, deliver: Deliver, webhook_secret: str) -> None:
        self.mode: Literal["normal", "dropped", "repeated", "delayed"] = "normal"
        self.repeats = 3
        self._store, self._deliver, self._secret = store, deliver, webhook_secret
        self._kept: list[Body] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def send(self, events: Sequence[Body]) -> None:
        requested = [event for event in events if event["type"] in WANTED_EVENTS]
        match self.mode:
            case "dropped":
                return
            case "delayed":
                self._kept += requested
            case "repeated":
                for event in requested:
                    for _ in range(self.repeats):
                        await self._bring(event)
            case "normal":
                for event in requested:
                    await self._bring(event)

    async def release(self) -> None:
        """Bring what was delayed, the newest first."""
        kept, self._kept = self._kept, []
        for event in reversed(kept):
            await self._bring(event)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something happen by itself, beside the answer that is on its way."""
        task = asyncio.create_task(self._looked_after(work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def quiet(self) -> None:
        """Wait until nothing is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way)

    async def _looked_after(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreUnavailable:  # nobody waits for this answer; the next look at the object makes up for it
            _log.warning("sandbox_lost_its_store")

    async def _bring(self, event: Body) -> None:
        body = json.dumps(event, ensure_ascii=False, indent=2)
        signature = stripe.WebhookSignature.generate_signature_header(body, self._secret)
        headers = {"content-type": "application/json; charset=utf-8", "stripe-signature": signature}
        try:
            await self._deliver(body.encode(), headers)
        except Exception as error:  # noqa: BLE001  # the door may be anything; Stripe too only sees that it failed
            _log.warning("sandbox_event_undelivered", kind=event["type"], trouble=type(error).__name__)
            return
        with suppress(StoreUnavailable):  # it arrived, noted or not
            async with self._store.turn() as objects:
                await objects.put(event["id"], "event", event | {"pending_webhooks": 0})
