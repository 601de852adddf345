"""Value whose payment is disputed is flagged while the dispute is open, and a report of then still says so."""

from typing import Any

import pytest
from fastapi import FastAPI

from shop.core.database import Database
from tests.make.aftersales import staff
from tests.make.caller import as_caller
from tests.make.flag import scanned
from tests.make.payments import till
from tests.make.shop import buyer, small_shop

pytestmark = pytest.mark.anyio
REPORT = {"from": "2020-01-01", "to": "2099-01-01", "group_by": "county"}


async def test_value_is_flagged_while_its_dispute_is_open(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    async with till(database) as desk:
        who, other = [await buyer(database, works_at=shop.branch) for _ in range(2)]
        order = await desk.paid(who, {shop.skus[0]: 4})
        await desk.paid(other, {shop.skus[0]: 1})
        clerk = await staff(desk, shop.bank)

        async def report(**more: str) -> dict[str, Any]:
            async with as_caller(app, clerk) as caller:
                answer = await caller.get("/api/v1/reports/sales", params=REPORT | more)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        async def flags(state: str) -> list[dict[str, Any]]:
            async with as_caller(app, clerk) as caller:
                found: list[dict[str, Any]] = (await caller.get(f"/api/v1/flags?state={state}")).json()["items"]
                return found

        payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=order.id)
        dispute = await desk.sandbox.dispute(payment, amount_fen=700, inquiry=True)
        await desk.work()
        subject = f"dispute:{await desk.one('SELECT id FROM dispute')}"
        assert await scanned(database) == {}, "it was raised with the event"
        then = await report()
        assert (then["totals"]["flagged_fen"], then["totals"]["credited_fen"]) == (4_000, 5_000)
        (flag,) = await flags("open")
        assert (flag["kind"], flag["subject"], flag["facts"]["amount_fen"]) == ("dispute_open", subject, 700)
        await desk.sandbox.end_dispute(dispute, won=True)
        await desk.work()
        assert await scanned(database) == {}
        assert (await report())["totals"]["flagged_fen"] == 0
        assert (await flags("open"), [one["id"] for one in await flags("ended")]) == ([], [flag["id"]])
        assert (await report(known_at=then["known_at"]))["totals"]["flagged_fen"] == 4_000, "what was known then"
