"""Mandates, questions, samples and retention rules as they are shown, and how the ledger stands."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from orders.audit.ask import owns
from orders.audit.schemas import (
    MandateOut,
    MandatePage,
    QuestionOut,
    QuestionPage,
    RetentionOut,
    RetentionPage,
    SampleOut,
    SamplePage,
)
from orders.audit.visibility import units_of
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids

_MANDATES = text("""
SELECT m.*, ARRAY(SELECT u.name FROM unit u WHERE u.id = ANY(m.unit_ids) ORDER BY u.code) AS units
FROM audit_mandate m
WHERE (:all OR m.auditor_id = :me OR m.unit_ids <@ :units) AND (CAST(:id AS uuid) IS NULL OR m.id = :id)
ORDER BY m.granted_at DESC, m.id DESC LIMIT 100
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_QUESTIONS = text("""
SELECT q.*, u.name AS unit_name, asker.name AS asker, replier.name AS replier, owner.name AS owner,
    CASE WHEN q.closed_at IS NOT NULL THEN 'closed' WHEN q.reply IS NOT NULL THEN 'replied' ELSE 'open' END AS state
FROM audit_question q JOIN unit u ON u.id = q.unit_id
JOIN user_account a ON a.id = q.asked_by JOIN person asker ON asker.id = a.person_id
LEFT JOIN user_account r ON r.id = q.replied_by LEFT JOIN person replier ON replier.id = r.person_id
LEFT JOIN user_account o ON o.id = q.owner_id LEFT JOIN person owner ON owner.id = o.person_id
WHERE (CAST(:id AS uuid) IS NULL OR q.id = :id)
    AND (CAST(:before AS timestamptz) IS NULL OR (q.asked_at, q.id) < (:before, CAST(:before_id AS uuid)))
    AND (:all OR q.unit_id = ANY(:units) OR q.asked_by = :me OR q.owner_id = :me
        OR (q.owner_role, q.unit_id) IN (SELECT role, unit_id FROM unnest(:roles, :serves) AS s (role, unit_id)))
ORDER BY q.asked_at DESC, q.id DESC LIMIT :limit
""").bindparams(
    bindparam("units", type_=ARRAY(Uuid)), bindparam("serves", type_=ARRAY(Uuid)), bindparam("roles", type_=ARRAY(Text))
)
# Each role in its own place, as `owns` asks.
_SERVED = text(f"""
WITH RECURSIVE seen (role, unit_id) AS (
    SELECT g.role, u.id FROM unnest(:roles, :roots) AS g (role, root) JOIN unit u ON g.root IN ('*', u.id::text)
    UNION SELECT seen.role, below.unit_id FROM seen JOIN unit_parent AS below ON below.parent_id = seen.unit_id
    WHERE {in_force("below", ":day")}
)
SELECT role, unit_id FROM seen
""").bindparams(bindparam("roles", type_=ARRAY(Text)), bindparam("roots", type_=ARRAY(Text)))  # noqa: S608
_SAMPLES = text("""
SELECT * FROM audit_sample WHERE drawn_by = :me AND (CAST(:id AS uuid) IS NULL OR id = :id)
    AND (CAST(:before AS timestamptz) IS NULL OR (drawn_at, id) < (:before, CAST(:before_id AS uuid)))
ORDER BY drawn_at DESC, id DESC LIMIT :limit
""")
_RETENTION = text("""
SELECT r.*, r.id = (SELECT i.id FROM retention_rule i WHERE i.kind = r.kind AND i.valid_from <= :day
    ORDER BY i.valid_from DESC LIMIT 1) AS in_force
FROM retention_rule r ORDER BY r.kind, r.valid_from DESC LIMIT 100
""")
_LEDGER_STATE = text("""
SELECT (SELECT max(balanced_at) FROM balance_run WHERE holds) AS balanced_as_of,
    (SELECT number FROM seal ORDER BY number DESC LIMIT 1) AS seal_number,
    (SELECT sealed_at FROM seal ORDER BY number DESC LIMIT 1) AS sealed_at,
    (SELECT sha256 FROM seal ORDER BY number DESC LIMIT 1) AS seal_sha256,
    (SELECT coalesce(sum(entries), 0)::bigint FROM seal) AS sealed_entries
""")


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How the ledger stands: balanced as of, the last seal, and how many entries are under seals."""

    balanced_as_of: datetime | None
    seal_number: int | None
    sealed_at: datetime | None
    seal_sha256: str | None
    sealed_entries: int


async def ledger_state(session: ReadSession) -> LedgerState:
    return LedgerState(**(await session.execute(_LEDGER_STATE)).mappings().one())


async def mandates_of(session: ReadSession, actor: Actor, *, day: date, mandate_id: UUID | None = None) -> MandatePage:
    """One's own; for an administrator those over his units alone."""
    units = await visible_unit_ids(session, actor, Permission.USER_ADMINISTER, day)
    facts = {"all": units is None, "units": list(units or ()), "me": actor.user_id, "id": mandate_id}
    rows = (await session.execute(_MANDATES, facts)).mappings()
    return MandatePage(items=[MandateOut.model_validate(dict(row)) for row in rows])


