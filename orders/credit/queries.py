"""Pages of rules, entries and proposed proofs."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select as choose
from sqlalchemy import text
from sqlmodel import SQLModel, col

from orders.credit.models import CountingRule
from orders.credit.pseudonym import mandate_of
from orders.credit.schemas import CreditRuleOut, CreditRulePage, EntryOut, EntryPage
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.keys import Keys
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

_ENTRY = SQLModel.metadata.tables["credit_entry"]
_RULE = text("SELECT * FROM counting_rule WHERE id = :id")


async def rules_of(session: ReadSession, *, limit: int, cursor: str | None, on: date | None) -> CreditRulePage:
    """The newest first; `on`: only those in force that business day."""
    requested = choose(CountingRule).order_by(col(CountingRule.valid_from).desc(), col(CountingRule.version))
    if on is not None:
        requested = requested.where(
            col(CountingRule.valid_from) <= on,
            col(CountingRule.valid_to).is_(None) | (col(CountingRule.valid_to) > on),
        )
    if cursor is not None:
        since, version = read_cursor(cursor, date, str)
        requested = requested.where(
            (col(CountingRule.valid_from) < since)
            | ((col(CountingRule.valid_from) == since) & (col(CountingRule.version) > version))
        )
    rows = (await session.scalars(requested.limit(limit + 1))).all()
    more = cursor_of(rows[limit - 1].valid_from, rows[limit - 1].version) if len(rows) > limit else None
    return CreditRulePage(items=[CreditRuleOut.model_validate(row) for row in rows[:limit]], next_cursor=more)


async def entries_of(
    session: ReadSession,
    actor: Actor,
    *,
    day: date,
    since: date,
    until: date,
    filters: dict[str, Any],
    limit: int,
    cursor: str | None,
    keys: Keys,
) -> EntryPage:
    """Entries of the caller's units with `since` <= occurred_on < `until`, the newest first.

    filters: columns that must have a value; None asks for nothing. secret: of the shop. An auditor sees persons under
    the pseudonyms of his mandate, nobody else sees anything of them.
    """
    e = _ENTRY.c
    requested = choose(_ENTRY).where(
        e.occurred_on >= since, e.occurred_on < until, e.period_month.between(_month(since), _month(until))
    )
    visible = await visible_unit_ids(session, actor, Permission.CREDIT_READ, day)
    if visible is not None:
        requested = requested.where(e.unit_id.in_(visible))
    requested = requested.where(*(e[name] == value for name, value in filters.items() if value is not None))
    if cursor is not None:
        at, entry_id = read_cursor(cursor, datetime, UUID)
        requested = requested.where((e.recorded_at < at) | ((e.recorded_at == at) & (e.id < entry_id)))
    rows = (await session.execute(requested.order_by(e.recorded_at.desc(), e.id.desc()).limit(limit + 1))).all()
    more = cursor_of(rows[limit - 1].recorded_at, rows[limit - 1].id) if len(rows) > limit else None
    mandate = await mandate_of(session, actor, day)
    items = [EntryOut.model_validate(row) for row in rows[:limit]]
    for item, row in zip(items, rows, strict=False):
        if mandate and row.person_id and mandate.covers(row.occurred_on, row.unit_path):
            item.pseudonym = mandate.pseudonym(keys, row.person_id)
    return EntryPage(items=items, next_cursor=more)


def _month(day: date) -> int:
    return day.year * 100 + day.month
