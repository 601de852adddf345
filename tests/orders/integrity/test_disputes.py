"""Value whose payment is disputed is flagged while the dispute is open, and a report of then still says so.

Always the value that the disputed money pays, and in every column only of the company whose buyer paid.
"""

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import pytest
from fastapi import FastAPI

from orders.payment_desk.act import act_match
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.flag import scanned
from tests.make.payment_desk import kept
from tests.make.payments import Till, till
from tests.make.shop import SmallShop, buyer, placed, small_shop
from tests.make.units import unit

pytestmark = pytest.mark.anyio
REPORT = {"from": "2020-01-01", "to": "2099-01-01", "group_by": "county"}
Outcome = Literal["cleared", "finding"]


class Company:
    """A company with a desk of two, its figures and flags; and one beside it, whose buyer paid too."""

    def __init__(self, app: FastAPI, till: Till, shop: SmallShop, staff: tuple[Actor, Actor]) -> None:
        self.app, self.till, self.shop, self.staff = app, till, shop, staff

    async def report(self, **more: str) -> tuple[int, int, str]:
        """flagged, credited, known_at."""
        async with as_caller(self.app, self.staff[0]) as caller:
            answer = await caller.get("/api/v1/reports/sales", params=REPORT | more)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert sum(row["flagged_fen"] for row in found["rows"]) == found["totals"]["flagged_fen"]
        return found["totals"]["flagged_fen"], found["totals"]["credited_fen"], found["known_at"]

    async def flags(self, state: str) -> list[dict[str, Any]]:
        async with as_caller(self.app, self.staff[0]) as caller:
            found: list[dict[str, Any]] = (await caller.get(f"/api/v1/flags?state={state}")).json()["items"]
        return found

    async def flagged(self) -> dict[UUID, int]:
        """order → its lines under a flag."""
        rows = await self.till.all("""SELECT l.order_id, count(*) FROM flag_line f JOIN order_line l
            ON l.id = f.order_line_id GROUP BY 1""")
        return dict(rows)

    async def decide(self, flag: str, outcome: Outcome) -> None:
        duty = {"owner_id": str(self.staff[0].user_id), "due_on": str(clock.today() + timedelta(days=9)), "what": "补"}
        said = {"outcome": outcome, "reason": "核实"}
        for who, verb in zip(self.staff, ("review", "clear"), strict=True):
            more = {"duty": duty} if (verb, outcome) == ("clear", "finding") else {}
            async with as_caller(self.app, who) as caller:
                answer = await caller.post(f"/api/v1/flags/{flag}/{verb}", json=said | more)
            assert answer.status_code == 200, answer.text


async def company(app: FastAPI, desk: Till) -> tuple[Company, Company]:
    """And another one, with a paid order of 1,000."""
    shop = await small_shop(desk.database)
    other = await unit(desk.database, "OTHER")
    await desk.paid(await buyer(desk.database, works_at=other), {shop.skus[0]: 1})
    far = await worker(desk.database, Role.STAFF, "unit", other)
    near = [await worker(desk.database, Role.STAFF, "unit", shop.bank) for _ in range(2)]
    return Company(app, desk, shop, (near[0], near[1])), Company(app, desk, shop, (far, far))


async def test_value_is_flagged_while_its_dispute_is_open(app: FastAPI, database: Database) -> None:
    async with till(database) as desk:
        mine, others = await company(app, desk)
        who, colleague = [await buyer(database, works_at=mine.shop.branch) for _ in range(2)]
        order = await desk.paid(who, {mine.shop.skus[0]: 4})
        await desk.paid(colleague, {mine.shop.skus[0]: 1})
        payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=order.id)
        dispute = await desk.sandbox.dispute(payment, amount_fen=700, inquiry=True)
        assert (await mine.flags("open"), await mine.flagged()) == ([], {})
        await desk.work()
        (flag,) = await mine.flags("open")
        subject = f"dispute:{await desk.one('SELECT id FROM dispute')}"
        assert (flag["kind"], flag["subject"], flag["facts"]["amount_fen"]) == ("dispute_open", subject, 700)
        assert await mine.flagged() == {order.id: 1}
        *now, then = await mine.report()
        assert now == [4_000, 5_000]
        assert (await others.report())[:2] == (0, 1_000)
        assert await others.flags("open") == []
        assert await scanned(database) == {}, "it was raised with the event, once"
        await desk.sandbox.end_dispute(dispute, won=True)
        await desk.work()
        assert await scanned(database) == {}
        assert (await mine.report())[:2] == (0, 5_000)
        assert (await mine.flags("open"), [one["id"] for one in await mine.flags("ended")]) == ([], [flag["id"]])
        assert (await mine.report(known_at=then))[0] == 4_000, "what was known then"


