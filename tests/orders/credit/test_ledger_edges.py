"""What random histories found, or would find once in ten thousand: each alone, so that it stays found."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.record import Recognised, record
from orders.credit.regrade import lift
from orders.credit.remaining import remaining_of
from orders.explanation.explain import explain
from orders.report.bridge import bridge
from orders.report.question import Question
from orders.report.tick import seen_by
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Sale, enter
from tests.make.evidence import worker
from tests.make.ledger_stage import begun, staged
from tests.make.report import published

pytestmark = pytest.mark.anyio

YEAR = clock.today().year
DAY, NEXT = date(YEAR, 1, 5), date(YEAR, 1, 6)
WHOLE = Question(date(YEAR, 1, 1), date(YEAR + 1, 1, 1), ("county",))


async def given_back(database: Database, sale: Sale, fen: int, grams: int, milli: int) -> None:
    async with database.transaction() as session:
        back = Recognised("refund", new_id(), sale.id, -fen, -grams, -milli, clock.today(), DAY, "A")
        await record(session, [back], now=clock.now())


async def raised(database: Database, component: UUID, to: str = "C") -> None:
    async with database.transaction() as session:
        await lift(
            session,
            component_ids=[component],
            to=to,  # type: ignore[arg-type]
            cause_id=new_id(),
            evidence_sha256=None,
            occurred_on=clock.today(),
            now=clock.now(),
        )


async def test_goods_are_taken_back_from_whichever_delivery_still_has_them(database: Database) -> None:
    """The first delivery's money went back before; its few grams are not all of those that come back now."""
    sale = Sale(on=DAY, fen=100, grams=10, milli=1_000)
    await enter(database, sale)
    await given_back(database, sale, 100, 0, 0)
    async with database.transaction() as session:
        second = Recognised("sale", new_id(), sale.id, 900, 5_000, 9_000, NEXT, NEXT, "A")
        await record(session, [second], now=clock.now())
    await given_back(database, sale, 0, 3_000, 6_000)
    async with database.reading() as session:
        left = await remaining_of(session, [sale.id])
    assert sum(one.grams for one in left) == 2_010
    assert min(one.grams for one in left) >= 0
    assert min(one.quantity_milli for one in left) >= 0


async def test_what_counts_since_its_proof_is_said_to_count_although_the_clock_was_set_back(database: Database) -> None:
    history = await begun(await staged(database))
    staff = await worker(database, Role.STAFF, "all", "*")
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE counting_rule SET minimum_grade = 'C' WHERE id = :id"), {"id": history.rule.id}
        )
    sale = Sale(on=DAY, fen=100, grade="D", rule=history.rule.id, path=[history.units[0]])
    clock.set_ahead(timedelta(days=2))
    await enter(database, sale)
    clock.set_ahead(timedelta(days=0))
    await raised(database, sale.id)
    async with database.reading() as session:
        found = await explain(session, staff, order_line_id=sale.order, day=clock.today())
    assert (found.counted, found.counted_fen, found.not_counted_fen) == (True, 100, 0)


async def test_of_reports_kept_out_of_order_a_bridge_leaves_nothing_unexplained(database: Database) -> None:
    """Before there were ticks the report that looked first could be kept last: its moment is the later one, and it
    knows less.
    """
    await enter(database, Sale(on=DAY, fen=10))
    async with database.snapshot() as session:
        before = await seen_by(session)
    await enter(database, Sale(on=DAY, fen=7))
    newer = await published(database, WHOLE)
    async with database.transaction() as session:
        last = await session.scalar(
            text("""INSERT INTO knowledge (at, snapshot) SELECT max(coalesce(holds_until, at)) + interval '1 s',
                CAST(CAST(:snapshot AS text) AS pg_snapshot) FROM knowledge RETURNING at"""),
            {"snapshot": before},
        )
    asked = Question(WHOLE.since, WHOLE.until, known_at=datetime.fromisoformat(newer["known_at"]))
    found = await bridge(database, asked, until=last, actor=None, now=clock.now())
    assert found.second["credited_fen"] == 10
    assert set(found.unexplained.values()) == {0}


async def test_people_are_counted_where_what_they_bought_stands_now(database: Database) -> None:
    people = [new_id() for _ in range(5)]
    sales = [Sale(on=DAY, fen=100, grade="D", person=person) for person in people]
    await enter(database, *sales)
    assert (await published(database, WHOLE))["totals"]["participants"] == 0
    for sale in sales:
        await raised(database, sale.id)
    totals = (await published(database, WHOLE))["totals"]
    assert (totals["credited_fen"], totals["orders"], totals["participants"]) == (500, 5, 5)
