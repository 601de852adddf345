"""One day of the shop, played by invented people (虚构) through HTTP. Nothing here looks into the database."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

import httpx

from shop.app.demo.caller import Caller, Json, Until, join, sign_in
from shop.app.demo.people import LINK_CODE
from shop.core.clock import SHANGHAI

Step = Callable[[str], AbstractContextManager[None]]

COUNTIES: Final = ("140225", "513334", "610825")
"""Three origins: paired with the bank, paired with nobody, paired with one branch only."""
EXPIRED: Final = "天祝藜麦米"
BOX: Final = "三县年货礼包"
LATER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Day:
    """What was bought, as the buyers saw it in the end. since, until: the business days played, `until` exclusive."""

    employee: Caller
    friend: Caller
    colleague: Caller
    staff: Caller
    usual: Json
    uncounted: Json
    assisted: Json
    late: Json
    expired: Json
    refund: Json
    since: str
    until: str


async def play_day(http: httpx.AsyncClient, *, until: Until, step: Step) -> Day:
    """Raises Unexpected when the shop answers otherwise than it should."""
    start = await _release_clock(http)
    shop = _Counter(until)
    with step("职工登录，买两盒三县礼包和三个县的特产，付款"):
        employee = await sign_in(http, "employee@demo.test")
        box = await employee.find(q=BOX)
        goods = {_sku(box): 2}
        for county in COUNTIES:
            goods[_sku(await employee.find(county=county, sort="price"))] = 2
        usual = await shop.buy(employee, goods)
    with step("职工买一件帮扶认定已过期的商品：照卖，但不计入"):
        uncounted = await shop.buy(employee, {_sku(await employee.find(q=EXPIRED)): 1})
    with step("客户亲友从单位的邀请链接进来，验证手机，确认邮箱，下单付款：帮助销售"):
        friend = await join(
            http, LINK_CODE, email="friend@demo.test", name="亲友卯（虚构）", phone="13800138099", until=shop.until
        )
        chosen = await friend.find(county="620623", sort="-price")
        assisted = await shop.buy(friend, {_sku(chosen): 3})
    with step("一位同事打开付款页没有付，一位亲友下单后没有付款"):
        colleague = await sign_in(http, "union.receiver@demo.test")
        late = await colleague.order({_sku(chosen): 1, _sku(box): 1})
        late_payment = await colleague.open_payment(late["id"])
        expired = await friend.order({_sku(chosen): 4})
    with step("时钟拨到付款时间之后：两个订单都过期，货放回货架"):
        over = datetime.fromisoformat((await colleague.seen(late["id"]))["expires_at"]) + LATER
        await _set_clock(http, over)
        await until(lambda: _is(colleague, late["id"], "expired"))
        await until(lambda: _is(friend, expired["id"], "expired"))
    with step("同事这才付了款：货还在，照样成交"):
        await colleague.pay(late_payment)
        await until(lambda: _is(colleague, late["id"], "confirmed"))
    with step("第二天，帮扶办为职工退一盒坏了的礼包"):
        tomorrow = over.astimezone(SHANGHAI).date() + timedelta(days=1)
        await _set_clock(http, datetime.combine(tomorrow, time(10), SHANGHAI))
        staff = await sign_in(http, "staff@demo.test")
        refund = await shop.give_back(staff, usual, line=0)
    return Day(
        employee, friend, colleague, staff,
        usual=await employee.seen(usual["id"]), uncounted=await employee.seen(uncounted["id"]),
        assisted=await friend.seen(assisted["id"]), late=await colleague.seen(late["id"]),
        expired=await friend.seen(expired["id"]), refund=refund,
        since=start.astimezone(SHANGHAI).date().isoformat(), until=(tomorrow + timedelta(days=1)).isoformat(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Counter:
    until: Until

    async def buy(self, who: Caller, goods: dict[str, int]) -> Json:
        """Ordered, paid, and credited: an order is `confirmed` in the very transaction that writes the credit."""
        order = await who.order(goods)
        await who.pay(await who.open_payment(order["id"]))
        await self.until(lambda: _is(who, order["id"], "confirmed"))
        return order

    async def give_back(self, staff: Caller, order: Json, *, line: int) -> Json:
        """One piece of a line."""
        lines = [{"line_id": order["lines"][line]["id"], "quantity": 1}]
        asked: Json = await staff.ask(
            "POST",
            f"/api/v1/orders/{order['id']}/refunds",
            status=201,
            json={"lines": lines, "reason": "到货破损（虚构）"},
        )

        async def returned() -> bool:
            return bool((await staff.seen(order["id"]))["refunded_fen"] == asked["amount_fen"])

        await self.until(returned)
        return asked


def _sku(card: Json) -> str:
    return str(card["skus"][0]["id"])


async def _is(who: Caller, order_id: str, state: str) -> bool:
    return bool((await who.seen(order_id))["state"] == state)


async def _release_clock(http: httpx.AsyncClient) -> datetime:
    """The shop's time is the machine's; returns it."""
    return datetime.fromisoformat((await Caller(http).ask("DELETE", "/sandbox/clock"))["now"])


async def _set_clock(http: httpx.AsyncClient, now: datetime) -> None:
    await Caller(http).ask("PUT", "/sandbox/clock", json={"now": now.isoformat()})