@pytest.mark.parametrize("outcome", ["cleared", "finding"])
async def test_an_ended_flag_flags_no_value_whatever_was_decided(
    app: FastAPI, database: Database, outcome: Outcome
) -> None:
    async with till(database) as desk:
        mine, others = await company(app, desk)
        order = await desk.paid(await buyer(database, works_at=mine.shop.branch), {mine.shop.skus[0]: 4})
        payment = await desk.one("SELECT id FROM payment WHERE order_id = :id", id=order.id)
        dispute = await desk.sandbox.dispute(payment, amount_fen=700, inquiry=True)
        await desk.work()
        (flag,) = await mine.flags("open")
        await mine.decide(flag["id"], outcome)
        flagged, _, then = await mine.report()
        assert flagged == (4_000 if outcome == "finding" else 0)
        await desk.sandbox.end_dispute(dispute, won=True)
        await desk.work()
        assert (await mine.report())[:2] == (0, 4_000)
        assert [one["id"] for one in await mine.flags(outcome)] == [flag["id"]], "what was decided stays to be read"
        assert (await mine.report(known_at=then))[0] == flagged, "what was known then"
        assert (await others.report())[:2] == (0, 1_000)


async def test_of_kept_money_the_order_that_it_pays_is_flagged(app: FastAPI, database: Database) -> None:
    """And not the one it came for, which somebody may have paid in another way since."""
    async with till(database) as desk:
        mine, _ = await company(app, desk)
        who = await buyer(database, works_at=mine.shop.branch)
        first = await placed(database, who, {mine.shop.skus[0]: 2})
        opened = await desk.open(who, first.id)
        await desk.sandbox.succeed(opened.payment_id, amount_fen=9_999)
        await desk.work()
        for clerk in mine.staff:
            await kept(desk, clerk, opened.payment_id)
        again = await desk.open(who, first.id)
        await desk.sandbox.succeed(again.payment_id)
        await desk.work()
        second = await placed(database, who, {mine.shop.skus[0]: 3, mine.shop.skus[1]: 1})
        clerk = mine.staff[0]
        await act_match(database, clerk, payment_id=opened.payment_id, order_id=second.id, now=clock.now())
        before = (await mine.report())[1]
        dispute = await desk.sandbox.dispute(opened.payment_id, amount_fen=700, inquiry=True)
        await desk.work()
        assert await mine.flagged() == {second.id: 2}
        worth = await desk.one("SELECT sum(amount_fen)::bigint FROM credit_entry WHERE order_id = :id", id=second.id)
        assert (await mine.report())[:2] == (worth, before)
        third = await placed(database, who, {mine.shop.skus[0]: 1})
        await act_match(database, clerk, payment_id=opened.payment_id, order_id=third.id, now=clock.now())
        await scanned(database)
        assert await mine.flagged() == {second.id: 2, third.id: 1}, "what it pays while the dispute is open, too"
        await desk.sandbox.end_dispute(dispute, won=True)
        await desk.work()
        assert (await mine.report())[0] == 0


async def test_money_that_is_kept_and_pays_nothing_flags_nothing(app: FastAPI, database: Database) -> None:
    async with till(database) as desk:
        mine, _ = await company(app, desk)
        who = await buyer(database, works_at=mine.shop.branch)
        order = await placed(database, who, {mine.shop.skus[0]: 2})
        opened = await desk.open(who, order.id)
        await desk.sandbox.succeed(opened.payment_id, amount_fen=9_999)
        await desk.work()
        await desk.sandbox.dispute(opened.payment_id, amount_fen=700, inquiry=True)
        await desk.work()
        (flag,) = await mine.flags("open")
        assert (flag["lines"], await mine.flagged()) == (0, {})
