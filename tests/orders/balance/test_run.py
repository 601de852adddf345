"""What does not agree is named by the next run, with its owner, and is gone when it is put right."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from orders.balance.run import balance_nightly, run_balance
from orders.switchboard import reconcile
from shop.adapters.stripe.real import StripeGateway
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres import embedded
from tests.make.aftersales import pieces, refund, staff
from tests.make.history import a_history
from tests.make.payments import Till, till
from tests.make.shop import buyer, placed, small_shop
from tests.make.superuser import planted

pytestmark = pytest.mark.anyio

Plant = Callable[..., Awaitable[int]]


@pytest.fixture
def plant(postgres: Path, database_name: str, schema: str) -> Plant:
    async def run(statement: str, **values: Any) -> int:
        owner = embedded.url(postgres, database_name, embedded.OWNER_ROLE)
        return await planted(owner, schema, statement, **values)

    return run


async def found(desk: Till, *, now: datetime | None = None) -> set[tuple[str, str]]:
    """A run, and what is wrong after it: (code, subject). What waits for a person is counted apart."""
    run = await run_balance(desk.database, desk.gateway, now=now or datetime.now(UTC))
    rows = await desk.all("SELECT code, subject FROM balance_difference WHERE closed_at IS NULL AND NOT waits")
    holds, count = await desk.one("SELECT holds, differences FROM balance_run WHERE id = :id", id=run)
    assert (holds, count) == (not rows, len(rows))
    return {(code, subject) for code, subject in rows}


async def bought_and_partly_returned(desk: Till) -> tuple[Any, Any]:
    shop = await small_shop(desk.database)
    person = await buyer(desk.database, works_at=shop.branch)
    order = await desk.paid(person, {shop.skus[0]: 4})
    back = await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
    await desk.work()
    return order, back


async def test_a_long_history_balances_and_the_report_is_stamped(database: Database) -> None:
    await a_history(database, 3)
    async with till(database) as desk:
        # What another till did, this one's provider does not know: only the books are asked.
        run = await run_balance(database, desk.gateway, now=datetime.now(UTC))
        kinds = await desk.all("SELECT DISTINCT code FROM balance_difference WHERE closed_at IS NULL")
        assert {code for (code,) in kinds} <= {"refund_missing", "provider_silent", "payment_held"}
        identities, unsealed = await desk.one("SELECT identities, unsealed FROM balance_run WHERE id = :id", id=run)
        assert all(one["holds"] for one in identities)
        assert unsealed == await desk.one("SELECT count(*) FROM credit_entry")


# Each plants one fen, heals it, and says what must be named in between.
DRIFTS = {
    "an entry": (
        "UPDATE credit_entry SET amount_fen = amount_fen + :fen WHERE kind = 'sale'",
        {"money", "recognised", "claims", "rollup"},
    ),
    "a transfer": ("UPDATE transfer SET amount_fen = amount_fen + :fen WHERE kind = 'sale'", {"claims", "clearing"}),
    "a component": ("UPDATE share_component SET net_fen = net_fen + :fen", {"recognised"}),
    "what was given back of it": ("UPDATE share_component SET refunded_fen = refunded_fen + :fen", {"given_back"}),
    "a payment": ("UPDATE payment SET received_fen = received_fen + :fen", {"money", "clearing"}),
    "stock": (
        "UPDATE stock_item SET on_hand_pieces = on_hand_pieces + :fen WHERE on_hand_pieces < 1000",
        {"on_hand", "owned"},
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
async def test_a_planted_fen_is_named_the_next_run_and_disappears(database: Database, plant: Plant, drift: str) -> None:
    statement, codes = DRIFTS[drift]
    async with till(database) as desk:
        order, _ = await bought_and_partly_returned(desk)
        assert await found(desk) == set()
        assert await plant(statement, fen=1) == 1
        open_now = await found(desk)
        assert {code for code, _ in open_now} == codes
        if codes & {"money", "clearing"}:
            assert f"order:{order.id}" in {subject for _, subject in open_now}
        first = await desk.one("SELECT min(first_seen_at) FROM balance_difference")
        assert await found(desk) == open_now, "named once, and still there"
        assert await desk.one("SELECT count(*) FROM balance_difference") == len(open_now)
        rows = await desk.all("SELECT amount, said, owner, reason, first_seen_at FROM balance_difference")
        assert {abs(amount) for amount, *_ in rows} == {1}
        assert all(said and owner and reason and seen == first for _, said, owner, reason, seen in rows)
        assert await plant(statement, fen=-1) == 1
        assert await found(desk) == set()
        assert await desk.one("SELECT count(*) FROM balance_difference WHERE closed_at IS NOT NULL") == len(open_now)


async def test_a_lost_webhook_is_named_until_it_is_followed(database: Database) -> None:
    async with till(database) as desk:
        shop = await small_shop(database)
        person = await buyer(database, works_at=shop.branch)
        order = await placed(database, person, {shop.skus[0]: 1})
        opened = await desk.open(person, order.id)
        await desk.sandbox.succeed(opened.payment_id)
        async with database.transaction() as session:  # the hint never arrives
            await session.execute(text("DELETE FROM webhook_inbox"))
        now = datetime.now(UTC)
        assert await found(desk) == set(), "a payment of a minute ago may still be on its way"
        later = now + timedelta(minutes=11)
        assert await found(desk, now=later) == {("webhook_lost", f"payment:{opened.payment_id}")}
        amount, owner, unit = await desk.one("SELECT amount, owner, unit_id FROM balance_difference")
        assert (amount, owner, unit) == (order.total_fen, "payments_desk", shop.branch)
        await reconcile(database, desk.gateway, now=later, everything=True)
        assert await found(desk, now=later + timedelta(minutes=1)) == set()


async def test_a_refund_doubled_by_the_provider_is_named(database: Database) -> None:
    async with till(database) as desk:
        _, back = await bought_and_partly_returned(desk)
        paid, fen = await desk.one("SELECT provider_payment_id, received_fen FROM payment")
        client = desk.gateway._client
        again = await client.v1.refunds.create_async(
            {"payment_intent": paid, "amount": 500, "metadata": {"refund_id": str(back.id)}}
        )
        assert await found(desk) == {("refund_doubled", f"refund:{back.id}:{again.id}")}
        await client.v1.refunds.create_async({"payment_intent": paid, "amount": 1})
        assert {code for code, _ in await found(desk)} == {"refund_doubled", "refund_unknown"}
        assert fen > 0


async def test_a_refund_doubled_in_the_ledger_is_named(database: Database, plant: Plant) -> None:
    async with till(database) as desk:
        order, back = await bought_and_partly_returned(desk)
        planted_id = "00000000-0000-0000-0000-000000000001"
        doubled = f"""INSERT INTO transfer SELECT '{planted_id}', kind, debit_account_id, credit_account_id,
            amount_fen, reference, occurred_on, recorded_at FROM transfer WHERE kind = 'refund'"""
        assert await plant(doubled) == 1
        named = await found(desk)
        assert ("refund_doubled", f"refund:{back.id}") in named
        assert ("clearing", f"order:{order.id}") in named
        assert await plant(f"DELETE FROM transfer WHERE id = '{planted_id}'") == 1
        assert await found(desk) == set()


async def test_a_stored_balance_that_drifted_is_named(database: Database, plant: Plant) -> None:
    async with till(database) as desk:
        await plant(
            "INSERT INTO account (id, kind, owner, created_at, balance_fen, held_fen)"
            " VALUES (gen_random_uuid(), 'budget', 'x:2026', now(), 7, 0)"
        )
        assert await found(desk) == {("funds", "funds:budget:x:2026")}
        await plant("UPDATE account SET balance_fen = 0")
        assert await found(desk) == set()


async def test_while_the_provider_is_silent_nothing_of_his_is_healed(database: Database) -> None:
    async with till(database) as desk:
        _, back = await bought_and_partly_returned(desk)
        paid = await desk.one("SELECT provider_payment_id FROM payment")
        again = await desk.gateway._client.v1.refunds.create_async(
            {"payment_intent": paid, "amount": 500, "metadata": {"refund_id": str(back.id)}}
        )
        doubled = ("refund_doubled", f"refund:{back.id}:{again.id}")
        assert await found(desk) == {doubled}

        down = StripeGateway(
            "sk_test", "whsec", transport=httpx.MockTransport(lambda _: httpx.Response(503)), retries=0
        )
        run = await run_balance(database, down, now=datetime.now(UTC))
        assert await desk.one("SELECT holds FROM balance_run WHERE id = :id", id=run) is False
        rows = await desk.all("SELECT code FROM balance_difference WHERE closed_at IS NULL AND NOT waits")
        assert {code for (code,) in rows} == {"refund_doubled", "provider_silent"}
        await down.aclose()
        assert await found(desk) == {doubled}


async def test_entries_that_nobody_seals_are_named(database: Database) -> None:
    async with till(database) as desk:
        await bought_and_partly_returned(desk)
        assert await found(desk, now=clock.now() + timedelta(days=2)) == {("unsealed", "seal:late")}


async def test_the_night_runs_once(database: Database) -> None:
    async with till(database) as desk:
        now = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)  # 1:00 in Shanghai, the 22nd
        for hours in (0, 1, 14):
            await balance_nightly(database, desk.gateway, now=now + timedelta(hours=hours))
        assert await desk.one("SELECT count(*) FROM balance_run") == 1
        await balance_nightly(database, desk.gateway, now=now + timedelta(hours=23))
        assert await desk.one("SELECT count(*) FROM balance_run") == 2
