"""A second person approves a correction, or refuses it: once, whoever else decides at the same moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.correction.facts import resolved
from orders.correction.request import NothingRemains
from orders.credit.repost import Corrected, repost
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.organisation.queries import visible_unit_ids


class AlreadyDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_decided"
    title: ClassVar[str] = "这份更正申请已经有人处理"


class OwnRequest(Problem):
    """Who asked for it may not decide it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事审批"


_PARTS = text("""
SELECT a.*, p.component_id AS component, c.requested_by, c.facts, c.document_sha256
FROM correction c JOIN correction_part p ON p.correction_id = c.id JOIN attribution a ON a.id = p.corrects_id
WHERE c.id = :id ORDER BY p.component_id
""")
# Acceptances and payments of the order hold it while they recognise: they and the correction wait for each other.
_LOCK = text("SELECT id FROM shop_order WHERE id = ANY(:orders) ORDER BY id FOR NO KEY UPDATE")
_DECIDE = text("""
UPDATE correction SET state = :state, decided_by = :actor, decided_at = :now, decision = :decision
WHERE id = :id AND state = 'requested' AND requested_by <> :actor RETURNING id
""")


async def decide_correction(
    session: WriteSession,
    *,
    actor: Actor,
    correction_id: UUID,
    state: Literal["approved", "refused"],
    decision: str | None,
    now: datetime,
) -> None:
    """Approved, what remains is reversed and posted again under the facts asked for, in the month of the sale while
    that is open, else on the first open day with a link. Refused, nothing moves.

    Raises NotFound, OwnRequest, AlreadyDecided, CorrectedMeanwhile, NothingRemains, FactUnknown.
    """
    parts = [dict(row) for row in (await session.execute(_PARTS, {"id": correction_id})).mappings()]
    visible = await visible_unit_ids(session, actor, Permission.CORRECTION_APPROVE, clock.business_day(now))
    if not parts or not (visible is None or all(_within(part, visible) for part in parts)):
        raise NotFound("没有这份更正申请。")
    if parts[0]["requested_by"] == actor.user_id:
        raise OwnRequest("申请人不能审批自己的申请。")
    await session.execute(_LOCK, {"orders": list({part["order_id"] for part in parts})})
    named = {"id": correction_id, "state": state, "actor": actor.user_id, "now": now, "decision": decision}
    if await session.scalar(_DECIDE, named) is None:
        raise AlreadyDecided("请刷新页面查看结果。")
    corrections = []
    if state == "approved":
        corrections = [
            Corrected(part["component"], part["id"], await resolved(session, part, part["facts"])) for part in parts
        ]
        moved = await repost(
            session, corrections, cause_id=correction_id, evidence_sha256=parts[0]["document_sha256"], now=now
        )
        if not moved:
            raise NothingRemains("申请之后已全部退回，没有可更正的金额。")
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"correction.{'approve' if state == 'approved' else 'refuse'}",
        subject=f"correction:{correction_id}",
        before={str(part["component"]): _as_json(part, corrections) for part in parts},
        after={"state": state, **{str(one.component_id): msgspec.to_builtins(dict(one.facts)) for one in corrections}},
        reason=decision or "同意",
        now=now,
    )


def _within(part: Mapping[str, Any], visible: frozenset[UUID]) -> bool:
    requested = part["facts"].get("unit_id")
    return part["unit_id"] in visible and (requested is None or UUID(requested) in visible)


def _as_json(part: Mapping[str, Any], corrections: list[Corrected]) -> dict[str, Any]:
    """What held, of the facts that change."""
    changed = {name for one in corrections if one.component_id == part["component"] for name in one.facts}
    found: dict[str, Any] = msgspec.to_builtins({name: part[name] for name in sorted(changed)})
    return found