async def questions_of(
    session: ReadSession,
    actor: Actor,
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
    question_id: UUID | None = None,
) -> QuestionPage:
    """About the units the caller may audit, those he asked, and those he has to answer; the newest first."""
    day = clock.business_day(now)
    units = await units_of(session, actor, now=now)
    held = [grant for grant in actor.grants if grant.scope_kind in {"unit", "all"}]
    places = {"roles": [one.role.value for one in held], "roots": [one.scope_id for one in held], "day": day}
    serves = (await session.execute(_SERVED, places)).all()
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    facts: dict[str, Any] = {"before": before, "before_id": before_id, "id": question_id, "limit": limit + 1}
    facts |= {"all": units is None, "units": sorted(units or ()), "me": actor.user_id}
    facts |= {"roles": [one.role for one in serves], "serves": [one.unit_id for one in serves]}
    rows = (await session.execute(_QUESTIONS, facts)).mappings().all()
    more = cursor_of(rows[limit - 1]["asked_at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    items = []
    for row in rows[:limit]:
        open_ = row["state"] == "open" and row["asked_by"] != actor.user_id
        mine = open_ and await owns(session, actor, row["owner_id"], row["owner_role"], row["unit_id"], day=day)
        late = row["state"] == "open" and day > row["due_on"]
        items.append(QuestionOut.model_validate(dict(row) | {"mine": mine, "late": late}))
    return QuestionPage(items=items, next_cursor=more)


async def question_out(session: ReadSession, actor: Actor, question_id: UUID, *, now: datetime) -> QuestionOut:
    """Raises NotFound."""
    page = await questions_of(session, actor, now=now, limit=1, question_id=question_id)
    if not page.items:
        raise NotFound("没有这个问题。")
    return page.items[0]


async def samples_of(session: ReadSession, actor: Actor, *, limit: int, cursor: str | None = None) -> SamplePage:
    """One's own, the newest first."""
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    facts = {"me": actor.user_id, "id": None, "before": before, "before_id": before_id, "limit": limit + 1}
    rows = (await session.execute(_SAMPLES, facts)).mappings().all()
    more = cursor_of(rows[limit - 1]["drawn_at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return SamplePage(items=[SampleOut.model_validate(dict(row)) for row in rows[:limit]], next_cursor=more)


async def sample_out(session: ReadSession, actor: Actor, sample_id: UUID) -> SampleOut:
    """Raises NotFound for whoever did not draw it."""
    facts = {"me": actor.user_id, "id": sample_id, "before": None, "before_id": None, "limit": 1}
    row = (await session.execute(_SAMPLES, facts)).mappings().one_or_none()
    if row is None:
        raise NotFound("没有这份抽样。")
    return SampleOut.model_validate(dict(row))


async def retention_rules(session: ReadSession, *, day: date) -> RetentionPage:
    """All rows, by kind, the newest first."""
    rows = (await session.execute(_RETENTION, {"day": day})).mappings()
    return RetentionPage(items=[RetentionOut.model_validate(dict(row)) for row in rows])
