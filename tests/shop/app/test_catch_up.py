"""What the last release wrote while it still served is made up for by the next `shop migrate`, however often."""

from datetime import UTC, datetime, timedelta

import pytest

from shop.app.migrate import make_ready
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.aftersales import pieces, refund, staff
from tests.make.identities import identities_hold
from tests.make.payments import till
from tests.make.shop import buyer, small_shop
from tests.make.superuser import planted

pytestmark = pytest.mark.anyio


async def test_goods_of_its_refunds_lie_in_the_barn(database: Database, settings: Settings, schema: str) -> None:
    owner = settings.database_owner_url or ""
    shop = await small_shop(database)
    async with till(database) as desk:
        order = await desk.paid(await buyer(database, works_at=shop.branch), {shop.skus[0]: 4})
        back = await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 3))
        await desk.work()
        assert await planted(owner, schema, "DELETE FROM refund_goods") == 1  # 7d50459 knows no such table
        for _ in range(2):
            await make_ready(settings, owner)
        assert await desk.one("SELECT refund_id, pieces FROM refund_goods") == (back.id, 3)
        await desk.sandbox.fail_refund(await desk.one("SELECT provider_refund_id FROM refund"))
        await desk.work(now=datetime.now(UTC) + timedelta(days=1))
        await make_ready(settings, owner)
        assert await desk.one("SELECT pieces FROM refund_goods") == 0, "the order owns them again, and that stays"
        await identities_hold(database)


async def test_its_transfers_prove_one_return_each(database: Database, settings: Settings, schema: str) -> None:
    owner = settings.database_owner_url or ""
    shop = await small_shop(database)
    async with till(database) as desk:
        order = await desk.paid(await buyer(database, works_at=shop.branch), {shop.skus[0]: 4})
        clerk = await staff(desk, shop.bank)
        back = await refund(desk, clerk, order.id, **pieces(order, 0, 3))
        await desk.work()
        await planted(owner, schema, "UPDATE refund SET provider_refund_id = 'bank:OUT-1' WHERE id = :id", id=back.id)
        for _ in range(2):
            await make_ready(settings, owner)
        sent = await desk.all("SELECT company_id, day, bank_reference, subject FROM sent_transfer")
        assert sent == [(shop.bank, clock.today(), "OUT-1", f"refund:{back.id}")], "the top of the branch"


async def test_an_account_that_it_makes_signs_in_here(database: Database, settings: Settings, schema: str) -> None:
    owner = settings.database_owner_url or ""
    made = """WITH who AS (INSERT INTO person (id, name, created_at) VALUES (gen_random_uuid(), '甲（虚构）', now())
        RETURNING id)
    INSERT INTO user_account (id, person_id, email, password_hash, state, created_at)
    SELECT gen_random_uuid(), id, 'a@old.test', '-', 'active', now() FROM who"""
    await planted(owner, schema, made)
    async with till(database) as desk:
        assert await desk.one("SELECT email_verified_at IS NOT NULL FROM user_account WHERE email = 'a@old.test'")
