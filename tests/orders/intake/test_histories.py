"""Random histories of imports, repeats, refunds, claims and decisions: nothing is lost, nothing is doubled."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from orders.intake.confirm import confirm
from orders.intake.decide_claim import decide_claim
from orders.intake.stage import stage_file
from shop.core import clock
from shop.core.errors import Problem
from tests.make.intake import BANK, BRANCH, MARKET, PLATFORM, IntakeDesk, Line, ours, refund

pytestmark = pytest.mark.anyio

_example = count()
_number = st.sampled_from(["A", "B", "C"])
_unit = st.sampled_from([BANK, BRANCH])
_sale = st.tuples(st.just("sale"), _number, _unit, st.sampled_from(["", "F1", "F2"]))
_refund = st.tuples(st.just("refund"), _number, _unit, st.integers(1, 7_000))
_file = st.tuples(
    st.sampled_from([PLATFORM, MARKET]), st.lists(st.one_of(_sale, _sale, _refund), min_size=1, max_size=4)
)
_decision = st.tuples(st.just("decide"), st.sampled_from(["first", "later"]))
_SUMS = text("""
SELECT s.id, s.unit_id, s.amount_fen - s.refunded_fen AS left_fen, s.grams - s.refunded_grams AS left_grams,
    sum(e.amount_fen) AS fen, sum(e.grams) AS grams,
    coalesce((SELECT sum(amount_fen) FROM outside_refund f WHERE f.sale_id = s.id), 0) AS refunded, s.refunded_fen,
    array_agg(DISTINCT e.unit_id) FILTER (WHERE e.unit_fen <> 0) AS owners
FROM outside_sale s JOIN (SELECT e.*, sum(amount_fen) OVER (PARTITION BY component_id, unit_id) AS unit_fen
    FROM credit_entry e) e ON e.component_id = s.id
GROUP BY s.id
""")
_STRAY = text("""
SELECT (SELECT count(*) FROM credit_entry e WHERE NOT EXISTS (SELECT FROM outside_sale s WHERE s.id = e.component_id)),
    (SELECT count(*) FROM outside_sale s WHERE NOT EXISTS (
        SELECT FROM credit_entry e WHERE e.component_id = s.id AND e.kind = 'sale')),
    (SELECT count(*) FROM intake_row w JOIN intake_batch b ON b.id = w.batch_id AND b.state = 'confirmed'
        WHERE w.state = 'entered' AND NOT EXISTS (SELECT FROM credit_entry e WHERE e.cause_id = w.id))
""")


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=st.lists(st.one_of(_file, _file, _decision), min_size=1, max_size=6))
async def test_sums_hold_after_any_history(desk: IntakeDesk, history: list[tuple[str, object]]) -> None:
    example = next(_example)
    for place, (what, steps) in enumerate(history):
        try:
            if what == "decide":
                await _decide(desk, str(steps))
            else:
                await _import(desk, what, f"{example}", place, steps)  # type: ignore[arg-type]
        except Problem as refusal:
            if refusal.code not in {"import_refused", "changed_meanwhile"}:
                raise
    async with desk.database.reading() as session:
        for one in await session.execute(_SUMS):
            assert (one.fen, one.grams) == (one.left_fen, one.left_grams)
            assert one.refunded == one.refunded_fen <= 10_000
            assert one.owners in ([one.unit_id], None)
        assert tuple((await session.execute(_STRAY)).one()) == (0, 0, 0)
    await desk.sums("channel")


async def _import(
    desk: IntakeDesk, channel: str, example: str, place: int, steps: list[tuple[str, str, str, object]]
) -> None:
    lines = [
        Line(f"{example}{number}", unit=unit, invoice_number=f"{example}{more}" if more else "")
        if kind == "sale"
        else refund(f"{example}{number}", f"{int(str(more)) / 100:.2f}", of=f"R{place}{at}", unit=unit)
        for at, (kind, number, unit, more) in enumerate(steps)
    ]
    staged = await stage_file(
        desk.database, data=ours(lines), file_name="f", channel=channel, actor=desk.one, paper=None, now=clock.now()
    )
    assert staged.batch_id is not None
    if not staged.repeated:
        async with desk.database.transaction() as session:
            await confirm(session, actor=desk.two, batch_id=staged.batch_id, now=clock.now())


async def _decide(desk: IntakeDesk, to: str) -> None:
    async with desk.database.transaction() as session:
        claim = await session.scalar(
            text("SELECT id FROM intake_claim WHERE state = 'open' ORDER BY opened_at LIMIT 1")
        )
        if claim is not None:
            await decide_claim(
                session, actor=desk.two, claim_id=claim, to="later" if to == "later" else "first", reason="核对",
                now=clock.now(),
            )  # fmt: skip
