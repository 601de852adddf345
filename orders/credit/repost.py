"""What remains is taken back under the facts that held and entered again under those that do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.credit.record import Recognised, record
from orders.credit.remaining import Remaining, locked, remaining_of
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id


class CorrectedMeanwhile(Problem):
    """Somebody else's correction of the same facts came first."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "corrected_meanwhile"
    title: ClassVar[str] = "这笔销售的归属已被另一次更正改过"


@dataclass(frozen=True, slots=True)
class Corrected:
    """corrects_id: the attribution that held when it was decided; facts: its columns that change, as JSON values."""

    component_id: UUID
    corrects_id: UUID
    facts: Mapping[str, Any]


_ADD = text("""
INSERT INTO attribution
SELECT p.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, corrects_id uuid, facts jsonb)
JOIN attribution a ON a.id = r.corrects_id
CROSS JOIN LATERAL jsonb_populate_record(a, r.facts || jsonb_build_object(
    'id', r.id, 'corrects_id', a.id, 'component_id', coalesce(a.component_id, a.id))) AS p
ON CONFLICT (corrects_id) WHERE corrects_id IS NOT NULL DO NOTHING
RETURNING id, component_id, corrects_id
""")


async def repost(
    session: WriteSession,
    corrections: Sequence[Corrected],
    *,
    cause_id: UUID,
    evidence_sha256: str | None,
    now: datetime,
) -> int:
    """Let other facts hold for components; returns how many of them had something to move.

    Each attribution is corrected once: of two who decide at once one gets CorrectedMeanwhile. Grade, amount and day
    of the sale stay; a closed month's pair lands on the first open day.
    """
    components = [one.component_id for one in corrections]
    await locked(session, components)
    rows = [
        {"id": new_id(), "corrects_id": one.corrects_id, "facts": dict(one.facts)}
        for one in sorted(corrections, key=lambda one: str(one.corrects_id))
    ]
    added = (await session.execute(_ADD, {"rows": msgspec.json.encode(rows).decode()})).all()
    if len(added) < len(rows):
        raise CorrectedMeanwhile("请按现在的归属重新申请更正。")
    holds = {row.component_id: row.id for row in added}
    remaining = [
        one for one in await remaining_of(session, components) if one.attribution_id != holds[one.component_id]
    ]
    pairs = [row for one in remaining for row in _pair(one, holds[one.component_id], cause_id, evidence_sha256)]
    await record(session, pairs, now=now)
    return len({one.component_id for one in remaining})


def _pair(one: Remaining, attribution_id: UUID, cause_id: UUID, evidence_sha256: str | None) -> list[Recognised]:
    if one.amount_fen < 0 or one.grams < 0:  # more was given back than stood there: nothing remains to move
        return []
    back = Recognised(
        kind="reversal",
        cause_id=cause_id,
        component_id=one.component_id,
        amount_fen=-one.amount_fen,
        grams=-one.grams,
        quantity_milli=-one.quantity_milli,
        occurred_on=one.sale_on,
        sale_on=one.sale_on,
        grade=one.grade,
        attribution_id=one.attribution_id,
        reverses_id=one.entry_id,
    )
    again = Recognised(
        kind="repost",
        cause_id=cause_id,
        component_id=one.component_id,
        amount_fen=one.amount_fen,
        grams=one.grams,
        quantity_milli=one.quantity_milli,
        occurred_on=one.sale_on,
        sale_on=one.sale_on,
        grade=one.grade,
        attribution_id=attribution_id,
        evidence_sha256=evidence_sha256,
    )
    return [back, again]
