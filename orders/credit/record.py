"""Write credit: the one door through which every yuan of the figure comes, shop sales and imported sales alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.credit.models import REFUND_SIDE, Attribution
from orders.credit.remaining import Grade, Remaining, locked, remaining_of
from orders.month.add import add_missing
from orders.month.shut import FIRST_OPEN, SHUT, TOP_UNIT
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.money import split

__all__ = ["Grade", "Kind", "Recognised", "record"]

Kind = Literal["sale", "refund", "reversal", "repost", "regrade_out", "regrade_in", "refund_undone", "payment_undone"]
_FROM_WHAT_STANDS = frozenset({"refund", "payment_undone"})


@dataclass(frozen=True, slots=True)
class Recognised:
    """One share component became a sale, a part of it was given back, or what remains of it was put right.

    cause_id: the payment, acceptance, refund, correction, proof or what undid one of them. Amounts in fen, grams and
    milli-pieces; negative for what is taken back. occurred_on: the business day it counts on; sale_on: the day of the
    original sale. attribution_id: whose facts hold; None: the component's newest. reverses_id: the entry that is taken
    back.
    """

    kind: Kind
    cause_id: UUID
    component_id: UUID
    amount_fen: int
    grams: int
    quantity_milli: int
    occurred_on: date
    sale_on: date
    grade: Grade
    attribution_id: UUID | None = None
    reverses_id: UUID | None = None
    evidence_sha256: str | None = None


# The frozen facts are copied, never looked up again: they are the columns that both tables share.
_FROZEN = [
    name
    for name in Attribution.model_fields
    if name
    not in {
        "id", "order_line_id", "order_id", "placed_on", "component_id", "corrects_id", "counted", "not_counted_reason",
    }
]  # fmt: skip

# `placed` looks where a row lands as this statement's snapshot sees the months of its top unit; `held` then holds those
# months' rows against a close, and reads them as they are after whatever it waited for. A month that was closed in
# between, or has no row yet, writes nothing and is reported, and the statement is run again.
RECORD = text(f"""
WITH requested AS (
    SELECT r.*, (extract(year FROM occurred_on) * 100 + extract(month FROM occurred_on))::int AS month,
        a.id AS holds, {TOP_UNIT.format("a.")} AS top_unit_id, a.order_line_id, a.order_id,
        a.counted AS may_count, a.not_counted_reason, {", ".join("a." + name for name in _FROZEN)}
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
        id uuid, kind text, cause_id uuid, component_id uuid, amount_fen bigint, grams bigint, quantity_milli bigint,
        occurred_on date, sale_on date, grade text, attribution_id uuid, reverses_id uuid, evidence_sha256 text)
    JOIN attribution a ON a.id = coalesce(r.attribution_id, (
        SELECT l.id FROM attribution l WHERE l.component_id = r.component_id
            AND NOT EXISTS (SELECT FROM attribution n WHERE n.corrects_id = l.id)), r.component_id)
), placed AS MATERIALIZED (
    SELECT w.*, CASE WHEN p.month IS NULL OR NOT ({SHUT.format("p")}) THEN w.month
        ELSE {FIRST_OPEN.format("w")} END AS lands
    FROM requested w LEFT JOIN unit_month p ON p.unit_id = w.top_unit_id AND p.month = w.month
), needed AS MATERIALIZED (
    SELECT DISTINCT top_unit_id AS unit_id, lands AS month FROM placed
), held AS MATERIALIZED (
    SELECT p.unit_id, p.month, {SHUT.format("p")} AS shut FROM needed n
    JOIN unit_month p ON p.unit_id = n.unit_id AND p.month = n.month
    ORDER BY p.unit_id, p.month FOR KEY SHARE OF p
), missing AS MATERIALIZED (
    SELECT n.unit_id, n.month FROM needed n LEFT JOIN held h USING (unit_id, month) WHERE h.month IS NULL
), fresh AS (
    INSERT INTO credit_source (kind, cause_id, component_id)
    SELECT DISTINCT kind, cause_id, component_id FROM placed
    WHERE NOT EXISTS (SELECT FROM held WHERE shut) AND NOT EXISTS (SELECT FROM missing)
    ORDER BY kind, cause_id, component_id
    ON CONFLICT DO NOTHING
    RETURNING kind, cause_id, component_id
), entered AS (
    INSERT INTO credit_entry (
        id, period_month, kind, cause_id, component_id, order_line_id, order_id, amount_fen, quantity_milli, grams,
        occurred_on, sale_on, recorded_at, grade, attribution_id, reverses_id, evidence_sha256, late_for, counted,
        not_counted_reason, {", ".join(_FROZEN)})
    SELECT w.id, w.lands, w.kind, w.cause_id, w.component_id, w.order_line_id, w.order_id, w.amount_fen,
        w.quantity_milli, w.grams,
        CASE WHEN w.lands = w.month THEN w.occurred_on ELSE make_date(w.lands / 100, w.lands % 100, 1) END,
        w.sale_on, :now, w.grade, nullif(w.holds, w.component_id), w.reverses_id, w.evidence_sha256,
        CASE WHEN w.lands <> w.month THEN w.occurred_on END,
        w.may_count AND w.grade <= coalesce(r.minimum_grade, 'D'),
        CASE WHEN w.may_count AND w.grade > r.minimum_grade THEN 'evidence_missing' ELSE w.not_counted_reason END,
        {", ".join("w." + name for name in _FROZEN)}
    FROM placed w
    JOIN fresh USING (kind, cause_id, component_id)
    LEFT JOIN counting_rule r ON r.id = w.rule_id
    RETURNING unit_path, period_month, county_code, county_name, province, credit_kind, counted, grade,
        not_counted_reason, kind, cause_id, component_id, amount_fen, quantity_milli, grams
), changed AS (
    INSERT INTO credit_delta (id, top_unit_id, period_month, county_code, county_name, province, credit_kind, standing,
        sale_fen, refund_fen, quantity_milli, grams)
    SELECT gen_random_uuid(), {TOP_UNIT.format("")}, period_month, county_code, county_name, province, credit_kind,
        CASE WHEN NOT counted THEN not_counted_reason WHEN grade = 'D' THEN 'unverified' ELSE 'headline' END,
        coalesce(sum(amount_fen) FILTER (WHERE kind NOT IN {REFUND_SIDE}), 0),
        coalesce(sum(amount_fen) FILTER (WHERE kind IN {REFUND_SIDE}), 0), sum(quantity_milli), sum(grams)
    FROM entered GROUP BY 2, 3, 4, 5, 6, 7, 8
)
SELECT (SELECT count(DISTINCT (kind, cause_id, component_id)) FROM entered) AS written,
    EXISTS (SELECT FROM held WHERE shut) AS closed_meanwhile,
    (SELECT json_agg(json_build_object('unit_id', unit_id, 'month', month))::text FROM missing) AS missing
