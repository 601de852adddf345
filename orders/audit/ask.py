"""Questions: an auditor asks, its owner replies, the asker closes."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.audit.visibility import mandate_for, units_of
from shop.access.permissions import Actor, Role
from shop.access.who import is_named
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Invalid, NotFound, Problem
from shop.core.ids import new_id
from shop.organisation.queries import unit_path


class QuestionState(Problem):
    """Somebody was quicker, or the step before is missing."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "question_state"
    title: ClassVar[str] = "这个问题当前不能这样处理"


class OwnQuestion(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "second_person_needed"
    title: ClassVar[str] = "提问人不能自己答复"


_OWNER = text(f"""
SELECT id FROM user_account WHERE {is_named("", "lower(:email)")} AND state = 'active'
""")  # noqa: S608  # our own words
_ASK = text("""
INSERT INTO audit_question (id, unit_id, subject, words, owner_role, owner_id, due_on, asked_by, asked_at)
VALUES (:id, :unit, :subject, :words, :role, :owner, :due_on, :actor, :now)
""")
_ONE = text("SELECT * FROM audit_question WHERE id = :id")
_REPLY = text("""
UPDATE audit_question SET reply = :reply, replied_by = :actor, replied_at = :now
WHERE id = :id AND reply IS NULL AND asked_by <> :actor RETURNING id
""")
_CLOSE = text("""
UPDATE audit_question SET closed_by = :actor, closed_at = :now
WHERE id = :id AND reply IS NOT NULL AND closed_at IS NULL AND asked_by = :actor RETURNING id
""")


async def ask(
    session: WriteSession,
    *,
    actor: Actor,
    unit_id: UUID,
    subject: str,
    words: str,
    owner_role: str | None,
    owner: str | None,
    due_on: date,
    now: datetime,
) -> UUID:
    """owner: e-mail address. Raises NoMandate, NotFound for a unit outside of the mandate, Invalid for its owner."""
    await mandate_for(session, actor, now=now)
    units = await units_of(session, actor, now=now)
    if units is not None and unit_id not in units:
        raise NotFound("这个单位不在您的审计范围内。", [Detail("/unit_id", "not_found", "不在审计范围内")])
    owner_id = await session.scalar(_OWNER, {"email": owner}) if owner else None
    if owner and (owner_id is None or owner_id == actor.user_id):
        raise Invalid("请核对答复人。", [Detail("/owner", "owner_unknown", "没有这个账号，或者是您自己")])
    asked = new_id()
    facts = {"id": asked, "unit": unit_id, "subject": subject, "words": words, "role": owner_role}
    facts |= {"owner": owner_id, "due_on": due_on, "actor": actor.user_id, "now": now}
    await session.execute(_ASK, facts)
    after = {
        "subject": subject,
        "owner_role": owner_role,
        "owner_id": owner_id and str(owner_id),
        "due_on": str(due_on),
    }
    await _note(session, actor, "audit.question_asked", asked, after, now)
    return asked


async def reply(session: WriteSession, *, actor: Actor, question_id: UUID, words: str, now: datetime) -> None:
    """Once, by its owner. Raises NotFound for everybody else, OwnQuestion, QuestionState."""
    question = (await session.execute(_ONE, {"id": question_id})).one_or_none()
    if question is None or not await owns(
        session, actor, question.owner_id, question.owner_role, question.unit_id, day=clock.business_day(now)
    ):
        raise NotFound("没有这个问题，或者不由您答复。")
    if question.asked_by == actor.user_id:
        raise OwnQuestion("请由责任人答复。")
    named = {"id": question_id, "reply": words, "actor": actor.user_id, "now": now}
    if await session.scalar(_REPLY, named) is None:
        raise QuestionState("这个问题已经有答复。")
    await _note(session, actor, "audit.question_replied", question_id, {"replied": True}, now)


async def close(session: WriteSession, *, actor: Actor, question_id: UUID, now: datetime) -> None:
    """By who asked, after the reply. Raises NotFound, QuestionState."""
    question = (await session.execute(_ONE, {"id": question_id})).one_or_none()
    if question is None or question.asked_by != actor.user_id:
        raise NotFound("没有这个问题，或者不是您提的。")
    if await session.scalar(_CLOSE, {"id": question_id, "actor": actor.user_id, "now": now}) is None:
        raise QuestionState("还没有答复，或者已经关闭。")
    await _note(session, actor, "audit.question_closed", question_id, {"closed": True}, now)


async def owns(
    session: ReadSession, actor: Actor, owner_id: UUID | None, role: str | None, unit_id: UUID, *, day: date
) -> bool:
    """The person named, or whoever holds the role for that unit."""
    if owner_id is not None:
        return owner_id == actor.user_id
    grants = [grant for grant in actor.grants if role is not None and grant.role == Role(role)]
    above = {str(one) for one in await unit_path(session, unit_id, day)}
    return any(one.scope_kind == "all" or (one.scope_kind == "unit" and one.scope_id in above) for one in grants)


async def _note(
    session: WriteSession, actor: Actor, action: str, question_id: UUID, after: dict[str, object], now: datetime
) -> None:
    await record_change(
        session, actor_id=actor.user_id, action=action, subject=f"audit_question:{question_id}", after=after, now=now
    )
