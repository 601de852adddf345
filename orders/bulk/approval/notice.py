"""The plan is shown to everybody concerned; who objects is answered by somebody else, and the order waits."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.bulk.approval.authority import DutiesApart
from orders.bulk.move_on import move_on
from orders.bulk.problems import PlanInvalid
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id


class NoticeOver(Problem):
    """There is no notice to object to, or its period has ended."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "notice_over"
    title: ClassVar[str] = "不在公示期内"


class AlreadyAnswered(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_answered"
    title: ClassVar[str] = "这条异议已经答复"


_PUBLISH = text("""
INSERT INTO bulk_notice (id, purchase_id, revision, words, opened_on, open_until, published_by, published_at)
VALUES (:id, :purchase, :revision, :words, :today, :until, :actor, :now)
""")
_NOTICE = text("""
SELECT n.id, n.words, n.opened_on, n.open_until FROM bulk_notice n JOIN bulk_purchase p ON p.id = n.purchase_id
WHERE n.purchase_id = :purchase AND n.revision = p.revision
""")
_IS_MEMBER = text("SELECT EXISTS (SELECT FROM bulk_member WHERE purchase_id = :purchase AND person_id = :person)")
_OBJECT = text("""
INSERT INTO bulk_objection (id, notice_id, raised_by, words, raised_at) VALUES (:id, :notice, :actor, :words, :now)
""")
_OBJECTION = text("""
SELECT o.id, o.raised_by, o.answered_by FROM bulk_objection o JOIN bulk_notice n ON n.id = o.notice_id
WHERE o.id = :objection AND n.purchase_id = :purchase FOR NO KEY UPDATE OF o
""")
_ANSWER = text("""
UPDATE bulk_objection SET answer = :answer, answered_by = :actor, answered_at = :now
WHERE id = :objection AND answered_by IS NULL
""")


async def publish(
    session: WriteSession,
    *,
    actor: Actor,
    purchase_id: UUID,
    now: datetime,
    words: str | None = None,
    open_until: date | None = None,
) -> date:
    """Open the notice of an approved plan; returns the first day after it.

    Raises NotFound, WrongState, PlanInvalid (shorter than the tier asks for).
    """
    purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    today = clock.business_day(now)
    earliest = today + timedelta(days=max(purchase.notice_days or 1, 1))
    until = open_until or earliest
    if until < earliest:
        raise PlanInvalid(
            f"公示至少 {purchase.notice_days} 天，请公示到 {earliest} 或更晚。",
            [Detail("/open_until", "too_short", f"最早 {earliest}")],
        )
    await move_on(session, purchase_id=purchase_id, to="noticed", actor_id=actor.user_id, now=now)
    facts = {
        "id": new_id(),
        "purchase": purchase_id,
        "revision": purchase.revision,
        "words": words or f"拟采购“{purchase.title}”，现予公示。有异议请在公示期内提出，由他人答复。",
        "today": today,
        "until": until,
        "actor": actor.user_id,
        "now": now,
    }
    await session.execute(_PUBLISH, facts)
    return until


async def concerned(session: ReadSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> None:
    """Members of the plan, and whoever may read it. Raises NotFound for others."""
    if await session.scalar(_IS_MEMBER, {"purchase": purchase_id, "person": actor.person_id}):
        return
    await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)


async def raise_objection(session: WriteSession, *, actor: Actor, purchase_id: UUID, words: str, now: datetime) -> UUID:
    """Returns the objection's id. Raises NotFound for who is not concerned, NoticeOver."""
    await concerned(session, actor=actor, purchase_id=purchase_id, now=now)
    notice: Row[Any] | None = (await session.execute(_NOTICE, {"purchase": purchase_id})).one_or_none()
    if notice is None or notice.open_until <= clock.business_day(now):
        raise NoticeOver("公示已经结束或还没有开始，请直接与工会联系。")
    objection_id = new_id()
    await session.execute(
        _OBJECT, {"id": objection_id, "notice": notice.id, "actor": actor.user_id, "words": words, "now": now}
    )
    return objection_id


async def answer_objection(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, objection_id: UUID, answer: str, now: datetime
) -> None:
    """Raises NotFound, DutiesApart for who raised it, AlreadyAnswered."""
    await purchase_for(session, actor, Permission.BULK_READ, purchase_id, now)
    named = {"purchase": purchase_id, "objection": objection_id}
    found = (await session.execute(_OBJECTION, named)).one_or_none()
    if found is None:
        raise NotFound("没有这条异议。")
    if found.raised_by == actor.user_id:
        raise DutiesApart("异议须由他人答复。")
    if found.answered_by is not None:
        raise AlreadyAnswered("请刷新页面查看答复。")
    await session.execute(_ANSWER, named | {"answer": answer, "actor": actor.user_id, "now": now})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.objection_answered",
        subject=f"bulk_purchase:{purchase_id}",
        after={"objection_id": str(objection_id)},
        now=now,
    )
