"""Lines under a mandate, with pseudonyms; one person's lines on a reason that is kept."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.audit.schemas import AuditLineOut, BasketOut, LinePage
from orders.audit.visibility import mandate_for
from orders.credit.pseudonym import Mandate
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound
from shop.core.keys import Keys
from shop.core.paging import cursor_of, read_cursor

BASKET_MOST = 1_000
_WITHIN = """
e.period_month BETWEEN :first AND :last AND e.occurred_on >= :since AND e.occurred_on < :until
    AND e.unit_path && CAST(:units AS uuid[])
"""
_LINES = text(f"""
SELECT e.* FROM credit_entry e WHERE {_WITHIN}
    AND (CAST(:before AS date) IS NULL OR (e.occurred_on, e.id) < (:before, CAST(:before_id AS uuid)))
ORDER BY e.occurred_on DESC, e.id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # only our own words are put in
_PERSONS = text(f"""
SELECT DISTINCT e.person_id FROM credit_entry e WHERE {_WITHIN} AND e.person_id IS NOT NULL
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own words
_BASKET = text(f"""
SELECT e.* FROM credit_entry e WHERE {_WITHIN} AND e.person_id = :person
ORDER BY e.occurred_on DESC, e.id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own words


async def lines_of(
    session: ReadSession,
    actor: Actor,
    *,
    keys: Keys,
    since: date | None,
    until: date | None,
    limit: int,
    cursor: str | None,
    now: datetime,
) -> LinePage:
    """The newest day first, of what the mandate covers. Raises NoMandate."""
    mandate = await mandate_for(session, actor, now=now)
    before, before_id = read_cursor(cursor, date, UUID) if cursor else (None, None)
    facts = within(mandate, since, until) | {"before": before, "before_id": before_id, "limit": limit + 1}
    rows = (await session.execute(_LINES, facts)).mappings().all()
    more = cursor_of(rows[limit - 1]["occurred_on"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return LinePage(items=[_line(dict(row), mandate, keys) for row in rows[:limit]], next_cursor=more)


async def open_basket(
    session: WriteSession, *, actor: Actor, keys: Keys, pseudonym: str, reason: str, now: datetime
) -> BasketOut:
    """What one person bought within the mandate. Who looked, and why, is kept. Raises NoMandate, NotFound."""
    mandate = await mandate_for(session, actor, now=now)
    facts = within(mandate, None, None)
    people = await session.scalars(_PERSONS, facts)
    person = next((one for one in people if mandate.pseudonym(keys, one) == pseudonym), None)
    if person is None:
        raise NotFound("委托范围内没有这个化名。")
    rows = (await session.execute(_BASKET, facts | {"person": person, "limit": BASKET_MOST})).mappings().all()
    await record_change(
        session,
        actor_id=actor.user_id,
        action="audit.basket_opened",
        subject=f"audit_mandate:{mandate.id}",
        after={"pseudonym": pseudonym, "rows": len(rows)},
        reason=reason,
        now=now,
    )
    return BasketOut(pseudonym=pseudonym, reason=reason, items=[_line(dict(row), mandate, keys) for row in rows])


def within(mandate: Mandate, since: date | None, until: date | None) -> dict[str, Any]:
    """Days asked for, as far as the mandate covers them, with their accounting months."""
    begin = max(since or mandate.covers_from, mandate.covers_from)
    end = min(until or mandate.covers_to, mandate.covers_to)
    return {
        "since": begin,
        "until": end,
        "first": begin.year * 100 + begin.month,
        "last": end.year * 100 + end.month,
        "units": list(mandate.unit_ids),
    }


def _line(row: Mapping[str, Any], mandate: Mandate, keys: Keys) -> AuditLineOut:
    pseudonym = mandate.pseudonym(keys, row["person_id"]) if row["person_id"] else None
    return AuditLineOut.model_validate(dict(row) | {"pseudonym": pseudonym})
