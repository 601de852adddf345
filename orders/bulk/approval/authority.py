"""By what right somebody approves: an own role in force today, or a delegation from somebody who has one."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor
from shop.core.database import ReadSession
from shop.core.errors import Problem
from shop.core.window import in_force
from shop.organisation.path import path_on


class NotApprover(Problem):
    """No role in force today, or a delegation that ended or is too small."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "not_approver"
    title: ClassVar[str] = "您今天没有这笔采购的审批权"


class DutiesApart(Problem):
    """The same person may not do both."""

    status: ClassVar[int] = 403
    code: ClassVar[str] = "duties_apart"
    title: ClassVar[str] = "经办与审批须由不同的人担任"


@dataclass(frozen=True, slots=True)
class Right:
    """delegated_by: for whom he decides; None: in his own right."""

    delegated_by: UUID | None


# A token may outlive what it was made from: the books of today decide. Whoever left his unit, or this union, has no
# right any more, and can have passed none on.
_ENTITLED = f"""
    SELECT a.id FROM user_account a
    WHERE a.state = 'active'
        AND EXISTS (SELECT FROM role_grant g WHERE g.user_id = a.id AND g.role = 'union_approver'
            AND {in_force("g", ":day")}
            AND (g.scope_kind = 'all' OR (g.scope_kind = 'unit' AND g.scope_id IN (
                SELECT CAST(unit_id AS text) FROM path))))
        AND a.person_id IN (SELECT person_id FROM here)
"""  # noqa: S608  # our own words
_RIGHTS = text(f"""
WITH path AS ({path_on("CAST(:unit AS uuid)", ":day")}),
asked AS (
    SELECT id, person_id FROM user_account WHERE id = :actor OR id IN (
        SELECT approver_id FROM approval_delegation WHERE delegate_id = :actor AND union_id = :union)
),
here AS (
    SELECT a.person_id FROM asked a
    WHERE EXISTS (SELECT FROM membership m WHERE m.person_id = a.person_id
            AND {in_force("m", ":day")})
        AND (NOT EXISTS (SELECT FROM union_membership w WHERE w.person_id = a.person_id AND w.union_id = :union)
            OR EXISTS (SELECT FROM union_membership w WHERE w.person_id = a.person_id AND w.union_id = :union
                AND {in_force("w", ":day")}))
),
entitled AS ({_ENTITLED})
SELECT CAST(NULL AS uuid) AS delegated_by FROM entitled WHERE id = :actor
UNION ALL
(SELECT d.approver_id FROM approval_delegation d JOIN entitled e ON e.id = d.approver_id
WHERE d.delegate_id = :actor AND d.union_id = :union AND {in_force("d", ":day")}
    AND d.up_to_fen >= :fen AND d.approver_id <> :requester
    AND EXISTS (SELECT FROM user_account a JOIN here h ON h.person_id = a.person_id
        WHERE a.id = :actor AND a.state = 'active')
ORDER BY d.up_to_fen DESC, d.approver_id)
""")  # noqa: S608  # composed of our own constants


async def rights_of(session: ReadSession, *, actor: Actor, purchase: Row[Any], day: date) -> list[Right]:
    """Every right of the actor to decide about the purchase today, the own one first.

    Raises DutiesApart for who asked for it, NotApprover.
    """
    if actor.user_id == purchase.requester_id:
        raise DutiesApart("采购由您经办，请另一位审批人审批。")
    found = await session.execute(
        _RIGHTS,
        {
            "unit": purchase.unit_id,
            "union": purchase.union_id,
            "actor": actor.user_id,
            "requester": purchase.requester_id,
            "fen": purchase.budget_fen,
            "day": day,
        },
    )
    rights = [Right(row.delegated_by) for row in found]
    if not rights:
        raise NotApprover("审批角色或授权已经到期、金额不够，或您已离开本单位、本工会。请联系管理员或审批人。")
    return rights
