"""What remains moves to another grade: better proof came, or what proved it is gone. Amount and day stay."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.credit.record import Grade, Recognised, record
from orders.credit.remaining import Remaining, locked, remaining_of
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession

_PROVEN = text("""
SELECT DISTINCT ON (component_id) component_id, grade, sha256 FROM evidence_link
WHERE component_id = ANY(:components) AND state = 'accepted' AND grade <= 'B' ORDER BY component_id, grade, checked_at
""").bindparams(bindparam("components", type_=ARRAY(Uuid)))
ACCEPTED: Grade = "B"
"""What two people's signatures prove (DOMAIN rule 7), where no document proves more."""


async def lift(
    session: WriteSession,
    *,
    component_ids: Collection[UUID],
    to: Grade,
    cause_id: UUID,
    evidence_sha256: str | None,
    occurred_on: date,
    now: datetime,
    actor_id: UUID | None = None,
) -> int:
    """Move what remains of components in a lower grade up to `to`; returns how many components moved.

    A pair of entries for each grade, on the day of the sale (where that came late, on the day on which it landed) while
    its month is open, else on the first open day.
    The same cause lifts a component once; what stands as high already is left alone. occurred_on: the business day
    of the proof, for the audit. actor_id None: the proof came by itself (a bank's record).
    """
    if not component_ids:
        return 0
    await locked(session, set(component_ids))
    requested = [
        (one, to, evidence_sha256) for one in await remaining_of(session, set(component_ids)) if one.grade > to
    ]
    return await _move(session, requested, cause_id=cause_id, occurred_on=occurred_on, now=now, actor_id=actor_id)


async def lower(
    session: WriteSession,
    *,
    component_ids: Collection[UUID],
    cause_id: UUID,
    occurred_on: date,
    now: datetime,
    actor_id: UUID,
) -> int:
    """The bank's record that had paid for accepted goods is gone: what stands in grade A falls to what is proven
    without it; returns how many components moved. Pairs, days and causes as in `lift`.
    """
    if not component_ids:
        return 0
    await locked(session, set(component_ids))
    rows = await session.execute(_PROVEN, {"components": list(component_ids)})
    proven = {row.component_id: (row.grade, row.sha256) for row in rows}
    requested = [
        (one, *proven.get(one.component_id, (ACCEPTED, None)))
        for one in await remaining_of(session, set(component_ids))
        if one.grade < proven.get(one.component_id, (ACCEPTED, None))[0]
    ]
    return await _move(session, requested, cause_id=cause_id, occurred_on=occurred_on, now=now, actor_id=actor_id)


async def _move(
    session: WriteSession,
    requested: Sequence[tuple[Remaining, Grade, str | None]],
    *,
    cause_id: UUID,
    occurred_on: date,
    now: datetime,
    actor_id: UUID | None,
) -> int:
    """Each to its grade, by its document's digest."""
    rows = []
    for one, to, evidence_sha256 in requested:
        if one.amount_fen < 0 or one.grams < 0:  # more was given back than stood there: nothing remains to move
            continue
        for kind, sign, grade in (("regrade_out", -1, one.grade), ("regrade_in", 1, to)):
            rows.append(
                Recognised(
                    kind="regrade_out" if kind == "regrade_out" else "regrade_in",
                    cause_id=cause_id,
                    component_id=one.component_id,
                    amount_fen=sign * one.amount_fen,
                    grams=sign * one.grams,
                    quantity_milli=sign * one.quantity_milli,
                    occurred_on=max(one.sale_on, one.first_on or one.sale_on),
                    sale_on=one.sale_on,
                    grade=grade,
                    attribution_id=one.attribution_id,
                    reverses_id=one.entry_id if sign < 0 else None,
                    evidence_sha256=evidence_sha256,
                )
            )
    written = await record(session, rows, now=now)
    if not written:
        return 0
    before = {str(one.component_id): {"grade": one.grade, "amount_fen": one.amount_fen} for one, _, _ in requested}
    after = {
        "grade": {str(one.component_id): to for one, to, _ in requested},
        "evidence_sha256": sorted({sha256 for _, _, sha256 in requested if sha256}),
        "occurred_on": str(occurred_on),
    }
    await record_changes(
        session, [Change("credit.regrade", f"cause:{cause_id}", before, after)], actor_id=actor_id, now=now
    )
    return written // 2
