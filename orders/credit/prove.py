"""A document is put beside credit by one person; the grade is lifted when another one has looked at it."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.credit.regrade import lift
from orders.credit.remaining import Grade
from orders.credit.schemas import CreditLinkOut
from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids


class AlreadyProposed(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_proposed"
    title: ClassVar[str] = "这份材料已经为这笔销售提交过"


class AlreadyChecked(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_checked"
    title: ClassVar[str] = "这份材料已经有人核对过"


class OwnProposal(Problem):
    """Whoever proposed it may not check it."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "须由另一位同事核对"


_UNITS = text("""
SELECT a.id, coalesce(l.unit_id, a.unit_id) AS unit_id FROM attribution a
LEFT JOIN attribution l ON l.component_id = a.id
    AND NOT EXISTS (SELECT FROM attribution n WHERE n.corrects_id = l.id)
WHERE a.id = ANY(:components) AND a.component_id IS NULL
""").bindparams(bindparam("components", type_=ARRAY(Uuid)))
_PROPOSE = text("""
INSERT INTO evidence_link (id, component_id, sha256, grade, note, state, proposed_by, proposed_at)
SELECT r.id, r.component_id, :sha256, :grade, :note, 'proposed', :actor, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, component_id uuid)
ON CONFLICT (component_id, sha256, grade) DO NOTHING
RETURNING *
""")
_LINK = text("SELECT * FROM evidence_link WHERE id = :id")
_CHECK = text("""
UPDATE evidence_link SET state = :state, checked_by = :actor, checked_at = :now, finding = :finding
WHERE id = :id AND state = 'proposed' AND proposed_by <> :actor RETURNING *
""")
_OPEN = text("""
SELECT e.*, a.unit_id FROM evidence_link e JOIN attribution a ON a.id = e.component_id
WHERE e.state = 'proposed' ORDER BY e.proposed_at, e.id
""")


async def visible_components(
    session: ReadSession, actor: Actor, permission: Permission, component_ids: Collection[UUID], day: date
) -> None:
    """Raises NotFound when one of them is unknown, or is credited to a unit outside the caller's reach."""
    visible = await visible_unit_ids(session, actor, permission, day)
    found = (await session.execute(_UNITS, {"components": list(component_ids)})).all()
    seen = {row.id for row in found if visible is None or row.unit_id in visible}
    if missing := [i for i, one in enumerate(component_ids) if one not in seen]:
        raise NotFound(
            "没有这笔销售，或者它不在您的管理范围内。",
            [Detail(f"/component_ids/{i}", "not_found", "没有这笔销售") for i in missing],
        )


async def propose(
    session: WriteSession,
    *,
    actor: Actor,
    component_ids: Sequence[UUID],
    sha256: str,
    grade: Grade,
    note: str,
    now: datetime,
) -> list[CreditLinkOut]:
    """Put a kept document beside components, claiming a grade. The old grade stands until it is checked.

    Raises NotFound, EvidenceUnknown, AlreadyProposed.
    """
    components = list(dict.fromkeys(component_ids))
    day = clock.business_day(now)
    await visible_components(session, actor, Permission.EVIDENCE_WRITE, components, day)
    await cited(session, actor, sha256, field="sha256", day=day)
    rows = as_rows({"id": str(new_id()), "component_id": str(one)} for one in components)
    facts = {"rows": rows, "sha256": sha256, "grade": grade, "note": note, "actor": actor.user_id, "now": now}
    found = await session.execute(_PROPOSE, facts)
    links = [CreditLinkOut.model_validate(row) for row in found]
    if len(links) < len(components):
        raise AlreadyProposed("请等待核对，或换一份材料。")
    changes = [
        Change("evidence.propose", f"component:{one.component_id}", None, {"sha256": sha256, "grade": grade}, note)
        for one in links
    ]
    await record_changes(session, changes, actor_id=actor.user_id, now=now)
    return links


async def check(
    session: WriteSession, *, actor: Actor, link_id: UUID, accept: bool, finding: str, now: datetime
) -> CreditLinkOut:
    """A second person's word: accepted, what remains moves up to the grade by a new event; refused, nothing moves.

    Raises NotFound, OwnProposal, AlreadyChecked.
    """
    link = (await session.execute(_LINK, {"id": link_id})).one_or_none()
    if link is None:
        raise NotFound("没有这份待核对的材料。")
    day = clock.business_day(now)
    await visible_components(session, actor, Permission.EVIDENCE_CHECK, [link.component_id], day)
    if link.proposed_by == actor.user_id:
        raise OwnProposal("提交人不能核对自己提交的材料。")
    state = "accepted" if accept else "refused"
    facts = {"id": link_id, "state": state, "actor": actor.user_id, "now": now, "finding": finding}
    checked = (await session.execute(_CHECK, facts)).one_or_none()
    if checked is None:
        raise AlreadyChecked("请刷新页面查看结果。")
    change = Change("evidence.check", f"evidence_link:{link_id}", {"state": "proposed"}, {"state": state}, finding)
    await record_changes(session, [change], actor_id=actor.user_id, now=now)
    if accept:
        await lift(
            session,
            component_ids=[checked.component_id],
            to=checked.grade,
            cause_id=link_id,
            evidence_sha256=checked.sha256,
            occurred_on=day,
            now=now,
            actor_id=actor.user_id,
        )
    return CreditLinkOut.model_validate(checked)


async def open_links(session: ReadSession, actor: Actor, *, day: date) -> list[CreditLinkOut]:
    """What waits for a second person, the oldest first, in the caller's units."""
    visible = await visible_unit_ids(session, actor, Permission.EVIDENCE_CHECK, day)
    found = await session.execute(_OPEN)
    return [CreditLinkOut.model_validate(row) for row in found if visible is None or row.unit_id in visible][:100]
