"""Two people for what concerns others: one asks, another approves or refuses. The verb itself is its slice's own."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Text, bindparam, text

from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound, Problem, SecondPersonNeeded
from shop.core.ids import new_id

OPEN_MAX = 5_000
"""So many are looked through; nobody asks for the same thing twice."""


class ChangeDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "change_decided"
    title: ClassVar[str] = "这个申请已经处理过"


NAMES: Final = ("email", "auditor")
"""Facts that name somebody by an e-mail: they go with the decision, and the journal of changes says the account."""
_NAMES = bindparam("names", list(NAMES), type_=ARRAY(Text))
_ASK = text("""
INSERT INTO change_request (id, kind, facts, state, reason, asked_by, asked_at)
VALUES (:id, :kind, CAST(:facts AS jsonb), 'asked', :reason, :actor, :now)
""")
_ASKED = text("""
SELECT id FROM change_request
WHERE state = 'asked' AND kind = :kind AND facts = CAST(:facts AS jsonb) AND asked_by = :actor
""")
_LOCK = text("""
SELECT id, kind, facts, state, reason, asked_by, asked_at, decided_by FROM change_request
WHERE id = :id AND kind = ANY(:kinds) FOR UPDATE
""").bindparams(bindparam("kinds", type_=ARRAY(Text)))
_DECIDE = text("""
UPDATE change_request SET state = :state, decided_by = :actor, decided_at = :now, facts = facts - :names
WHERE id = :id AND state = 'asked'
""").bindparams(_NAMES)
_WITHDRAW_ALL = text("""
UPDATE change_request SET state = 'withdrawn', decided_by = asked_by, decided_at = :now, facts = facts - :names
WHERE asked_by = :user AND state = 'asked'
""").bindparams(_NAMES)
_OPEN = text("""
SELECT c.id, c.kind, c.facts, c.reason, c.asked_by, c.asked_at, p.name AS asked_by_name FROM change_request c
JOIN user_account u ON u.id = c.asked_by LEFT JOIN person p ON p.id = u.person_id
WHERE c.state = 'asked' AND c.kind = ANY(:kinds) ORDER BY c.asked_at, c.id LIMIT :most
""").bindparams(bindparam("kinds", type_=ARRAY(Text)))


async def ask_change(
    session: WriteSession,
    actor: Actor,
    kind: str,
    facts: dict[str, Any],
    *,
    whom: UUID | None,
    reason: str | None,
    now: datetime,
) -> UUID:
    """facts: JSON values; whom: the account that they name. The caller has checked that the actor may. Returns the
    request, for another person; what the actor asks for already is the same request.
    """
    request_id = new_id()
    named = {"id": request_id, "kind": kind, "facts": msgspec.json.encode(facts).decode(), "reason": reason}
    before: UUID | None = await session.scalar(_ASKED, named | {"actor": actor.user_id})
    if before is not None:
        return before
    await session.execute(_ASK, named | {"actor": actor.user_id, "now": now})
    noted = {name: value for name, value in facts.items() if name not in NAMES}
    noted |= {"user_id": str(whom)} if whom else {}
    await _note(session, actor, f"{kind}.ask", request_id, noted, reason, now)
    return request_id


async def open_request(
    session: WriteSession, actor: Actor, request_id: UUID, kinds: Collection[str], *, own: bool = False
) -> Row[Any]:
    """The locked request. own: to take it back. Raises NotFound, ChangeDecided, SecondPersonNeeded."""
    found = (await session.execute(_LOCK, {"id": request_id, "kinds": list(kinds)})).one_or_none()
    if found is None:
        raise NotFound("没有这个申请。")
    if found.state != "asked":
        raise ChangeDecided("请刷新页面查看结果。")
    if not own and found.asked_by == actor.user_id:
        raise SecondPersonNeeded("您自己提出的，请另一位有权限的同事处理；也可以撤回。")
    return found


async def decide_change(
    session: WriteSession,
    actor: Actor,
    request: Row[Any],
    state: Literal["approved", "refused", "withdrawn"],
    *,
    reason: str | None,
    now: datetime,
) -> None:
    """request: as `open_request` gave it. An approved one is carried out by the caller, in the same transaction."""
    await session.execute(_DECIDE, {"id": request.id, "state": state, "actor": actor.user_id, "now": now})
    after = {"state": state, "asked_by": str(request.asked_by)}
    await _note(session, actor, f"{request.kind}.{state}", request.id, after, reason, now)


async def withdraw_all_of(session: WriteSession, user_id: UUID, *, now: datetime) -> None:
    """Who may no longer ask has asked for nothing."""
    await session.execute(_WITHDRAW_ALL, {"user": user_id, "now": now})


async def open_requests(session: ReadSession, kinds: Collection[str]) -> list[Row[Any]]:
    """What waits for a second person, the oldest first."""
    return list((await session.execute(_OPEN, {"kinds": list(kinds), "most": OPEN_MAX})).all())


async def _note(
    session: WriteSession,
    actor: Actor,
    action: str,
    request_id: UUID,
    after: dict[str, Any],
    reason: str | None,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=action,
        subject=f"change_request:{request_id}",
        after=after,
        reason=reason,
        now=now,
    )
