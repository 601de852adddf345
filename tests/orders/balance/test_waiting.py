"""What a lost dispute took beyond the order, and a refund that failed after it had succeeded: named until they end."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from orders.balance.run import run_balance
from orders.payment_desk.act import act, act_retry
from orders.payment_desk.retry import settle_otherwise
from shop.access.permissions import Actor
from shop.core.database import Database
from tests.make.aftersales import refund
from tests.make.payment_desk import two_clerks
from tests.make.payments import Till, till
from tests.make.shop import buyer, small_shop

pytestmark = pytest.mark.anyio
_NAMED = "SELECT code, subject, amount, owner, unit_id FROM balance_difference WHERE closed_at IS NULL AND waits"


async def night(desk: Till) -> dict[str, tuple[str, int]]:
    """code → (subject, fen) of what waits; each has the payments desk for its owner, and nothing is wrong."""
    run = await run_balance(desk.database, desk.gateway, now=datetime.now(UTC))
    rows = await desk.all(_NAMED)
    assert await desk.one("SELECT holds, open_items FROM balance_run WHERE id = :id", id=run) == (True, len(rows))
    assert {owner for *_, owner, _ in rows} <= {"payments_desk"}
    return {code: (subject, amount) for code, subject, amount, *_ in rows}


async def settled_by(desk: Till, clerks: tuple[Actor, Actor], subject: str) -> None:
    for clerk in clerks:
        now = datetime.now(UTC)
        await act(
            desk.database,
            desk.gateway,
            lambda session, who=clerk, at=now: settle_otherwise(  # type: ignore[misc]
                session, actor=who, subject=subject, reason="付款人已补回差额", now=at
            ),
            now=now,
        )


async def test_a_short_dispute_and_a_refund_undone_are_named_until_two_people_or_the_provider_end_them(
    database: Database,
) -> None:
    async with till(database) as desk:
        shop = await small_shop(database)
        person = await buyer(database, works_at=shop.branch)
        clerks = await two_clerks(desk, shop.bank)
        disputed, returned = [await desk.paid(person, {shop.skus[0]: pieces}) for pieces in (4, 3)]
        await refund(desk, clerks[0], disputed.id, amount_fen=700)
        undone = await refund(desk, clerks[0], returned.id, amount_fen=250)
        await desk.work()
        assert await night(desk) == {}
        payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=disputed.id)
        await desk.sandbox.end_dispute(await desk.sandbox.dispute(payment), won=False)
        sent = await desk.one("SELECT provider_refund_id FROM refund WHERE id = :id", id=undone.id)
        await desk.sandbox.fail_refund(sent)
        await desk.work()
        short: UUID = await desk.one("SELECT id FROM dispute")
        named = {"dispute_short": (f"dispute:{short}", 700), "refund_undone": (f"refund:{undone.id}", 250)}
        assert await night(desk) == named
        assert {unit for *_, unit in await desk.all(_NAMED)} == {shop.branch}
        await settled_by(desk, clerks, f"dispute:{short}")
        del named["dispute_short"]
        assert await night(desk) == named
        await act_retry(database, desk.gateway, clerks[1], refund_id=undone.id, now=datetime.now(UTC))
        await desk.work()
        assert await night(desk) == {}
        assert await desk.one("SELECT count(*) FROM balance_difference WHERE waits AND closed_at IS NOT NULL") == 2
