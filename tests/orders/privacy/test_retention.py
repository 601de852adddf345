"""Personal columns end with their period, by dated rules; what the ledger says stays."""

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from orders.privacy.retention import erase_due
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.people import bearer, somebody
from tests.make.shop import buyer, placed, small_shop
from tests.make.two_people import rule_by_two

pytestmark = pytest.mark.anyio
THREE_YEARS_ON = clock.now() + timedelta(days=3 * 366 + 1)


async def deliveries(database: Database) -> list[tuple[object, ...]]:
    async with database.reading() as session:
        rows = await session.execute(text("SELECT name, phone, street, region_code FROM delivery"))
        return [tuple(row) for row in rows]


async def test_a_delivery_loses_its_person_after_three_years_and_the_order_stays(database: Database) -> None:
    shop = await small_shop(database)
    await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})
    assert await erase_due(database, now=clock.now()) == {}
    assert (await deliveries(database))[0][0] == "收货人甲"
    assert await erase_due(database, now=THREE_YEARS_ON) == {"delivery": 1}
    assert await deliveries(database) == [(None, None, None, "310101")]
    assert await erase_due(database, now=THREE_YEARS_ON) == {}, "erased once"
    async with database.reading() as session:
        (noted,) = await session.execute(text("SELECT * FROM audit_event WHERE action = 'retention.erased'"))
        kept = await session.scalar(text("SELECT count(*) FROM order_line"))
    assert (noted.actor_id, noted.subject, noted.after["rows"]) == (None, "retention:delivery", 1)
    assert "电子商务法" in noted.reason
    assert kept == 1


async def test_a_longer_rule_from_a_day_on_keeps_it_longer(client: httpx.AsyncClient, database: Database) -> None:
    await somebody(database, "admin@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    admin = await bearer(client, "admin@example.com")
    rule = {"kind": "delivery", "years": 10, "source": "示例办法（虚构）", "valid_from": str(clock.today())}
    await somebody(database, "second@example.com", Grant(Role.ADMINISTRATOR, "all", "*"))
    second = await bearer(client, "second@example.com")

    async def ask() -> httpx.Response:
        return await rule_by_two(client, "/audit/retention-rules", rule, first=admin, second=second)

    assert (await ask()).status_code == 200
    kept = (await client.get("/api/v1/audit/retention-rules", headers=admin)).json()["items"]
    ruling = {one["kind"]: one["years"] for one in kept if one["in_force"]}
    assert (ruling["delivery"], ruling["roll_row"]) == (10, 30)
    assert (await ask()).status_code == 422
    shop = await small_shop(database)
    await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})
    assert "delivery" not in await erase_due(database, now=THREE_YEARS_ON)


async def test_a_rule_counts_years_or_days(client: httpx.AsyncClient, database: Database) -> None:
    for email in ("admin@example.com", "second@example.com"):
        await somebody(database, email, Grant(Role.ADMINISTRATOR, "all", "*"))
    first, second = await bearer(client, "admin@example.com"), await bearer(client, "second@example.com")
    path = "/audit/retention-rules"
    rule = {"kind": "message", "source": "示例办法（虚构）", "valid_from": str(clock.today())}
    for wrong in ({}, {"years": 1, "days": 1}, {"days": 0}, {"days": 367}):
        refused = await rule_by_two(client, path, rule | wrong, first=first, second=second)
        assert refused.status_code == 422, wrong
    assert (await rule_by_two(client, path, rule | {"days": 7}, first=first, second=second)).status_code == 200
    kept = (await client.get("/api/v1/audit/retention-rules", headers=first)).json()["items"]
    ruling = {one["kind"]: (one["years"], one["days"]) for one in kept if one["in_force"]}
    assert (ruling["message"], ruling["delivery"]) == ((None, 7), (3, None))
