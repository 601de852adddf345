"""Random histories: counted and not counted make what was recognised, to the fen, whatever was corrected or lifted."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import Recognised, record
from orders.credit.regrade import lift
from orders.credit.remaining import remaining_of
from orders.credit.repost import Corrected, repost
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from tests.make.credit import HUNYUAN, Sale, enter, first_of, shut
from tests.make.people import somebody

pytestmark = pytest.mark.anyio

TODAY = clock.today()
THIS = date(TODAY.year, TODAY.month, 1)
BEFORE = first_of(clock.add_months(clock.month_of(TODAY), -1))


@dataclass(frozen=True)
class Step:
    """What happens to the sale of that number; size: of the refund, in thousandths of what is left."""

    what: str
    of: int
    size: int


STEPS = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["refund", "lift_a", "lift_c", "county", "kind", "not_counted", "close"]),
        of=st.integers(0, 2),
        size=st.integers(1, 1_000),
    ),
    max_size=10,
)
SALES: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.builds(
        dict,
        fen=st.integers(0, 99_999),
        grade=st.sampled_from("ABCD"),
        reason=st.none() | st.just("recognition_missing"),
        on=st.sampled_from([BEFORE, THIS]),
    ),
    min_size=3,
    max_size=3,
)


async def _latest(session: WriteSession, component: UUID) -> UUID:
    found: UUID = await session.scalar(
        text("""SELECT id FROM attribution a WHERE coalesce(component_id, id) = :component
            AND NOT EXISTS (SELECT FROM attribution n WHERE n.corrects_id = a.id)"""),
        {"component": component},
    )
    return found


CHANGES: dict[str, dict[str, Any]] = {
    "county": {"county_code": HUNYUAN.code, "county_name": HUNYUAN.name, "province": HUNYUAN.province},
    "kind": {"credit_kind": "assisted_sale"},
    "not_counted": {"counted": False, "not_counted_reason": "donated"},
}


async def _take(session: WriteSession, sale: Sale, step: Step, left: dict[UUID, list[int]]) -> None:
    now = clock.now()
    if step.what == "refund":
        given_back = [part * step.size // 1_000 for part in left[sale.id]]
        left[sale.id] = [part - back for part, back in zip(left[sale.id], given_back, strict=True)]
        fen, grams, milli = given_back
        await record(
            session,
            [Recognised("refund", new_id(), sale.id, -fen, -grams, -milli, TODAY, sale.on, sale.grade)],
            now=now,
        )
    elif step.what.startswith("lift"):
        await lift(
            session, component_ids=[sale.id], to="A" if step.what == "lift_a" else "C", cause_id=new_id(),
            evidence_sha256=None, occurred_on=TODAY, now=now,
        )  # fmt: skip
    else:
        correction = Corrected(sale.id, await _latest(session, sale.id), CHANGES[step.what])
        await repost(session, [correction], cause_id=new_id(), evidence_sha256=None, now=now)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=SALES, steps=STEPS)
async def test_what_was_recognised_stays_what_it_was(database: Database, facts: Any, steps: list[Step]) -> None:
    top = new_id()
    sales = [Sale(path=[new_id(), top], **one) for one in facts]
    async with database.transaction() as session:
        closer = await session.scalar(text("SELECT min(id::text)::uuid FROM user_account"))
    closer = closer or (await somebody(database)).user_id
    await enter(database, *sales)
    left = {sale.id: [sale.fen, sale.grams, sale.milli] for sale in sales}
    for step in steps:
        if step.what == "close":
            await shut(database, closer, clock.month_of(BEFORE), unit=top)
            continue
        async with database.transaction() as session:
            await _take(session, sales[step.of], step, left)
    async with database.snapshot() as session:
        assert await differences(session) == []
        found = await session.execute(
            text("""SELECT component_id, sum(amount_fen)::bigint, sum(grams)::bigint, sum(quantity_milli)::bigint,
                    coalesce(sum(amount_fen) FILTER (WHERE counted), 0)::bigint
                    + coalesce(sum(amount_fen) FILTER (WHERE NOT counted), 0)::bigint
                FROM credit_entry WHERE component_id = ANY(:ids) GROUP BY 1"""),
            {"ids": list(left)},
        )
        for row in found:
            assert list(row[1:4]) == left[row[0]]
            assert row[4] == row[1]
        remaining = await remaining_of(session, list(left))
        assert all(one.amount_fen >= 0 and one.grams >= 0 and one.quantity_milli >= 0 for one in remaining), remaining
        holds = {sale.id: await _latest(session, sale.id) for sale in sales}  # type: ignore[arg-type]
        assert {one.attribution_id for one in remaining} <= set(holds.values()), "something stands under old facts"
