"""Personal columns are kept for as long as a dated rule says, then erased; the ledger stays."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Invalid
from shop.core.ids import new_id

AT_ONCE: Final = 2_000
_ADD = text("""
INSERT INTO retention_rule (id, kind, years, source, document_sha256, valid_from, added_by, added_at)
VALUES (:id, :kind, :years, :source, :document, :valid_from, :actor, :now)
ON CONFLICT (kind, valid_from) DO NOTHING RETURNING id
""")
_IN_FORCE = text("""
SELECT DISTINCT ON (kind) kind, years, source FROM retention_rule WHERE valid_from <= :day
ORDER BY kind, valid_from DESC
""")
# What ended before the day loses its names, phones and addresses: county and amounts stay.
_ERASE: Final = {
    "delivery": text("""
UPDATE delivery SET name = NULL, phone = NULL, street = NULL, postcode = NULL, erased_at = :now
WHERE id IN (SELECT d.id FROM delivery d JOIN shop_order o ON o.id = d.order_id
    WHERE d.erased_at IS NULL AND o.placed_at < :before LIMIT :most)
"""),
    "bulk_recipient": text("""
UPDATE bulk_recipient SET name = NULL, phone = NULL, street = NULL, erased_at = :now
WHERE id IN (SELECT r.id FROM bulk_recipient r JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
    "bulk_member": text("""
UPDATE bulk_member SET name = NULL, staff_number = NULL, link_sha256 = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT m.purchase_id, m.person_id FROM bulk_member m
    JOIN bulk_purchase p ON p.id = m.purchase_id
    WHERE m.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
    "bulk_site": text("""
UPDATE bulk_site SET contact_name = NULL, contact_phone = NULL
WHERE id IN (SELECT s.id FROM bulk_site s JOIN bulk_purchase p ON p.id = s.purchase_id
    WHERE (s.contact_name IS NOT NULL OR s.contact_phone IS NOT NULL) AND p.changed_at < :before LIMIT :most)
"""),
    "roll_row": text("""
UPDATE roll_row SET proxy_name = NULL, note = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT r.purchase_id, r.person_id FROM roll_row r
    JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
"""),
}


async def add_rule(
    session: WriteSession,
    *,
    actor_id: UUID,
    kind: str,
    years: int,
    source: str,
    document_sha256: str | None,
    valid_from: date,
    now: datetime,
) -> None:
    """From a day on; a day has one rule of a kind. Raises Invalid."""
    facts = {"id": new_id(), "kind": kind, "years": years, "source": source, "document": document_sha256}
    if await session.scalar(_ADD, facts | {"valid_from": valid_from, "actor": actor_id, "now": now}) is None:
        raise Invalid("请换一个开始日期。", [Detail("/valid_from", "taken", "这一天已有同类规则")])
    await record_change(
        session,
        actor_id=actor_id,
        action="retention.rule_added",
        subject=f"retention_rule:{facts['id']}",
        before=None,
        after={"kind": kind, "years": years, "valid_from": str(valid_from), "document_sha256": document_sha256},
        reason=source,
        now=now,
    )


async def erase_due(database: Database, *, now: datetime) -> dict[str, int]:
    """Daily: rows erased by kind. What was erased is noted with its rule; a run that finds nothing notes nothing."""
    today = clock.business_day(now)
    async with database.reading() as session:
        rules = (await session.execute(_IN_FORCE, {"day": today})).all()
    erased: dict[str, int] = {}
    for rule in rules:
        ended = _years_before(today, rule.years)
        before = datetime(ended.year, ended.month, ended.day, tzinfo=clock.SHANGHAI)
        while count := await _erase_some(database, rule.kind, before, rule.source, now):
            erased[rule.kind] = erased.get(rule.kind, 0) + count
    return erased


async def _erase_some(database: Database, kind: str, before: datetime, source: str, now: datetime) -> int:
    async with database.transaction() as session:
        done = await session.execute(_ERASE[kind], {"before": before, "now": now, "most": AT_ONCE})
        count: int = done.rowcount  # type: ignore[attr-defined]  # an UPDATE has one
        if count:
            await record_change(
                session,
                actor_id=None,
                action="retention.erased",
                subject=f"retention:{kind}",
                before=None,
                after={"rows": count, "older_than": str(clock.business_day(before))},
                reason=source,
                now=now,
            )
    return count


def _years_before(day: date, years: int) -> date:
    """The same day years ago; 29 February counts as the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
