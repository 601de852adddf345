"""Ask for a correction: what shall hold, why, and the paper that says so. Nothing moves before another agrees."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import insert, text

from orders.correction.facts import resolved
from orders.correction.models import Correction, CorrectionPart
from orders.correction.schemas import CorrectionIn
from orders.credit.remaining import remaining_of
from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.organisation.queries import visible_unit_ids


class NothingRemains(Problem):
    """Nothing was recognised, or all of it was given back: there is nothing to put right."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "nothing_remains"
    title: ClassVar[str] = "这一行没有可更正的金额"


class NothingChanges(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "nothing_changes"
    title: ClassVar[str] = "更正内容与现在的归属相同"


_HOLDING = text("""
SELECT a.* FROM attribution a
WHERE coalesce(a.component_id, a.id) IN (SELECT component_id FROM credit_entry WHERE order_line_id = :line)
    AND NOT EXISTS (SELECT FROM attribution n WHERE n.corrects_id = a.id)
ORDER BY coalesce(a.component_id, a.id)
""")


async def holding(session: ReadSession, order_line_id: UUID) -> list[dict[str, Any]]:
    """The attribution that holds now of each component of a line that was recognised."""
    rows = [dict(row) for row in (await session.execute(_HOLDING, {"line": order_line_id})).mappings()]
    return [row | {"component": row["component_id"] or row["id"]} for row in rows]


async def request_correction(session: WriteSession, *, actor: Actor, requested: CorrectionIn, now: datetime) -> UUID:
    """Raises NotFound, EvidenceUnknown, FactUnknown, NothingRemains, NothingChanges."""
    rows = await holding(session, requested.order_line)
    rows = [row for row in rows if requested.component_id in (None, row["component"])]
    visible = await visible_unit_ids(session, actor, Permission.CORRECTION_REQUEST, clock.business_day(now))
    if not rows or not (visible is None or all(row["unit_id"] in visible for row in rows)):
        raise NotFound("没有这一行销售，或者它不在您的管理范围内。")
    if visible is not None and requested.facts.unit_id is not None and requested.facts.unit_id not in visible:
        raise NotFound("没有这个单位。", [Detail("/facts/unit_id", "not_found", "没有这个单位")])
    await cited(session, actor, requested.document_sha256, field="document_sha256", day=clock.business_day(now))
    if not await remaining_of(session, [row["component"] for row in rows]):
        raise NothingRemains("它还没有确认销售，或已全部退回。")
    facts = requested.facts.model_dump(mode="json", exclude_none=True)
    changes = [await resolved(session, row, facts) for row in rows]
    if not any(changes):
        raise NothingChanges("请核对要更正的内容。")
    correction_id = new_id()
    await session.execute(
        insert(Correction).values(
            id=correction_id,
            order_line_id=requested.order_line,
            facts=facts,
            reason=requested.reason,
            document_sha256=requested.document_sha256,
            requested_by=actor.user_id,
            requested_at=now,
        )
    )
    parts = [
        {"correction_id": correction_id, "component_id": row["component"], "corrects_id": row["id"]}
        for row, change in zip(rows, changes, strict=True)
        if change
    ]
    await session.execute(insert(CorrectionPart), parts)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="correction.request",
        subject=f"correction:{correction_id}",
        after={"order_line": str(requested.order_line), "facts": facts, "document_sha256": requested.document_sha256},
        reason=requested.reason,
        now=now,
    )
    return correction_id
