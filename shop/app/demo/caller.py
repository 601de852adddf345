"""Somebody who uses the shop from outside: HTTP and nothing else."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx

from shop.app.demo.people import PASSWORD

ADDRESS: Final = {"name": "收货人（虚构）", "phone": "13800138000", "region_code": "310101", "street": "示例路一号"}
_FORM_TOKEN: Final = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')

_LINK: Final = re.compile(r"(/sign-in/verify/[\w-]+)")
_ASKED: Final = re.compile(r'name="asked" value="([0-9a-f-]{36})"')
_CODE: Final = re.compile(r"([0-9]{6})")

Json = dict[str, Any]
Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
"""Waits until the answer is true: over HTTP by asking again, in a test by letting the worker's jobs run."""


class Unexpected(Exception):
    """The shop answered otherwise than the day needs it to."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One person's calls. `headers` carry the token; without one it is a visitor."""

    http: httpx.AsyncClient
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, *, status: int = 200, **more: Any) -> Any:
        """The answer's JSON. Raises Unexpected on any other status."""
        answer = await self.http.request(method, path, headers={**self.headers, **more.pop("headers", {})}, **more)
        if answer.status_code != status:
            raise Unexpected(f"{method} {path}：应答 {answer.status_code}，应为 {status}：{answer.text[:500]}")
        return answer.json()

    async def find(self, **requested: str) -> Json:
        """The first product on the shelf that can be ordered now."""
        page = await self.ask("GET", "/api/v1/products", params={"limit": "100", **requested})
        for card in page["items"]:
            if card["available"]:
                found: Json = card
                return found
        raise Unexpected(f"货架上没有可买的商品：{requested}")

    async def order(self, goods: Mapping[str, int]) -> Json:
        """goods: SKU id → pieces."""
        lines = [{"sku_id": sku_id, "quantity": pieces} for sku_id, pieces in goods.items()]
        placed: Json = await self.ask(
            "POST", "/api/v1/orders", status=201, headers={"Idempotency-Key": uuid4().hex},
            json={"lines": lines, "address": ADDRESS},
        )  # fmt: skip
        return placed

    async def open_payment(self, order_id: str) -> str:
        """The payment's id."""
        opened = await self.ask("POST", f"/api/v1/orders/{order_id}/pay", json={"method": "stripe"})
        return str(opened["payment_id"])

    async def pay(self, payment_id: str) -> None:
        """As the payer would on the payment page: the provider then tells the shop."""
        await self.ask("POST", f"/sandbox/payments/{payment_id}/succeed")

    async def seen(self, order_id: str) -> Json:
        document: Json = await self.ask("GET", f"/api/v1/orders/{order_id}")
        return document

    async def orders(self) -> list[Json]:
        """One's own, all of them."""
        listed: list[Json] = (await self.ask("GET", "/api/v1/orders", params={"limit": "100"}))["items"]
        return listed


async def sign_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> Caller:
    token = await Caller(http).ask("POST", "/api/v1/auth/token", data={"username": email, "password": password})
    return Caller(http, {"authorization": f"Bearer {token['access_token']}"})


async def join(http: httpx.AsyncClient, code: str, *, email: str, name: str, phone: str, until: Until) -> Caller:
    """Come by a unit's invitation link, as in a browser, type the code of the SMS, open the link of the mail that
    follows, and sign in.
    """
    typed = {"email": email, "name": name, "phone": phone, "password": PASSWORD}
    asked = await _send_form(http, f"/join/{code}", typed | {"do": "code"}, 200)
    sent = _told(_ASKED, asked.text)
    sms_code = _told(_CODE, await _letter(http, phone, until))
    await _send_form(http, f"/join/{code}", typed | {"asked": sent, "sms_code": sms_code}, 303)
    await _send_form(http, _told(_LINK, await _letter(http, email, until)), {}, 303)
    http.cookies.clear()  # from here on by token, like every other caller
    return await sign_in(http, email)


async def _letter(http: httpx.AsyncClient, to: str, until: Until) -> str:
    """The newest message to an address, once it has arrived."""
    letters: list[str] = []

    async def arrived() -> bool:
        sent = (await Caller(http).ask("GET", "/sandbox/messages"))["items"]
        letters[:] = [one["body"] for one in sent if one["address"] == to]
        return bool(letters)

    await until(arrived)
    return letters[0]


def _told(what: re.Pattern[str], text: str) -> str:
    found = what.search(text)
    if found is None:
        raise Unexpected(f"没有找到 {what.pattern}：{text}")
    return found[1]


async def _send_form(http: httpx.AsyncClient, path: str, typed: Mapping[str, str], status: int) -> httpx.Response:
    page = await http.get(path)
    answer = await http.post(path, data={"csrf_token": _told(_FORM_TOKEN, page.text), **typed})
    if answer.status_code != status:
        raise Unexpected(f"{path}：应答 {answer.status_code}")
    return answer
