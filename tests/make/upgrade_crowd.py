"""People who buy and read without pause, wherever the shop is served, and remember what went wrong."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, Final
from uuid import uuid4

import httpx

from shop.app.demo.caller import ADDRESS
from shop.app.demo.people import PASSWORD
from shop.core import clock

BUYERS, A_BUYER_EACH_S = 12, 1.0
EMAILS: Final = tuple(f"{who}@demo.test" for who in ("employee", "union.buyer", "union.receiver", "outside"))
READS: Final = ("/", "/api/v1/products?limit=24", "/api/v1/orders?limit=20")


@dataclass
class Crowd:
    """urls: where it goes now, in turn. Everybody has one token, given by whoever served first. paid: fen by order."""

    http: httpx.AsyncClient
    urls: list[str]
    tokens: dict[str, str] = field(default_factory=dict)
    skus: list[str] = field(default_factory=list)
    paid: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    slowest: dict[str, float] = field(default_factory=dict)
    under_way: Counter[str] = field(default_factory=Counter)
    phase: str = "before"
    _turn: "count[int]" = field(default_factory=count)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self) -> None:
        for email in (*EMAILS, "staff@demo.test"):
            await self.sign_in(email, self.urls[0])
        page = (await self.http.get(f"{self.urls[0]}/api/v1/products?limit=100")).json()["items"]
        self.skus = [sku["id"] for card in page if card["available"] for sku in card["skus"]]
        self._tasks = [asyncio.create_task(self._buying(n)) for n in range(BUYERS)]
        self._tasks += [asyncio.create_task(self._reading())]

    async def end(self) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def leave(self, url: str) -> None:
        """Nobody goes there any more, and who was there has his answer."""
        self.urls.remove(url)
        while self.under_way[url]:  # noqa: ASYNC110  # once in a drill
            await asyncio.sleep(0.05)

    async def sign_in(self, email: str, url: str) -> None:
        answer = await self.http.post(f"{url}/api/v1/auth/token", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, f"{email} at {url}: {answer.status_code} {answer.text}"
        self.tokens[email] = answer.json()["access_token"]

    async def buy(self, email: str) -> str | None:
        """A whole purchase at one of the shop's processes: the order's id, or None and it is among the failed."""
        number = next(self._turn)
        url = self.urls[number % len(self.urls)]
        self.under_way[url] += 1
        try:
            lines = [{"sku_id": self.skus[number % len(self.skus)], "quantity": 1}]
            body = {"lines": lines, "address": ADDRESS}
            order = await self._ask(email, "POST", f"{url}/api/v1/orders", json=body)
            page = order and await self._ask(
                email, "POST", f"{url}/api/v1/orders/{order['id']}/pay", json={"method": "stripe"}
            )
            done = page and await self._ask(email, "POST", f"{url}/sandbox/payments/{page['payment_id']}/succeed")
            if done is None:
                return None
            self.paid[order["id"]] = order["goods_fen"]
            return str(order["id"])
        finally:
            self.under_way[url] -= 1

    async def _ask(self, email: str, method: str, url: str, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {self.tokens[email]}"}
        if method == "POST":
            headers["idempotency-key"] = uuid4().hex
        began = monotonic()
        try:
            answer = await self.http.request(method, url, headers=headers, **more)
        except httpx.HTTPError as error:
            self._wrong(f"{method} {url} {type(error).__name__}")
            return None
        finally:
            self.slowest[self.phase] = max(self.slowest.get(self.phase, 0), monotonic() - began)
        self.answers[str(answer.status_code)] += 1
        if answer.status_code not in {200, 201}:
            self._wrong(f"{method} {url} {answer.status_code} {answer.text[:300]}")
            return None
        return answer.json() if answer.headers["content-type"].startswith("application/json") else answer.text

    def _wrong(self, said: str) -> None:
        self.failed.append(f"{self.phase}: {said}")

    async def _buying(self, number: int) -> None:
        email = EMAILS[number % len(EMAILS)]
        await asyncio.sleep(number * A_BUYER_EACH_S / BUYERS)
        while not self._stop.is_set():
            began = monotonic()
            await self.buy(email)
            await asyncio.sleep(max(0.0, A_BUYER_EACH_S - (monotonic() - began)))

    async def _reading(self) -> None:
        """Pages, one's orders, and a report of the month."""
        today = clock.today()
        ends = clock.first_of(clock.add_months(clock.month_of(today), 1))
        report = f"/api/v1/reports/sales?from={today.replace(day=1)}&to={ends}"
        while not self._stop.is_set():
            for path, who in (*((path, EMAILS[0]) for path in READS), (report, "staff@demo.test")):
                url = self.urls[next(self._turn) % len(self.urls)]
                self.under_way[url] += 1
                await self._ask(who, "GET", f"{url}{path}")
                self.under_way[url] -= 1
                await asyncio.sleep(0.2)
