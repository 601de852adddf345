"""An allowance beside own money, from checkout to the last refund: never cash, never twice, to the fen."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.aftersales.cancel import cancel
from orders.aftersales.refund import request_refund
from orders.aftersales.schemas import RefundIn
from orders.allowance.give_back import give_back
from orders.balance.identity import identities
from orders.budget.version import owner
from orders.checkout.expire import expire
from orders.checkout.problems import AllowanceNotAvailable, OutOfStock
from orders.funds.post import FundsShort, available_fen
from orders.funds.prove import prove
from orders.switchboard import reconcile
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.aftersales import pieces, refund, staff
from tests.make.allowance import UNTIL, bought, granted, plan
from tests.make.audit import audited
from tests.make.budget import YEAR, UnionDesk, union_desk
from tests.make.payment_desk import returned_by_two
from tests.make.payments import Till, till
from tests.make.shop import SmallShop, buyer, small_shop

pytestmark = pytest.mark.anyio

FREIGHT_FREE = text("UPDATE freight_rate SET first_fen = 0, step_fen = 0")


@dataclass
class Story:
    shop: SmallShop
    desk: UnionDesk
    till: Till
    member: Actor
    clerk: Actor
    """Who may give money back."""
    grant: UUID

    @property
    def database(self) -> Database:
        return self.till.database

    async def left(self) -> int:
        """What the member can still spend."""
        return int(
            await self.till.one(
                "SELECT sum(a.balance_fen - a.held_fen) FROM allowance w JOIN account a ON a.owner = w.id::text"
                " WHERE w.person_id = :person",
                person=self.member.person_id,
            )
        )

    async def budget(self) -> int:
        async with self.database.transaction() as session:
            return await available_fen(session, "budget", owner(self.desk.union, YEAR))

    async def true(self) -> None:
        """Whatever happened: the books, the credit and the stock agree."""
        async with self.database.snapshot() as session:
            found = await identities(session)
            assert {one.code: one.apart for one in found if not one.holds} == {}
            assert (await prove(session)).wrong == ()
        await audited(self.database)


@pytest.fixture
async def story(database: Database) -> AsyncIterator[Story]:
    """A member with 50.00 yuan for the first two goods (10.00 and 20.00 yuan)."""
    shop = await small_shop(database)
    desk = await union_desk(database, shop.bank, budget_fen=100_000)
    member = await buyer(database, works_at=shop.branch)
    grant = await granted(database, desk, await plan(database, desk, shop.skus[:2], [member]), 5_000)
    async with till(database) as counter:
        yield Story(shop, desk, counter, member, await staff(counter, shop.bank), grant)


async def test_it_bears_its_part_of_eligible_lines_and_own_money_the_rest(story: Story) -> None:
    rice, tea, other = story.shop.skus[:3]
    order = await bought(story.database, story.member, {rice: 1, tea: 1, other: 1}, 1_000)
    assert (order.state, order.paid_fen) == ("placed", 0)
    assert await story.left() == 4_000
    shares = await story.till.all(
        "SELECT l.position, s.payer_kind, s.fund_source, c.net_fen, c.grams, c.quantity_milli, a.fund_source,"
        " a.union_id"
        " FROM order_line l JOIN line_share s ON s.line_id = l.id JOIN share_component c ON c.share_id = s.id"
        " JOIN attribution a ON a.id = c.id ORDER BY l.position, s.position"
    )
    own, union = ("personal", None), ("union", story.desk.union)
    assert shares == [
        (1, "own", "personal", 667, 334, 667, *own),
        (1, "allowance", "union", 333, 166, 333, *union),
        (2, "own", "personal", 1_333, 333, 667, *own),
        (2, "allowance", "union", 667, 167, 333, *union),
        (3, "own", "personal", 3_000, 500, 1_000, *own),
    ]
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()
    paid = await story.till.one("SELECT amount_fen, received_fen, state FROM payment")
    assert paid == (order.total_fen, order.total_fen - 1_000, "succeeded"), "the provider is asked for own money only"
    credited = await story.till.all(
        "SELECT fund_source, grade, sum(amount_fen)::bigint FROM credit_entry GROUP BY 1, 2 ORDER BY 1"
    )
    assert credited == [("personal", "A", 5_000), ("union", "A", 1_000)]
    assert await story.till.one("SELECT paid_with.kind FROM tender paid_with WHERE position = 1") == "allowance"
    await story.true()


@pytest.mark.parametrize(
    ("counts", "counted"),
    [("personal", [("personal", True), ("union", False)]), ("union", [("personal", False), ("union", True)])],
)
async def test_what_an_allowance_bears_is_judged_as_the_unions_money(
    story: Story, counts: str, counted: list[tuple[str, bool]]
) -> None:
    rice = story.shop.skus[0]
    async with story.database.transaction() as session:
        await session.execute(text("UPDATE counting_rule SET fund_sources = ARRAY[:counts]"), {"counts": counts})
    order = await bought(story.database, story.member, {rice: 1}, 400)
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()
    judged = "SELECT DISTINCT fund_source, counted, not_counted_reason FROM attribution ORDER BY 1"
    assert await story.till.all(judged) == [
        (source, yes, None if yes else "fund_source_excluded") for source, yes in counted
    ]
    entries = await story.till.all("SELECT fund_source, amount_fen, counted FROM credit_entry ORDER BY 1")
    assert entries == [("personal", 600, counted[0][1]), ("union", 400, counted[1][1])]
    await story.true()


async def test_covered_wholly_it_is_paid_at_once_and_credited(story: Story) -> None:
    tea = story.shop.skus[1]
    free = {tea: 1}
    async with story.database.transaction() as session:
        await session.execute(FREIGHT_FREE)
    key = str(new_id())
    order = await bought(story.database, story.member, free, 2_000, key=key)
    assert (order.state, order.payment_state, order.paid_fen, order.total_fen) == ("confirmed", "paid", 2_000, 2_000)
    assert await bought(story.database, story.member, free, 2_000, key=key) == order, "sent twice, one order"
    assert await story.left() == 3_000
    assert await story.till.one("SELECT state, payment_state FROM shop_order") == ("confirmed", "paid")
    assert await story.till.one("SELECT method, state, received_fen FROM payment") == ("allowance", "succeeded", 0)
    assert await story.till.one("SELECT amount_fen, grade, fund_source FROM credit_entry") == (2_000, "A", "union")
    await story.true()

    given = await refund(story.till, story.clerk, order.id, **pieces(order, 0, 1))
    assert (given.state, given.amount_fen) == ("succeeded", 2_000), "no provider is asked"
    assert await story.left() == 5_000
    await story.true()


async def test_a_killed_refund_of_an_allowance_is_finished_by_the_worker(story: Story) -> None:
    async with story.database.transaction() as session:
        await session.execute(FREIGHT_FREE)
    order = await bought(story.database, story.member, {story.shop.skus[1]: 1}, 2_000)
    await refund(story.till, story.clerk, order.id, amount_fen=500)
    async with story.database.transaction() as session:
        await request_refund(
            session,
            actor=story.clerk,
            order_id=order.id,
            requested=RefundIn.model_validate({"reason": "坏果", "amount_fen": 700}),
            now=clock.now(),
        )
    await reconcile(story.database, story.till.gateway, now=clock.now(), everything=True)
    assert await story.left() == 3_000 + 1_200
    await story.true()


async def test_a_refund_returns_each_tender_by_what_the_line_still_holds(story: Story) -> None:
    rice, tea = story.shop.skus[:2]
    order = await bought(story.database, story.member, {rice: 3, tea: 1}, 2_500)  # of 50.00: half of each line
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()
    given = []
    for requested in (pieces(order, 0, 1), {"amount_fen": 301, "line_id": order.lines[0].id}, pieces(order, 0, 2)):
        await refund(story.till, story.clerk, order.id, **requested)
        await story.till.work()
        newest = "SELECT amount_fen, allowance_fen FROM refund ORDER BY requested_at DESC LIMIT 1"
        given.append(await story.till.one(newest))
        await story.true()
    assert given[0] == (1_000, 500)
    assert abs(given[1][1] * 2 - 301) == 1, "half, to the fen"
    assert sum(amount for amount, _ in given) == 3_000
    assert sum(part for _, part in given) == 1_500, "the line gave back exactly what each had paid"
    assert await story.left() == 2_500 + 1_500


async def test_after_expiry_it_returns_to_the_union_and_is_never_cash(story: Story) -> None:
    rice, tea = story.shop.skus[:2]
    order = await bought(story.database, story.member, {rice: 1, tea: 1}, 3_000)
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()
    before = await story.budget()
    async with story.database.transaction() as session:
        await give_back(session, day=UNTIL, now=clock.now())
    assert await story.budget() == before + 2_000
    await refund(story.till, story.clerk, order.id, **pieces(order, 1, 1))
    await story.till.work()
    assert await story.till.one("SELECT sum(amount_fen - allowance_fen)::bigint FROM refund") == 0
    async with story.database.transaction() as session:
        await give_back(session, day=UNTIL, now=clock.now())
    assert await story.budget() == before + 4_000
    assert await story.left() == 0
    await story.true()


async def test_cancelled_and_expired_orders_give_it_back(story: Story) -> None:
    rice = story.shop.skus[0]
    gone = await bought(story.database, story.member, {rice: 2}, 2_000)
    late = await bought(story.database, story.member, {rice: 2}, 2_000)
    opened = await story.till.open(story.member, late.id)
    assert await story.left() == 1_000
    await cancel(story.database, story.till.gateway, actor=story.member, order_id=gone.id, now=clock.now())
    assert await story.left() == 3_000
    async with story.database.transaction() as session:
        await expire(session, now=clock.now() + timedelta(hours=1))
    assert await story.left() == 5_000
    await story.till.sandbox.succeed(opened.payment_id)  # too late: own money is held, the allowance is free again
    await story.till.work()
    await returned_by_two(story.till, story.shop.bank, opened.payment_id)
    assert await story.till.one("SELECT kind, amount_fen FROM refund") == ("late_payment", late.total_fen - 2_000)
    await story.true()


async def test_a_paid_order_that_is_cancelled_returns_both(story: Story) -> None:
    order = await bought(story.database, story.member, {story.shop.skus[0]: 2}, 1_500)
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()
    await cancel(story.database, story.till.gateway, actor=story.member, order_id=order.id, now=clock.now())
    await story.till.work()
    assert await story.till.one("SELECT state, amount_fen, allowance_fen FROM refund") == (
        "succeeded",
        order.total_fen,
        1_500,
    )
    assert await story.left() == 5_000
    await story.true()


async def test_what_a_failed_refund_had_given_back_is_taken_again_as_far_as_it_is_there(story: Story) -> None:
    rice, tea = story.shop.skus[:2]
    order = await bought(story.database, story.member, {rice: 4}, 2_000)
    opened = await story.till.open(story.member, order.id)
    await story.till.sandbox.succeed(opened.payment_id)
    await story.till.work()

    async def given_back(quantity: int) -> str:
        back = await refund(story.till, story.clerk, order.id, **pieces(order, 0, quantity))
        await story.till.work()
        provider: str = await story.till.one("SELECT provider_refund_id FROM refund WHERE id = :id", id=back.id)
        return provider

    async def fails(provider: str) -> None:
        for _ in range(2):
            await story.till.sandbox.fail_refund(provider)
            await story.till.work()

    first = await given_back(2)
    assert await story.left() == 4_000
    await fails(first)
    assert await story.left() == 3_000
    await story.true()
    second = await given_back(2)
    await bought(story.database, story.member, {rice: 3, tea: 1}, 3_500)  # of the 4,000 the member promises 3,500
    await fails(second)
    assert await story.left() == 0, "500 are there and are taken; 500 are spoken for and stay"
    await story.true()
    await given_back(2)
    assert await story.left() == 500, "of the 1,000 the member has 500 already"
    await given_back(1)
    assert await story.left() == 1_000
    await story.true()


async def test_what_it_cannot_bear_is_refused_and_nothing_is_held(story: Story) -> None:
    rice, _, other = story.shop.skus[:3]
    with pytest.raises(AllowanceNotAvailable) as refused:
        await bought(story.database, story.member, {rice: 1, other: 5}, 1_001)
    assert refused.value.extra == {"available_fen": 1_000}
    with pytest.raises(AllowanceNotAvailable):
        await bought(story.database, story.member, {rice: 9}, 5_001)
    with pytest.raises(OutOfStock):
        await bought(story.database, story.member, {rice: 1_001}, 1_000)
    with pytest.raises(AllowanceNotAvailable):
        await bought(story.database, await buyer(story.database, works_at=story.shop.branch), {rice: 1}, 1)
    assert await story.left() == 5_000
    assert await story.till.one("SELECT count(*) FROM shop_order") == 0
    await story.true()


async def test_two_checkouts_cannot_spend_the_same_fen(story: Story) -> None:
    async with story.database.transaction() as session:
        await session.execute(FREIGHT_FREE)
    rice = story.shop.skus[0]

    async def attempt() -> int:
        try:
            return (await bought(story.database, story.member, {rice: 1}, 1_000)).paid_fen
        except (FundsShort, AllowanceNotAvailable):
            return 0

    spent = await asyncio.gather(*(attempt() for _ in range(20)))
    assert sum(spent) == 5_000
    assert await story.left() == 0
    await story.true()
