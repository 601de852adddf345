"""Two people decide at once, a dispute is lost while a refund is on its way, a refund fails while another is asked."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from orders.aftersales.dispute import follow_disputes
from orders.aftersales.give_back import follow
from orders.aftersales.refund import RefundExceeds
from orders.checkout.payable import AlreadyPaid
from orders.payment_desk.act import act_match, act_retry
from orders.payment_desk.adopt import adopt
from orders.payment_desk.decide import withdraw
from orders.payment_desk.problems import AdvanceShort, NothingToDecide, NotThatWay, OnItsWay, SecondPersonNeeded
from orders.payment_desk.turn import Done
from shop.access.permissions import Actor
from shop.core.database import Database
from shop.core.errors import Problem
from tests.make.aftersales import pieces, refund, staff
from tests.make.identities import identities_hold
from tests.make.payment_desk import kept, sent_back, two_clerks, waits
from tests.make.payments import Till, till
from tests.make.shop import SmallShop, buyer, placed, small_shop

pytestmark = pytest.mark.anyio


async def held(desk: Till, shop: SmallShop) -> tuple[Actor, UUID]:
    who = await buyer(desk.database, works_at=shop.branch)
    order = await placed(desk.database, who, {shop.skus[0]: 3})
    opened = await desk.open(who, order.id)
    await desk.sandbox.succeed(opened.payment_id, amount_fen=20_000)
    await desk.work()
    return who, opened.payment_id


def kinds(answers: list[object]) -> list[str]:
    for one in answers:
        if isinstance(one, BaseException) and not isinstance(one, Problem):
            raise one
    return sorted(type(one).__name__ for one in answers)


async def test_a_crowd_decides_a_held_payment_once(database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        _, payment = await held(desk, shop)
        crowd = [await staff(desk, shop.bank) for _ in range(6)]
        answers = await asyncio.gather(*(sent_back(desk, one, payment) for one in crowd), return_exceptions=True)
        found = kinds(list(answers))
        assert found.count("PaymentDeskStepOut") == 2, found
        assert set(found) <= {"PaymentDeskStepOut", "OnItsWay", "NothingToDecide"}
        await desk.work()
        assert await desk.one("SELECT count(*), sum(amount_fen)::bigint FROM refund") == (1, 20_000)
        assert await desk.one("SELECT count(*) FROM desk_decision WHERE state = 'decided'") == 1
        await identities_hold(database)


async def test_one_keeps_while_another_returns(database: Database) -> None:
    """Somebody has asked to keep it; one confirms, one withdraws, one wants it back: one of them is first."""
    shop = await small_shop(database)
    async with till(database) as desk:
        _, payment = await held(desk, shop)
        first, second = await two_clerks(desk, shop.bank)
        third, fourth = await two_clerks(desk, shop.bank)
        await kept(desk, first, payment)

        async def forget() -> None:
            async with database.transaction() as session:
                await withdraw(session, third, f"payment:{payment}", now=datetime.now(UTC))

        answers = await asyncio.gather(
            kept(desk, second, payment), forget(), sent_back(desk, fourth, payment), return_exceptions=True
        )
        kinds(list(answers))
        rows = await desk.all("SELECT action, state FROM desk_decision ORDER BY asked_at")
        assert rows[0][0] == "keep"
        assert rows[0][1] in {"decided", "withdrawn"}
        assert await desk.one("SELECT count(*) FROM kept_advance") == (1 if rows[0][1] == "decided" else 0)
        await identities_hold(database)


async def test_an_advance_is_spent_once(database: Database) -> None:
    """Two orders are matched, and the rest is returned, in one moment: never more than what was there."""
    shop = await small_shop(database)
    async with till(database) as desk:
        who, payment = await held(desk, shop)
        clerks = await two_clerks(desk, shop.bank)
        for clerk in clerks:
            await kept(desk, clerk, payment)
        orders = [await placed(database, who, {shop.skus[3]: 4}) for _ in range(3)]  # of 160.00 yuan each, 200.00 there
        await sent_back(desk, clerks[0], payment)
        now = datetime.now(UTC)
        answers = await asyncio.gather(
            *(act_match(database, clerks[0], payment_id=payment, order_id=one.id, now=now) for one in orders),
            *(act_match(database, clerks[1], payment_id=payment, order_id=one.id, now=now) for one in orders),
            sent_back(desk, clerks[1], payment),
            return_exceptions=True,
        )
        wrong = [one for one in answers if isinstance(one, BaseException)]
        assert all(
            isinstance(one, AdvanceShort | AlreadyPaid | NothingToDecide | NotThatWay | OnItsWay) for one in wrong
        )
        await desk.work()
        left = await desk.one("SELECT left_fen FROM kept_advance")
        paid = await desk.one("SELECT coalesce(sum(amount_fen), 0)::bigint FROM payment WHERE method = 'advance'")
        back = await desk.one("SELECT coalesce(sum(amount_fen), 0)::bigint FROM refund WHERE state = 'succeeded'")
        assert left + paid + back == 20_000
        await identities_hold(database)


async def test_a_refund_fails_while_another_is_asked_for_and_it_is_sent_again(database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        who = await buyer(database, works_at=shop.branch)
        order = await desk.paid(who, {shop.skus[0]: 4})
        clerks = await two_clerks(desk, shop.bank)
        back = await refund(desk, clerks[0], order.id, **pieces(order, 0, 3))
        await desk.work()
        desk.sandbox.courier.mode = "dropped"
        provider = await desk.one("SELECT provider_refund_id FROM refund")
        await desk.sandbox.fail_refund(provider)
        seen = await desk.gateway.read_refund(provider)

        async def fails() -> None:
            async with database.transaction() as session:
                await follow(session, [seen], now=datetime.now(UTC))

        again = (refund(desk, clerk, order.id, **pieces(order, 0, 3)) for clerk in clerks)
        answers = await asyncio.gather(fails(), fails(), fails(), *again, return_exceptions=True)
        assert set(kinds(list(answers))) <= {"NoneType", "RefundOut", "RefundExceeds"}
        now = datetime.now(UTC)
        retries = (act_retry(database, desk.gateway, clerk, refund_id=back.id, now=now) for clerk in clerks * 2)
        found = await asyncio.gather(*retries, return_exceptions=True)
        assert set(kinds(list(found))) <= {"PaymentDeskStepOut", "NothingToDecide", "RefundExceeds"}
        assert any(isinstance(one, RefundExceeds) for one in (*answers, *found))
        desk.sandbox.courier.mode = "normal"
        await desk.sandbox.quiet()
        for (one,) in await desk.all("SELECT provider_refund_id FROM refund WHERE state = 'submitted'"):
            async with database.transaction() as session:
                await follow(session, [await desk.gateway.read_refund(one)], now=now)
        assert await desk.one("SELECT count(*) FROM refund WHERE state = 'succeeded'") == 1
        assert await desk.one("SELECT refunded_quantity FROM order_line WHERE order_id = :id", id=order.id) == 3
        await identities_hold(database)


async def test_a_dispute_is_lost_in_the_moment_of_a_refund_and_a_cancellation(database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        orders = []
        for _ in range(4):
            who = await buyer(database, works_at=shop.branch)
            orders.append((who, await desk.paid(who, {shop.skus[0]: 4, shop.box: 1})))
        clerk = await staff(desk, shop.bank)
        desk.sandbox.courier.mode = "dropped"
        seen = []
        for _, order in orders:
            payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=order.id)
            dispute = await desk.sandbox.dispute(payment)
            await desk.sandbox.end_dispute(dispute, won=False)
            seen.append(await desk.gateway.read_dispute(dispute))

        async def lost(number: int) -> None:
            async with database.transaction() as session:
                await follow_disputes(session, seen[number:] + seen[:number], now=datetime.now(UTC))

        answers = await asyncio.gather(
            *(lost(number) for number in range(4)),
            *(refund(desk, clerk, order.id, **pieces(order, 0, 1)) for _, order in orders),
            return_exceptions=True,
        )
        assert set(kinds(list(answers))) <= {"NoneType", "RefundOut", "RefundExceeds", "NotPaid"}
        await desk.sandbox.quiet()
        for _ in range(2):  # a refund that the provider refused leaves the rest to the dispute
            await lost(0)
        net = await desk.all("SELECT order_id, sum(amount_fen)::bigint FROM credit_entry GROUP BY 1")
        assert {fen for _, fen in net} == {0}
        assert await desk.one("SELECT count(*) FROM dispute") == 4
        await identities_hold(database)


async def test_a_refund_of_the_dashboard_is_adopted_once(database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        order = await desk.paid(await buyer(database, works_at=shop.branch), {shop.skus[0]: 4})
        payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=order.id)
        foreign = await desk.sandbox.refund_in_dashboard(payment, amount_fen=1_500)
        await desk.work()
        crowd = [await staff(desk, shop.bank) for _ in range(6)]

        async def take(clerk: Actor) -> Done:
            async with database.transaction() as session:
                return await adopt(
                    session,
                    actor=clerk,
                    provider_refund_id=foreign,
                    lines=None,
                    reason="客服退的",
                    now=datetime.now(UTC),
                )

        answers = await asyncio.gather(*map(take, crowd), return_exceptions=True)
        assert kinds(list(answers)).count("Done") == 2
        assert not any(isinstance(one, SecondPersonNeeded) for one in answers)
        assert await desk.one("SELECT count(*), sum(amount_fen)::bigint FROM refund") == (1, 1_500)
        assert await waits(desk, crowd[0], "provider_refund") == []
        await identities_hold(database)
