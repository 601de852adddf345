"""Better proof lifts what remains, and moves nothing else; closed months take nothing."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import Recognised, record
from orders.credit.regrade import lift
from orders.month.models import SHOP
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Given, Sale, enter, first_of, shut
from tests.make.people import somebody

pytestmark = pytest.mark.anyio

TODAY = clock.today()
THIS = date(TODAY.year, TODAY.month, 1)
BEFORE = first_of(clock.add_months(clock.month_of(TODAY), -1))


async def grades(database: Database, component: UUID) -> dict[str, tuple[int, int, int]]:
    async with database.reading() as session:
        assert await differences(session) == []
        found = await session.execute(
            text("""SELECT grade, sum(amount_fen)::bigint, sum(grams)::bigint, sum(quantity_milli)::bigint
                FROM credit_entry WHERE component_id = :component GROUP BY grade ORDER BY grade"""),
            {"component": component},
        )
        return {row[0]: tuple(row[1:]) for row in found}


async def entries(database: Database, component: UUID) -> Sequence[Any]:
    async with database.reading() as session:
        return (
            await session.execute(
                text("""SELECT kind, grade, amount_fen, occurred_on, sale_on, late_for, counted, not_counted_reason,
                        id, reverses_id, evidence_sha256 FROM credit_entry WHERE component_id = :component
                    ORDER BY recorded_at, id"""),
                {"component": component},
            )
        ).all()


async def closed(
    database: Database, *months: int, unit: UUID = SHOP, state: str = "closed", until: date | None = None
) -> None:
    await shut(database, (await somebody(database)).user_id, *months, unit=unit, state=state, until=until)


async def lifted(database: Database, *sales: Sale, to: Any = "A", cause: UUID | None = None) -> int:
    async with database.transaction() as session:
        return await lift(
            session,
            component_ids=[sale.id for sale in sales],
            to=to,
            cause_id=cause or new_id(),
            evidence_sha256="e" * 64,
            occurred_on=TODAY,
            now=clock.now(),
        )


async def test_paying_lifts_what_remains_and_moves_nothing_else(database: Database) -> None:
    sale = Sale(
        on=THIS, fen=1_000, grams=500, milli=2_000, path=[new_id()], grade="B",
        given=[Given(on=THIS, fen=300, grams=100, milli=500)],
    )  # fmt: skip
    await enter(database, sale)
    assert await grades(database, sale.id) == {"B": (700, 400, 1_500)}
    assert await lifted(database, sale) == 1
    assert await grades(database, sale.id) == {"A": (700, 400, 1_500), "B": (0, 0, 0)}
    found = await entries(database, sale.id)
    out, into = found[2:]
    assert (out.kind, out.amount_fen, out.reverses_id) == ("regrade_out", -700, found[0].id)
    assert (into.kind, into.amount_fen, into.evidence_sha256) == ("regrade_in", 700, "e" * 64)
    assert {row.occurred_on for row in found} == {THIS}


async def test_the_same_cause_and_a_grade_that_is_reached_lift_nothing(database: Database) -> None:
    sale, proven = Sale(on=THIS, fen=50, grade="C"), Sale(on=THIS, fen=60, grade="A")
    await enter(database, sale, proven)
    cause = new_id()
    assert await lifted(database, sale, proven, to="B", cause=cause) == 1
    assert await lifted(database, sale, proven, to="B", cause=cause) == 0
    assert await lifted(database, sale, to="C") == 0
    assert await lifted(database) == 0
    assert await grades(database, sale.id) == {"B": (50, 500, 1_000), "C": (0, 0, 0)}


async def test_a_refund_is_taken_from_the_grade_in_which_the_sale_stands_now(database: Database) -> None:
    sale = Sale(on=THIS, fen=900, grade="D")
    await enter(database, sale)
    await lifted(database, sale, to="C")
    async with database.transaction() as session:
        await record(session, [Recognised("refund", new_id(), sale.id, -900, -500, -1_000, TODAY, THIS, "D")],
            now=clock.now())  # fmt: skip
    assert await grades(database, sale.id) == {"C": (0, 0, 0), "D": (0, 0, 0)}
    assert await lifted(database, sale) == 0, "nothing remains"


async def test_what_stands_in_two_grades_is_given_back_by_what_each_has_left(database: Database) -> None:
    sale = Sale(on=THIS, fen=600, grams=600, milli=6_000, grade="B")
    await enter(database, sale)
    async with database.transaction() as session:
        more = Recognised("sale", new_id(), sale.id, 300, 300, 3_000, THIS, THIS, "A")
        refund = Recognised("refund", new_id(), sale.id, -100, -100, -1_000, TODAY, THIS, "A")
        assert await record(session, [more, refund], now=clock.now()) == 2
        assert await record(session, [more, refund], now=clock.now()) == 0
    assert await grades(database, sale.id) == {"A": (267, 267, 2_667), "B": (533, 533, 5_333)}


async def test_a_pair_of_a_closed_month_lands_on_the_first_open_day_with_its_link(database: Database) -> None:
    sale = Sale(on=BEFORE, fen=400, grade="B", path=[new_id(), new_id()])
    await enter(database, sale)
    await closed(database, clock.month_of(BEFORE), unit=sale.path[-1])
    await lifted(database, sale)
    found = await entries(database, sale.id)
    assert [(row.occurred_on, row.sale_on, row.late_for) for row in found] == [
        (BEFORE, BEFORE, None), (THIS, BEFORE, BEFORE), (THIS, BEFORE, BEFORE),
    ]  # fmt: skip


async def test_several_closed_months_are_skipped(database: Database) -> None:
    month = clock.month_of(TODAY)
    await closed(database, clock.add_months(month, -3), clock.add_months(month, -2))
    day = first_of(clock.add_months(month, -3)).replace(day=28)
    sale = Sale(on=day, fen=10)
    await enter(database, sale)
    (entry,) = await entries(database, sale.id)
    assert (entry.occurred_on, entry.sale_on, entry.late_for) == (BEFORE, day, day)


@pytest.mark.parametrize(("ends_in", "late"), [(1, False), (0, True)])
async def test_an_adjusting_month_takes_entries_until_its_last_day(
    database: Database, ends_in: int, late: bool
) -> None:
    await closed(
        database, clock.month_of(BEFORE), state="adjusting", until=date.fromordinal(TODAY.toordinal() + ends_in)
    )
    sale = Sale(on=BEFORE, fen=10)
    await enter(database, sale)
    (entry,) = await entries(database, sale.id)
    assert entry.occurred_on == (THIS if late else BEFORE)


async def test_what_is_proven_too_little_for_its_rule_counts_when_the_proof_comes(database: Database) -> None:
    rule = new_id()
    sale = Sale(on=THIS, fen=700, grade="D", path=[new_id()], rule=rule)
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO counting_rule (id, version, valid_from, needs_designation, needs_recognition, "
                "includes_freight, origin_basis, recognition_point, source, minimum_grade) "
                "VALUES (:id, 'strict', '2020-01-01', false, false, false, 'grown', 'paid', '示例（虚构）', 'C')"),
            {"id": rule},
        )  # fmt: skip
    await enter(database, sale)
    (entry,) = await entries(database, sale.id)
    assert (entry.counted, entry.not_counted_reason) == (False, "evidence_missing")
    await lifted(database, sale, to="C")
    assert [(row.amount_fen, row.not_counted_reason) for row in await entries(database, sale.id)] == [
        (700, "evidence_missing"), (-700, "evidence_missing"), (700, None),
    ]  # fmt: skip
    assert await grades(database, sale.id) == {"C": (700, 500, 1_000), "D": (0, 0, 0)}
