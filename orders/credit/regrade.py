"""Better proof came: what remains moves to a better grade. Amount and day stay what they were."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from orders.credit.record import Grade, Recognised, record
from orders.credit.standing import locked, standing_of
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession


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

    A pair of entries for each grade, on the day of the sale while its month is open, else on the first open day.
    The same cause lifts a component once; what stands as high already is left alone. occurred_on: the business day
    of the proof, for the audit. actor_id None: the proof came by itself (a bank's record).
    """
    if not component_ids:
        return 0
    await locked(session, set(component_ids))
    standing = [one for one in await standing_of(session, set(component_ids)) if one.grade > to]
    rows = []
    for one in standing:
        if one.amount_fen < 0 or one.grams < 0:  # more was given back than stood there: nothing remains to lift
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
                    occurred_on=one.sale_on,
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
    before = {str(one.component_id): {"grade": one.grade, "amount_fen": one.amount_fen} for one in standing}
    after = {"grade": to, "evidence_sha256": evidence_sha256, "occurred_on": str(occurred_on)}
    await record_changes(
        session, [Change("credit.regrade", f"cause:{cause_id}", before, after)], actor_id=actor_id, now=now
    )
    return written // 2
