"""An approver lets somebody else decide, from day to day, up to an amount."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.access.who import is_named
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids


class DelegationInvalid(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "delegation_invalid"
    title: ClassVar[str] = "授权填写有误"


_UNITS = text(f"""
SELECT unit_id FROM union_unit WHERE union_id = :union AND {in_force("", ":day")}
""")  # noqa: S608  # our own words
_WHO = text(f"""
SELECT id FROM user_account WHERE {is_named("", "lower(:email)")} AND state = 'active'
""")  # noqa: S608  # our own words
_WRITE = text("""
INSERT INTO approval_delegation (id, union_id, approver_id, delegate_id, up_to_fen, valid_from, valid_to,
    evidence_sha256)
VALUES (:id, :union, :actor, :delegate, :up_to_fen, :valid_from, :valid_to, :evidence)
""")


async def delegate(
    session: WriteSession,
    *,
    actor: Actor,
    union_id: UUID,
    delegate_email: str,
    up_to_fen: int,
    valid_from: date,
    valid_to: date,
    now: datetime,
    evidence_sha256: str | None = None,
) -> UUID:
    """Half-open days [valid_from, valid_to). Returns its id; a right that was itself passed on cannot be passed on.

    Raises NotFound for a union out of reach, DelegationInvalid, EvidenceUnknown.
    """
    day = clock.business_day(now)
    visible = await visible_unit_ids(session, actor, Permission.BULK_APPROVE, day)
    units = set(await session.scalars(_UNITS, {"union": union_id, "day": day}))
    if not units or (visible is not None and not units & visible):
        raise NotFound("没有这个工会，或不在您审批的范围内。")
    await cited(session, actor, evidence_sha256, field="evidence_sha256", day=day)
    if valid_to <= valid_from or valid_to <= day:
        raise DelegationInvalid("结束日要晚于开始日和今天。", [Detail("/valid_to", "ended", "授权期已过或倒置")])
    delegate_id = await session.scalar(_WHO, {"email": delegate_email.strip()})
    if delegate_id is None or delegate_id == actor.user_id:
        raise DelegationInvalid(
            "请填写另一位同事的登录邮箱。", [Detail("/delegate_email", "unknown", "没有这个账号，或就是您自己")]
        )
    delegation_id = new_id()
    facts = {
        "id": delegation_id,
        "union": union_id,
        "actor": actor.user_id,
        "delegate": delegate_id,
        "up_to_fen": up_to_fen,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "evidence": evidence_sha256,
    }
    await session.execute(_WRITE, facts)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.approval_delegated",
        subject=f"approval_delegation:{delegation_id}",
        after={"delegate_id": str(delegate_id), "up_to_fen": up_to_fen, "until": str(valid_to)},
        now=now,
    )
    return delegation_id
