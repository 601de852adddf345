"""Money that turned back turns the figure back: on its own day, linked, and with nothing unexplained."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import Recognised, record
from orders.credit.undo_refund import undo_refund
from orders.report.bridge import bridge
from orders.report.question import Question
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import HUNYUAN, Given, Sale, enter
from tests.make.report import published

pytestmark = pytest.mark.anyio
YEAR = clock.today().year
MARCH, APRIL, MAY = date(YEAR, 3, 10), date(YEAR, 4, 2), date(YEAR, 5, 3)
WHOLE = Question(date(YEAR, 1, 1), date(YEAR + 1, 1, 1), ("month",))


async def test_a_refund_undone_is_positive_on_its_own_day_and_linked(database: Database) -> None:
    back = Given(on=APRIL, fen=300, grams=150, milli=500)
    sale, other = Sale(on=MARCH, fen=1_000, given=[back]), Sale(on=MARCH, fen=70, place=HUNYUAN)
    await enter(database, sale, other)
    before = await published(database, WHOLE)
    for _ in range(3):
        async with database.transaction() as session:
            await undo_refund(session, refund_id=back.id, component_ids=[sale.id], occurred_on=MAY, now=clock.now())
    async with database.reading() as session:
        rows = (
            await session.execute(
                text("""SELECT u.kind, u.amount_fen, u.grams, u.quantity_milli, u.occurred_on, u.sale_on, r.cause_id
                    FROM credit_entry u JOIN credit_entry r ON r.id = u.reverses_id WHERE u.order_line_id = :line"""),
                {"line": sale.order},
            )
        ).all()
        assert [tuple(row) for row in rows] == [("refund_undone", 300, 150, 500, MAY, MARCH, back.id)]
        assert await differences(session) == []
    after = await published(database, WHOLE)
    assert after["totals"]["credited_fen"] == 1_070
    assert after["totals"]["refunded_fen"] == 0, "it lowers what was refunded, it is no new sale"
    assert [(row["month"], row["credited_fen"], row["refunded_fen"], row["orders"]) for row in after["rows"]] == [
        (f"{YEAR}-03", 1_070, 0, 2), (f"{YEAR}-04", -300, 300, 0), (f"{YEAR}-05", 300, -300, 0),
    ]  # fmt: skip
    found = await bridge(
        database,
        replace(WHOLE, group_by=(), known_at=datetime.fromisoformat(before["known_at"])),
        until=datetime.fromisoformat(after["known_at"]),
        actor=None,
        now=clock.now(),
    )
    assert (found.causes["refunds_undone"]["credited_fen"], found.entries["refunds_undone"]) == (300, 1)
    assert set(found.unexplained.values()) == {0}


async def test_a_payment_taken_back_ends_the_sale_and_its_buyer_in_that_period(database: Database) -> None:
    """The month of the sale stays as it was reported; the year that holds both counts neither order nor buyer."""
    given, kept = Sale(on=MARCH, fen=1_000, given=[Given(on=APRIL, fen=400)]), Sale(on=MARCH, fen=70)
    await enter(database, given, kept)
    march = Question(date(YEAR, 3, 1), date(YEAR, 4, 1))
    whole = replace(WHOLE, group_by=())
    first = await published(database, march)
    told = Recognised("payment_undone", new_id(), given.id, -600, -500, -1_000, MAY, MARCH, "A")
    for _ in range(2):
        async with database.transaction() as session:
            await record(session, [told], now=clock.now())
    year = (await published(database, whole))["totals"]
    assert (year["credited_fen"], year["refunded_fen"], year["orders"]) == (70, 400, 1)
    again = await published(database, march)
    assert again["totals"] == first["totals"], "a month that was reported does not change"
    async with database.reading() as session:
        entry = (
            await session.execute(
                text("""SELECT u.amount_fen, s.kind FROM credit_entry u JOIN credit_entry s ON s.id = u.reverses_id
                    WHERE u.kind = 'payment_undone'""")
            )
        ).one()
        assert tuple(entry) == (-600, "sale")
        assert await differences(session) == []