""")  # noqa: S608  # only names of our own columns are put in


async def record(session: WriteSession, rows: Sequence[Recognised], *, now: datetime) -> int:
    """Enter sales, refunds and pairs, each once; returns how many were new.

    A (kind, cause, component) that was entered before is success and writes nothing. The rollup's deltas are
    appended in the same statement, so figures and entries can never be committed apart. What falls into a closed
    month of its top unit lands on the first day of that unit's next open one and says so (`late_for`). A refund, and a
    payment that is taken back, come out of what remains, under the attribution and the grade in which it stands now,
    and never before the day on which that landed: no month gives back what it had not got.
    (`refund_undone` is written by `undo_refund`.)
    """
    taken = [row for row in rows if row.kind in _FROM_WHAT_STANDS]
    written = await _enter(session, [row for row in rows if row.kind not in _FROM_WHAT_STANDS], now)
    return written + await _enter(session, await _from_what_stands(session, taken), now)


async def _enter(session: WriteSession, rows: Sequence[Recognised], now: datetime) -> int:
    if not rows:
        return 0
    document = [
        {
            "id": new_id(),
            "kind": row.kind,
            "cause_id": row.cause_id,
            "component_id": row.component_id,
            "amount_fen": row.amount_fen,
            "grams": row.grams,
            "quantity_milli": row.quantity_milli,
            "occurred_on": row.occurred_on,
            "sale_on": row.sale_on,
            "grade": row.grade,
            "attribution_id": row.attribution_id,
            "reverses_id": row.reverses_id,
            "evidence_sha256": row.evidence_sha256,
        }
        for row in rows
    ]
    facts = {"rows": msgspec.json.encode(document).decode(), "now": now, "today": clock.business_day(now)}
    while True:
        entered = (await session.execute(RECORD, facts)).one()
        if entered.missing:
            await add_missing(session, entered.missing)
        elif not entered.closed_meanwhile:
            written: int = entered.written
            return written


async def _from_what_stands(session: WriteSession, taken: Sequence[Recognised]) -> list[Recognised]:
    """Each under the facts and grade that what remains has now; over several of them by what each has left."""
    if not taken:
        return []
    components = {row.component_id for row in taken}
    await locked(session, components)
    remaining = await remaining_of(session, components)
    return [part for row in taken for part in _split(row, remaining)]


def _split(taken: Recognised, remaining: Sequence[Remaining]) -> list[Recognised]:
    mine = [one for one in remaining if one.component_id == taken.component_id]
    of_that_day = [one for one in mine if one.sale_on == taken.sale_on]
    if (
        sum(one.amount_fen for one in of_that_day) >= -taken.amount_fen
        and sum(one.grams for one in of_that_day) >= -taken.grams
        and sum(one.quantity_milli for one in of_that_day) >= -taken.quantity_milli
    ):
        mine = of_that_day or mine
    if not mine:
        return [taken]
    shares = zip(
        mine,
        split(taken.amount_fen, [max(one.amount_fen, 0) for one in mine]),
        split(taken.grams, [max(one.grams, 0) for one in mine]),
        split(taken.quantity_milli, [max(one.quantity_milli, 0) for one in mine]),
        strict=True,
    )
    return [
        Recognised(
            kind=taken.kind,
            cause_id=taken.cause_id,
            component_id=taken.component_id,
            amount_fen=fen,
            grams=grams,
            quantity_milli=milli,
            occurred_on=max(taken.occurred_on, one.landed_on or taken.occurred_on),
            sale_on=one.sale_on,
            grade=one.grade,
            attribution_id=one.attribution_id,
            reverses_id=one.entry_id if taken.kind == "payment_undone" else None,
        )
        for one, fen, grams, milli in shares
        if fen or grams or milli or len(mine) == 1
    ]
