"""Whatever happens in whatever order to half-finished refunds, cancellations and disputes: every piece has one owner,
every fen is somewhere, and two companies' orders do not touch each other.
"""

import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from orders.aftersales.cancel import NotCancellable, cancel
from orders.aftersales.refund import NotPaid, RefundExceeds
from orders.checkout.expire import expire
from orders.checkout.problems import OutOfStock
from orders.order.schemas import OrderOut
from orders.payment_desk.problems import NothingToDecide, NotThatWay, OnItsWay, OtherThingAsked, SecondPersonNeeded
from orders.payment_desk.retry import retry
from shop.access.permissions import Actor
from shop.adapters.stripe.fake.state import SandboxRefused
from shop.adapters.stripe.gateway import GatewayUnavailable
from shop.core.database import Database
from shop.organisation.models import Unit
from tests.make.aftersales import pieces, refund
from tests.make.identities import identities_hold
from tests.make.payment_desk import kept, sent_back, two_clerks, waits
from tests.make.payments import Till, till
from tests.make.shop import LONG_AGO, SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio
REFUSED = (
    NotCancellable, NotPaid, RefundExceeds, OutOfStock, NothingToDecide, NotThatWay, OnItsWay, OtherThingAsked,
    SecondPersonNeeded, SandboxRefused,
)  # fmt: skip
STEPS = (
    "order", "order", "refund_lines", "refund_lines", "refund_amount", "refund_failing", "fail_after", "fail_after",
    "cancel", "dispute", "lose", "win", "late", "expire", "dashboard", "retry", "decide", "work", "work",
)  # fmt: skip


@dataclass
class Company:
    unit: UUID
    who: Actor
    clerks: tuple[Actor, Actor]
    orders: list[OrderOut] = field(default_factory=list)


@dataclass
class Play:
    desk: Till
    shop: SmallShop
    companies: list[Company]
    chance: random.Random
    disputes: list[str] = field(default_factory=list)

    async def step(self, what: str) -> None:
        of = self.chance.choice(self.companies)
        order = self.chance.choice(of.orders) if of.orders else None
        match what:
            case "order":
                await self._order(of)
            case "late":
                await self._late(of)
            case "expire":
                async with self.desk.database.transaction() as session:
                    await expire(session, now=datetime.now(UTC) + timedelta(hours=3))
            case "work":
                await self.desk.work()
            case "lose" | "win" if self.disputes:
                await self.desk.sandbox.end_dispute(self.chance.choice(self.disputes), won=what == "win")
            case "retry" | "decide":
                await self._at_the_desk(of, what)
            case "refund_lines" | "refund_amount" | "refund_failing" | "cancel" | "dispute" | "dashboard" if order:
                await self._of(what, of, order)
            case "fail_after":
                rows = await self.desk.all("SELECT provider_refund_id FROM refund WHERE provider_refund_id IS NOT NULL")
                if rows:
                    await self.desk.sandbox.fail_refund(self.chance.choice(sorted(rows))[0])

    async def _order(self, of: Company) -> None:
        goods = {self.shop.skus[0]: self.chance.randint(1, 4), self.shop.box: self.chance.randint(1, 2)}
        order = await placed(self.desk.database, of.who, goods)
        of.orders.append(order)
        opened = await self.desk.open(of.who, order.id)
        await self.desk.sandbox.succeed(opened.payment_id)

    async def _late(self, of: Company) -> None:
        order = await placed(self.desk.database, of.who, {self.shop.skus[1]: self.chance.randint(1, 3)})
        opened = await self.desk.open(of.who, order.id)
        if self.chance.random() < 0.5:
            await cancel(self.desk.database, Away(), actor=of.who, order_id=order.id, now=datetime.now(UTC))  # type: ignore[arg-type]
        await self.desk.sandbox.succeed(opened.payment_id, amount_fen=order.total_fen + self.chance.choice((0, 7)))
        of.orders.append(order)

    async def _of(self, what: str, of: Company, order: OrderOut) -> None:
        payment = await self.desk.all("SELECT id FROM payment WHERE order_id = :id AND received_fen > 0", id=order.id)
        match what:
            case "refund_lines" | "refund_failing":
                self.desk.sandbox.let_refunds_fail(failing=what == "refund_failing")
                line = self.chance.randrange(len(order.lines))
                await refund(self.desk, of.clerks[0], order.id, **pieces(order, line, 1))
                await self.desk.sandbox.quiet()
                self.desk.sandbox.let_refunds_fail(failing=False)
            case "refund_amount":
                await refund(self.desk, of.clerks[0], order.id, amount_fen=self.chance.randint(1, 900))
            case "cancel":
                await cancel(
                    self.desk.database, self.desk.gateway, actor=of.who, order_id=order.id, now=datetime.now(UTC)
                )
            case "dispute" if payment:
                amount = self.chance.choice((None, 500))
                self.disputes.append(await self.desk.sandbox.dispute(payment[0][0], amount_fen=amount))
            case "dashboard" if payment:
                await self.desk.sandbox.refund_in_dashboard(payment[0][0], amount_fen=self.chance.randint(1, 300))

    async def _at_the_desk(self, of: Company, what: str) -> None:
        now = datetime.now(UTC)
        if what == "retry":
            for one in (await waits(self.desk, of.clerks[0], "refund"))[:1]:
                async with self.desk.database.transaction() as session:
                    await retry(session, actor=of.clerks[0], refund_id=UUID(one.id), now=now)
            return
        verb = self.chance.choice((kept, sent_back))
        for one in (await waits(self.desk, of.clerks[0], "held"))[:1]:
            for clerk in of.clerks:
                await verb(self.desk, clerk, one.payment_id)


class Away:
    """The provider is out of reach when the page shall be closed: its payer pays all the same."""

    async def expire_checkout(self, session_id: str) -> None:
        raise GatewayUnavailable


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Till]:
    async with till(database) as opened:
        yield opened


async def company(desk: Till, unit: UUID) -> Company:
    return Company(unit, await buyer(desk.database, works_at=unit), await two_clerks(desk, unit))


@pytest.mark.parametrize("seed", range(6))
async def test_no_order_of_half_finished_verbs_leaves_a_piece_or_a_fen_unowned(desk: Till, seed: int) -> None:
    shop = await small_shop(desk.database, pieces=24)  # scarce: what comes back is soon bought by others
    other = Unit(
        id=UUID(int=77), code="OTHER", name="另一家公司（虚构）", valid_from=LONG_AGO, created_at=datetime.now(UTC)
    )
    async with desk.database.transaction() as session:
        session.add(other)
    chance = random.Random(seed)
    play = Play(desk, shop, [await company(desk, shop.branch), await company(desk, other.id)], chance)
    for number in range(30):
        with suppress(*REFUSED):
            await play.step("order" if number < 3 else chance.choice(STEPS))
        desk.sandbox.let_refunds_fail(failing=False)
        await identities_hold(desk.database)
    while await desk.work():
        pass
    await identities_hold(desk.database)
    assert await desk.one("SELECT count(*) FROM webhook_inbox WHERE handled_at IS NULL") == 0
    for one in play.companies:
        seen = [*await waits(desk, one.clerks[0], "held"), *await waits(desk, one.clerks[0], "refund")]
        assert {item.owner.unit_id for item in seen} <= {one.unit}, "nobody sees the other company's"
