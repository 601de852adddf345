"""Two people: the first call asks, the same call by another person carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.payment_desk.problems import NothingToDecide, OtherThingAsked, SecondPersonNeeded
from orders.payment_desk.words import ACTIONS, DETAILS
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import new_id

Action = Literal["return", "keep", "settle_otherwise", "adopt", "given_back"]


@dataclass(frozen=True, slots=True)
class Step:
    """state: asked, it waits for another person; decided, and the caller carries it out in this transaction."""

    decision_id: UUID
    subject: str
    action: Action
    state: Literal["asked", "decided"]
    reason: str


_ASKED = text(
    "SELECT id, action, details, reason, asked_by FROM desk_decision WHERE subject = :subject AND state = 'asked'"
)
_ASK = text("""
INSERT INTO desk_decision (id, subject, action, details, reason, state, asked_by, asked_at)
VALUES (:id, :subject, :action, CAST(:details AS jsonb), :reason, 'asked', :actor, :now)
""")
_DECIDE = text("""
UPDATE desk_decision SET state = 'decided', decided_by = :actor, ended_at = :now
WHERE id = :id AND state = 'asked' AND asked_by <> :actor RETURNING id
""")
_WITHDRAW = text("""
UPDATE desk_decision SET state = 'withdrawn', ended_at = :now WHERE subject = :subject AND state = 'asked'
RETURNING id, action
""")


async def ask_or_decide(
    session: WriteSession,
    actor: Actor,
    subject: str,
    action: Action,
    *,
    reason: str,
    now: datetime,
    details: Mapping[str, Any] | None = None,
) -> Step:
    """The caller holds the order's lock and has checked that the actor may. details: what exactly, as JSON values.

    Raises SecondPersonNeeded for who asked himself, OtherThingAsked while something else is asked about the subject.
    """
    requested = msgspec.to_builtins(dict(details or {}))
    asked = (await session.execute(_ASKED, {"subject": subject})).one_or_none()
    if asked is None:
        decision_id = new_id()
        named = {"id": decision_id, "subject": subject, "action": action, "reason": reason, "now": now}
        document = msgspec.json.encode(requested).decode()
        await session.execute(_ASK, named | {"details": document, "actor": actor.user_id})
        await _note(session, actor, subject, f"payment_desk.ask.{action}", {}, requested, reason, now)
        return Step(decision_id, subject, action, "asked", reason)
    if (asked.action, asked.details) != (action, requested):
        differs = _differs(asked.details, requested) if asked.action == action else ""
        said = f"已经有人申请“{ACTIONS[asked.action]}”{differs}"
        raise OtherThingAsked(f"{said}。请按他的申请确认，或先撤回再另行申请。", extra={"asked": asked.action})
    if asked.asked_by == actor.user_id:
        raise SecondPersonNeeded("您已经申请过，请另一位同事确认。")
    if await session.scalar(_DECIDE, {"id": asked.id, "actor": actor.user_id, "now": now}) is None:
        raise NothingToDecide("请刷新页面查看结果。")
    before = {"asked_by": str(asked.asked_by), "reason": asked.reason}
    await _note(session, actor, subject, f"payment_desk.decide.{action}", before, requested, reason, now)
    return Step(asked.id, subject, action, "decided", asked.reason)


def _differs(asked: Mapping[str, Any], requested: Mapping[str, Any]) -> str:
    """What stands otherwise in the request, in words."""
    said = [
        f"{DETAILS[name]}是{_said(asked[name])}，您填的是{_said(requested[name])}"
        for name in asked
        if asked[name] != requested[name]
    ]
    return f"，{'；'.join(said)}"


def _said(value: Any) -> str:
    if isinstance(value, list):
        return f"指定的 {sum(line['quantity'] for line in value)} 件" if value else "不指定件数、按金额摊"
    return f"“{value}”"


async def withdraw(session: WriteSession, actor: Actor, subject: str, *, now: datetime) -> None:
    """What is asked about the subject is asked no longer. By the one who asked or a colleague of the same reach.

    Raises NothingToDecide when nothing is asked.
    """
    gone = (await session.execute(_WITHDRAW, {"subject": subject, "now": now})).one_or_none()
    if gone is None:
        raise NothingToDecide("没有等待确认的申请。")
    await _note(
        session, actor, subject, f"payment_desk.withdraw.{gone.action}", {"decision": str(gone.id)}, {}, None, now
    )


async def _note(
    session: WriteSession,
    actor: Actor,
    subject: str,
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str | None,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=action,
        subject=subject,
        before=before or None,
        after=after or None,
        reason=reason,
        now=now,
    )
