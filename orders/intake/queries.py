"""Batches, their rows and the claims between units, for who reaches the units they are about."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy import Row as Found

from orders.intake.confirm import GRADES, batch_for
from orders.intake.read_rows import ROWS_MAX
from orders.intake.schemas import (
    BatchFull,
    BatchOut,
    BatchPage,
    ClaimPage,
    IntakeClaimOut,
    IntakeRowOut,
    MistakeOut,
    UnitOut,
)
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.paging import LIMIT_DEFAULT, cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids
from shop.sheet.refused import ERRORS_SHOWN_MAX
from shop.sheet.schemas import SetAsideOut
from shop.sheet.words import ASIDE

_UNITS = bindparam("units", type_=ARRAY(Uuid))
_BATCHES = """
SELECT b.*, c.name AS channel_name,
    count(w.id) FILTER (WHERE w.type = 'sale' AND w.state IN ('staged', 'entered')) AS sales,
    count(w.id) FILTER (WHERE w.type = 'refund' AND w.state IN ('staged', 'entered')) AS refunds,
    count(w.id) FILTER (WHERE w.state = 'repeated') AS repeated,
    count(w.id) FILTER (WHERE w.state = 'held') AS held,
    count(w.id) FILTER (WHERE w.state = 'set_aside') AS set_aside,
    count(w.id) FILTER (WHERE w.state NOT IN ('set_aside', 'wrong')) AS rows_taken,
    count(w.id) FILTER (WHERE w.state = 'set_aside') AS rows_set_aside,
    count(w.id) FILTER (WHERE w.state = 'wrong') AS rows_refused,
    coalesce(sum(w.amount_fen) FILTER (WHERE w.type = 'sale' AND w.state IN ('staged', 'entered')), 0)::bigint
        AS sales_fen,
    coalesce(sum(w.amount_fen) FILTER (WHERE w.type = 'refund' AND w.state IN ('staged', 'entered')), 0)::bigint
        AS refunds_fen,
    coalesce(sum(w.amount_fen) FILTER (WHERE w.type = 'sale' AND w.state = 'held'), 0)::bigint AS held_fen
FROM requested b JOIN sales_channel c ON c.code = b.channel_code LEFT JOIN intake_row w ON w.batch_id = b.id
GROUP BY b.id, b.channel_code, b.origin, b.state, b.file_name, b.file_sha256, b.rows, b.errors, b.evidence_sha256,
    b.evidence_kind, b.uploaded_by, b.uploaded_at, b.decided_by, b.decided_at, b.decision, b.acknowledged_columns,
    b.unit_id, c.name
ORDER BY b.uploaded_at DESC, b.id DESC
"""
_ONE = text(f"WITH requested AS (SELECT * FROM intake_batch WHERE id = :id) {_BATCHES}")  # noqa: S608  # our own constant
_PAGE = text(f"""
WITH requested AS (
    SELECT * FROM intake_batch b
    WHERE (CAST(:at AS timestamptz) IS NULL OR (b.uploaded_at, b.id) < (:at, CAST(:id AS uuid)))
        AND (:all OR b.uploaded_by = :actor OR (
            (b.unit_id = ANY(:units) OR EXISTS (
                SELECT FROM intake_row w WHERE w.batch_id = b.id AND w.unit_id = ANY(:units)))
            AND NOT EXISTS (SELECT FROM intake_row w WHERE w.batch_id = b.id AND w.unit_id <> ALL(:units))))
    ORDER BY b.uploaded_at DESC, b.id DESC LIMIT :limit
) {_BATCHES}
""").bindparams(_UNITS)  # noqa: S608  # our own constant
_ROWS = text("""
SELECT w.*, u.name AS unit FROM intake_row w LEFT JOIN unit u ON u.id = w.unit_id
WHERE w.batch_id = :id AND w.number > :after ORDER BY w.number LIMIT :limit
""")
_NOTED = text("""
SELECT w.number, e.what, e.said ->> 'title' AS title, e.said ->> 'code' AS code, e.said ->> 'said' AS reason
FROM intake_row w CROSS JOIN LATERAL (
    SELECT 'errors' AS what, said FROM jsonb_array_elements(w.errors) AS said
    UNION ALL SELECT 'asked', said FROM jsonb_array_elements(w.asked) AS said) AS e
WHERE w.batch_id = :id ORDER BY w.number LIMIT :limit
""")
_ASIDE = text("""
SELECT number, why FROM intake_row WHERE batch_id = :id AND why IS NOT NULL ORDER BY number LIMIT :limit
""")
_CLAIM = """
SELECT coalesce(c.id, w.claim_id) AS id, coalesce(c.state, 'waiting') AS state, coalesce(c.why, 'same_line') AS why,
    b.channel_code, w.external_number, w.external_line, w.unit_id, u.name AS unit_name, f.id AS first_id,
    f.name AS first_name, w.amount_fen, w.day, c.reason, c.opened_at, c.claimed_by
