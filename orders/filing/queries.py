"""Rounds, the board of one, and one branch with its steps."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.filing.confirm import question_of
from orders.filing.schemas import BoardOut, BranchOut, CauseOut, FilingOut, FilingStepOut, RoundOut, RoundPage, UnitOut
from orders.filing.states import MOVES
from orders.filing.visibility import filing_for, round_for
from orders.report.bridge import bridge
from orders.report.tick import look
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_ROUNDS = text("""
SELECT r.*, (SELECT jsonb_object_agg(state, n) FROM (SELECT f.state, count(*) AS n FROM filing f
        WHERE f.round_id = r.id GROUP BY f.state) counted) AS counts
FROM filing_round r
WHERE (CAST(:month AS int) IS NULL OR r.month = :month)
    AND (CAST(:before AS int) IS NULL OR (r.month, r.id) < (:before, CAST(:before_id AS uuid)))
    AND (:all OR r.unit_id = ANY(:units)
        OR EXISTS (SELECT FROM filing f WHERE f.round_id = r.id AND f.unit_id = ANY(:units)))
ORDER BY r.month DESC, r.id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
# Entries of the month that the snapshot under the confirmed figure does not show: few, whatever the month holds.
_FILINGS = text("""
SELECT f.*, p.name AS preparer, s.name AS signer, coalesce(since.fen, 0)::bigint AS difference_fen,
    coalesce(chases.n, 0) AS chased, chases.last AS last_chased_at, back.words AS reason
FROM filing f JOIN filing_round r ON r.id = f.round_id
LEFT JOIN user_account pu ON pu.id = f.prepared_by LEFT JOIN person p ON p.id = pu.person_id
LEFT JOIN user_account su ON su.id = f.signed_by LEFT JOIN person s ON s.id = su.person_id
LEFT JOIN knowledge k ON k.at = f.known_at
LEFT JOIN LATERAL (SELECT sum(e.amount_fen) AS fen FROM credit_entry e
    WHERE e.period_month = r.month AND f.unit_id = ANY(e.unit_path) AND e.counted AND e.grade <> 'D'
        AND NOT pg_visible_in_snapshot(e.xid, k.snapshot)) since ON k.at IS NOT NULL
LEFT JOIN LATERAL (SELECT count(*) AS n, max(at) AS last FROM filing_event v
    WHERE v.filing_id = f.id AND v.kind = 'chased') chases ON true
LEFT JOIN LATERAL (SELECT words FROM filing_event v WHERE v.filing_id = f.id AND v.kind = 'sent_back'
    ORDER BY at DESC LIMIT 1) back ON f.state = 'sent_back'
LEFT JOIN unit u ON u.id = f.unit_id
WHERE f.round_id = :round AND (:all OR f.unit_id = ANY(:units)) ORDER BY u.code
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_OWN = text("""
SELECT coalesce(sum(amount_fen), 0)::bigint FROM credit_entry
WHERE period_month = :month AND :unit = ANY(unit_path) AND counted AND grade <> 'D'
    AND NOT unit_path && (SELECT array_agg(unit_id) FROM filing WHERE round_id = :round)
""")
_STEPS = text("""
SELECT v.kind, v.at, v.words, v.report_digest, v.credited_fen, p.name AS actor FROM filing_event v
JOIN user_account u ON u.id = v.actor_id JOIN person p ON p.id = u.person_id
WHERE v.filing_id = :filing ORDER BY v.at, v.id
""")


async def rounds_of(
    session: ReadSession, actor: Actor, *, month: int | None, limit: int, cursor: str | None, now: datetime
) -> RoundPage:
    """The newest month first: rounds of the caller's units and of those above his branches."""
    visible = await visible_unit_ids(session, actor, Permission.REPORT_READ, clock.business_day(now))
    before, before_id = read_cursor(cursor, int, UUID) if cursor else (None, None)
    facts = {"month": month, "before": before, "before_id": before_id, "limit": limit + 1}
    rows = (await session.execute(_ROUNDS, facts | {"all": visible is None, "units": sorted(visible or ())})).mappings()
    found = rows.all()
    more = cursor_of(found[limit - 1]["month"], found[limit - 1]["id"]) if len(found) > limit else None
    return RoundPage(
        items=[RoundOut(**_round(dict(row), row["counts"] or {})) for row in found[:limit]], next_cursor=more
    )


async def board(session: ReadSession, actor: Actor, round_id: UUID, *, now: datetime) -> BoardOut:
    """Every branch at a glance; a branch's own people see their own. Raises NotFound."""
    row, visible = await round_for(session, actor, round_id, now=now)
    branches = await _filings(session, row.due_on, round_id, visible, now)
    counts = Counter(one.state for one in branches)
    own = await session.scalar(_OWN, {"month": row.month, "unit": row.unit_id, "round": round_id})
    return BoardOut(
        **_round(row._asdict(), counts),
        branches=branches,
        credited_fen=sum(one.credited_fen for one in branches),
        signed_fen=sum(one.credited_fen for one in branches if one.state == "signed"),
        difference_fen=sum(one.difference_fen for one in branches),
        own_fen=int(own or 0) if visible is None else 0,
    )


async def branch(database: Database, actor: Actor, round_id: UUID, unit_id: UUID, *, now: datetime) -> BranchOut:
    """One branch, its steps, and why what is known now differs from what it confirmed. Raises NotFound."""
    async with database.snapshot() as session:
        filing = await filing_for(session, actor, Permission.REPORT_READ, round_id, unit_id, now=now)
        row, _ = await round_for(session, actor, round_id, now=now)
        (one,) = await _filings(session, row.due_on, round_id, frozenset({unit_id}), now)
        steps = [FilingStepOut.model_validate(dict(step)) for step in
                 (await session.execute(_STEPS, {"filing": filing.id})).mappings()]  # fmt: skip
    causes: list[CauseOut] = []
    unexplained = 0
    if (one.difference_fen or filing.state == "signed") and (known := await look(database)):
        asked = question_of(unit_id, filing.month, filing.known_at)
        found = await bridge(database, asked, until=known.at, actor=actor, now=now)
        causes = [CauseOut(**cause) for cause in found.as_json()["causes"] if cause["entries"]]
        unexplained = sum(abs(fen) for fen in found.unexplained.values())
    return BranchOut(**one.model_dump(), steps=steps, causes=causes, unexplained_fen=unexplained)


async def _filings(
    session: ReadSession, due_on: date, round_id: UUID, units: frozenset[UUID] | None, now: datetime
) -> list[FilingOut]:
    facts = {"round": round_id, "all": units is None, "units": sorted(units or ())}
    today = clock.business_day(now)
    return [
        FilingOut(
            unit=UnitOut(id=row["unit_id"], name=row["unit_name"]),
            late=row["state"] != "signed" and today > due_on,
            **{name: row[name] for name in FilingOut.model_fields if name not in {"unit", "late"}},
        )
        for row in (await session.execute(_FILINGS, facts)).mappings()
    ]


def _round(row: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    month: int = row["month"]
    return {
        "id": row["id"],
        "month": f"{month // 100:04}-{month % 100:02}",
        "unit": UnitOut(id=row["unit_id"], name=row["unit_name"]),
        "due_on": row["due_on"],
        "opened_at": row["opened_at"],
        "counts": {state: counts.get(state, 0) for state in MOVES},
        "complete": bool(counts) and all(state == "signed" for state, n in counts.items() if n),
    }
