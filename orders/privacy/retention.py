"""Personal columns are kept for as long as a dated rule says, then erased; the ledger stays."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.acceptance.erase import erase_drivers
from orders.banking.erase import erase_transfers
from orders.bulk.erase import erase_members, erase_recipients, erase_site_contacts
from orders.canteen.erase import erase_canteen_contacts
from orders.invoice.erase import erase_titles
from orders.order.erase import erase_deliveries, erase_payers
from orders.roll.erase import erase_rows
from shop.access.erase import erase_people, erase_sessions
from shop.access.who import is_office
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.erase import Ended
from shop.core.errors import Detail, Invalid
from shop.core.ids import new_id
from shop.core.window import not_ended
from shop.messages.erase import erase_messages
from shop.organisation.erase import erase_addresses, erase_numbers

AT_ONCE: Final = 2_000
_ADD = text("""
INSERT INTO retention_rule (id, kind, years, days, source, document_sha256, valid_from, added_by, added_at)
VALUES (:id, :kind, :years, :days, :source, :document, :valid_from, :actor, :now)
ON CONFLICT (kind, valid_from) DO NOTHING RETURNING id
""")
_IN_FORCE = text("""
SELECT DISTINCT ON (kind) kind, years, days, source FROM retention_rule WHERE valid_from <= :day
ORDER BY kind, valid_from DESC
""")
# Who belongs nowhere, has bought nothing and holds no role since.
_GONE: Final = f"""
SELECT p.id FROM person p LEFT JOIN user_account u ON u.person_id = p.id
WHERE p.erased_at IS NULL AND p.created_at < :before
    AND NOT EXISTS (SELECT FROM membership m WHERE m.person_id = p.id
        AND {not_ended("m", "CAST(:before AS timestamptz)::date")})
    AND NOT EXISTS (SELECT FROM union_membership m WHERE m.person_id = p.id
        AND {not_ended("m", "CAST(:before AS timestamptz)::date")})
    AND NOT EXISTS (SELECT FROM shop_order o WHERE o.person_id = p.id AND o.placed_at >= :before)
    AND NOT EXISTS (SELECT FROM sign_in_session s WHERE s.user_id = u.id AND s.created_at >= :before)
    AND NOT EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id AND {is_office("g")}
        AND {not_ended("g", "CAST(:before AS timestamptz)::date")})
LIMIT :most
"""  # noqa: S608


async def _erase_people(session: WriteSession, ended: Ended) -> int:
    return await erase_people(session, ended, gone=_GONE)


ERASE: Final[Mapping[str, Callable[[WriteSession, Ended], Awaitable[int]]]] = {
    "delivery": erase_deliveries,
    "bulk_recipient": erase_recipients,
    "bulk_member": erase_members,
    "bulk_site": erase_site_contacts,
    "roll_row": erase_rows,
    "address": erase_addresses,
    "account": _erase_people,
    "bank_transfer": erase_transfers,
    "payer_share": erase_payers,
    "invoice": erase_titles,
    "canteen_contact": erase_canteen_contacts,
    "driver": erase_drivers,
    "roster": erase_numbers,
    "message": erase_messages,
    "sign_in": erase_sessions,
}
"""Kind of rule → the owner's verb; it returns how many rows it erased."""


async def add_rule(
    session: WriteSession,
    *,
    actor_id: UUID,
    kind: str,
    years: int | None = None,
    days: int | None = None,
    source: str,
    document_sha256: str | None,
    valid_from: date,
    now: datetime,
) -> None:
    """From a day on; a day has one rule of a kind. For years or for days, not both. Raises Invalid."""
    if (years is None) == (days is None):
        raise Invalid("请填写保存几年或几天。", [Detail("/years", "one_of_two", "年数和天数填一个")])
    facts = {"id": new_id(), "kind": kind, "years": years, "days": days, "source": source, "document": document_sha256}
    if await session.scalar(_ADD, facts | {"valid_from": valid_from, "actor": actor_id, "now": now}) is None:
        raise Invalid("请换一个开始日期。", [Detail("/valid_from", "taken", "这一天已有同类规则")])
    await record_change(
        session,
        actor_id=actor_id,
        action="retention.rule_added",
        subject=f"retention_rule:{facts['id']}",
        after={
            "kind": kind,
            "years": years,
            "days": days,
            "valid_from": str(valid_from),
            "document_sha256": document_sha256,
        },
        reason=source,
        now=now,
    )


async def rules_in_force(session: ReadSession, day: date) -> dict[str, Row[Any]]:
    """Kind → the rule of that day: `years` or `days`, and `source`."""
    return {row.kind: row for row in await session.execute(_IN_FORCE, {"day": day})}


async def erase_due(database: Database, *, now: datetime) -> dict[str, int]:
    """Hourly: rows erased by kind. What was erased is noted with its rule; a run that finds nothing notes nothing."""
    today = clock.business_day(now)
    async with database.reading() as session:
        rules = await rules_in_force(session, today)
    erased: dict[str, int] = {}
    for rule in rules.values():
        ended = ends_after(today, rule, times=-1)
        before = datetime(ended.year, ended.month, ended.day, tzinfo=clock.SHANGHAI)
        while count := await _erase_some(database, rule.kind, before, rule.source, now):
            erased[rule.kind] = erased.get(rule.kind, 0) + count
    return erased


async def _erase_some(database: Database, kind: str, before: datetime, source: str, now: datetime) -> int:
    async with database.transaction() as session:
        count = await ERASE[kind](session, Ended(before, now, AT_ONCE))
        if count:
            await record_change(
                session,
                actor_id=None,
                action="retention.erased",
                subject=f"retention:{kind}",
                after={"rows": count, "older_than": str(clock.business_day(before))},
                reason=source,
                now=now,
            )
    return count


def ends_after(day: date, rule: Row[Any], *, times: int = 1) -> date:
    """The day on which what ended on `day` has been kept as long as the rule says; times=-1: the other way round."""
    return years_after(day, times * rule.years) if rule.years else day + times * timedelta(days=rule.days)


def years_after(day: date, years: int) -> date:
    """The same day years later, or before; 29 February counts as the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)