FROM intake_row w JOIN intake_batch b ON b.id = w.batch_id LEFT JOIN intake_claim c ON c.row_id = w.id
JOIN unit u ON u.id = w.unit_id JOIN unit f ON f.id = coalesce(c.first_unit_id, w.first_unit_id)
"""
_OF_BATCH = text(f"""
{_CLAIM} WHERE w.batch_id = :id AND w.type = 'sale' AND w.claim_id IS NOT NULL AND w.state = 'held' ORDER BY w.number
""")
_CLAIMS = text(f"""
{_CLAIM} WHERE c.id IS NOT NULL AND (CAST(:state AS text) IS NULL OR c.state = :state)
    AND (:all OR c.unit_id = ANY(:units) OR c.first_unit_id = ANY(:units))
    AND (CAST(:at AS timestamptz) IS NULL OR (c.opened_at, c.id) < (:at, CAST(:after AS uuid)))
ORDER BY c.opened_at DESC, c.id DESC LIMIT :limit
""").bindparams(_UNITS)


async def batch_out(session: ReadSession, batch_id: UUID) -> BatchOut:
    """Of a caller who may see it."""
    return BatchOut(**_batch((await session.execute(_ONE, {"id": batch_id})).one()))


async def batch_full(
    session: ReadSession,
    actor: Actor,
    batch_id: UUID,
    *,
    day: date,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> BatchFull:
    """Raises NotFound for a batch that is neither the caller's own nor wholly about his units."""
    await batch_for(session, actor, batch_id, Permission.INTAKE_WRITE, day=day)
    after = max(-1, min(read_cursor(cursor, int)[0], ROWS_MAX * 60)) if cursor else -1
    named = {"id": batch_id, "after": after, "limit": limit + 1}
    rows = (await session.execute(_ROWS, named)).all()
    noted = (await session.execute(_NOTED, {"id": batch_id, "limit": 2 * ERRORS_SHOWN_MAX})).all()
    aside = await session.execute(_ASIDE, {"id": batch_id, "limit": ERRORS_SHOWN_MAX})
    claims = await session.execute(_OF_BATCH, {"id": batch_id})
    return BatchFull(
        **_batch((await session.execute(_ONE, {"id": batch_id})).one()),
        errors=[_mistake(one) for one in noted if one.what == "errors"][:ERRORS_SHOWN_MAX],
        asked=[_mistake(one) for one in noted if one.what == "asked"][:ERRORS_SHOWN_MAX],
        rows_aside=[SetAsideOut(row=one.number, reason=one.why, said=ASIDE[one.why]) for one in aside],
        claims=[_claim(one) for one in claims],
        items=[_row(one) for one in rows[:limit]],
        next_cursor=cursor_of(rows[limit - 1].number) if len(rows) > limit else None,
    )


async def batches_of(
    session: ReadSession, actor: Actor, *, day: date, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> BatchPage:
    """The newest first."""
    at, after = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = await _visible(session, actor, day) | {"at": at, "id": after, "limit": limit + 1}
    rows = (await session.execute(_PAGE, named | {"actor": actor.user_id})).all()
    return BatchPage(
        items=[BatchOut(**_batch(one)) for one in rows[:limit]],
        next_cursor=cursor_of(rows[limit - 1].uploaded_at, rows[limit - 1].id) if len(rows) > limit else None,
    )


async def claims_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    state: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> ClaimPage:
    """Claims in which one of the two units is the caller's, the newest first."""
    at, after = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = await _visible(session, actor, day) | {"state": state, "at": at, "after": after, "limit": limit + 1}
    rows = (await session.execute(_CLAIMS, named)).all()
    return ClaimPage(
        items=[_claim(one) for one in rows[:limit]],
        next_cursor=cursor_of(rows[limit - 1].opened_at, rows[limit - 1].id) if len(rows) > limit else None,
    )


async def _visible(session: ReadSession, actor: Actor, day: date) -> dict[str, Any]:
    units = await visible_unit_ids(session, actor, Permission.INTAKE_WRITE, day)
    return {"all": units is None, "units": sorted(units or ())}


def _batch(one: Found[Any]) -> dict[str, Any]:
    facts = one._asdict()
    errors = facts.pop("errors")
    del facts["unit_id"]  # says who decides, not what the batch is about
    return facts | {"channel": one.channel_code, "error_count": errors, "grade": GRADES[one.evidence_kind]}


def _mistake(one: Found[Any]) -> MistakeOut:
    return MistakeOut(row=one.number, column=one.title, code=one.code, reason=one.reason)


def _row(one: Found[Any]) -> IntakeRowOut:
    sign = -1 if one.type == "refund" else 1
    return IntakeRowOut(
        row=one.number,
        state=one.state,
        why=one.why,
        type=one.type,
        number=one.external_number,
        line=one.external_line,
        refund_number=one.refund_number,
        credit_kind=one.credit_kind,
        fund_source=one.fund_source,
        unit=one.unit,
        invoice_number=one.invoice_number,
        county_code=one.county_code,
        amount_fen=sign * one.amount_fen if one.amount_fen is not None else None,
        grams=sign * one.grams if one.grams is not None else None,
        quantity_milli=sign * one.quantity_milli if one.quantity_milli is not None else None,
        day=one.day,
        cells=one.cells,
    )


def _claim(one: Found[Any]) -> IntakeClaimOut:
    return IntakeClaimOut(
        id=one.id,
        state=one.state,
        why=one.why,
        channel=one.channel_code,
        number=one.external_number,
        line=one.external_line,
        unit=UnitOut(id=one.unit_id, name=one.unit_name),
        first=UnitOut(id=one.first_id, name=one.first_name),
        amount_fen=one.amount_fen,
        day=one.day,
        reason=one.reason,
    )
