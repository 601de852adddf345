"""The record of changes, as far as a caller's units are concerned, the newest first."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.audit.schemas import AuditEventOut, EventPage
from orders.audit.visibility import units_of
from orders.credit.pseudonym import Mandate, mandate_of
from shop.access.permissions import Actor
from shop.access.who import is_office
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.keys import Keys
from shop.core.paging import cursor_of, read_cursor

# Which units a change is about, by the kind of its subject. Rules, prices and counties are everybody's, and so were
# months (`period:202611`) until each became a unit's own (`period:<unit>:202611`).
_UNITS_OF: Final = {
    ("unit",): "SELECT CAST(:id AS uuid)",
    ("union", "labour_union"): "SELECT unit_id FROM union_unit WHERE union_id = CAST(:id AS uuid)",
    ("person",): "SELECT unit_id FROM membership WHERE person_id = CAST(:id AS uuid)",
    ("user_account",): """
        SELECT m.unit_id FROM membership m JOIN user_account u ON u.person_id = m.person_id
        WHERE u.id = CAST(:id AS uuid)
        UNION SELECT CAST(g.scope_id AS uuid) FROM role_grant g
        WHERE g.user_id = CAST(:id AS uuid) AND g.scope_kind = 'unit'""",
    ("bulk_purchase",): "SELECT unit_id FROM bulk_purchase WHERE id = CAST(:id AS uuid)",
    ("order",): "SELECT unit_id FROM attribution WHERE order_id = CAST(:id AS uuid)",
    ("order_line",): "SELECT unit_id FROM attribution WHERE order_line_id = CAST(:id AS uuid)",
    ("component",): "SELECT unit_id FROM attribution WHERE id = CAST(:id AS uuid)",
    ("refund",): """
        SELECT a.unit_id FROM refund_part p JOIN attribution a ON a.id = p.component_id
        WHERE p.refund_id = CAST(:id AS uuid)""",
    (
        "payment",
    ): "SELECT o.unit_id FROM payment p JOIN shop_order o ON o.id = p.order_id WHERE p.id = CAST(:id AS uuid)",
    (
        "dispute",
    ): "SELECT o.unit_id FROM dispute d JOIN shop_order o ON o.id = d.order_id WHERE d.id = CAST(:id AS uuid)",
    ("provider_refund",): """
        SELECT o.unit_id FROM provider_refund f JOIN shop_order o ON o.id = f.order_id
        WHERE f.provider_refund_id = :id""",
    ("cause",): "SELECT unit_id FROM credit_entry WHERE cause_id = CAST(:id AS uuid)",
    ("payer_share",): "SELECT unit_id FROM payer_share WHERE id = CAST(:id AS uuid)",
    ("canteen",): "SELECT unit_id FROM canteen WHERE id = CAST(:id AS uuid)",
    ("correction",): """
        SELECT a.unit_id FROM correction_part p JOIN attribution a ON a.id = p.corrects_id
        WHERE p.correction_id = CAST(:id AS uuid)""",
    ("evidence_link",): """
        SELECT a.unit_id FROM evidence_link l JOIN attribution a ON a.id = l.component_id
        WHERE l.id = CAST(:id AS uuid)""",
    ("allowance_grant",): """
        SELECT s.unit_id FROM allowance_grant g JOIN union_unit s ON s.union_id = g.union_id
        WHERE g.id = CAST(:id AS uuid)""",
    ("approval_delegation",): """
        SELECT s.unit_id FROM approval_delegation g JOIN union_unit s ON s.union_id = g.union_id
        WHERE g.id = CAST(:id AS uuid)""",
    ("invoice",): """
        SELECT r.unit_id FROM invoice i JOIN invoice_request r ON r.id = i.request_id
        WHERE i.id = CAST(:id AS uuid)""",
    ("bank_statement",): "SELECT unit_id FROM bank_statement WHERE id = CAST(:id AS uuid)",
    ("bank_transfer",): """
        SELECT s.unit_id FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
        WHERE t.id = CAST(:id AS uuid)
        UNION SELECT p.unit_id FROM transfer_match m JOIN payer_share p ON p.id = m.payer_share_id
        WHERE m.transfer_id = CAST(:id AS uuid)""",
    ("flag",): "SELECT unit_id FROM flag WHERE id = CAST(:id AS uuid)",
    ("intake_batch",): "SELECT unit_id FROM intake_row WHERE batch_id = CAST(:id AS uuid)",
    ("membership_claim",): """
        SELECT unnest(ARRAY[unit_id, from_unit_id]) FROM membership_claim WHERE id = CAST(:id AS uuid)""",
    ("filing",): "SELECT unit_id FROM filing WHERE id = CAST(:id AS uuid)",
    ("filing_round",): "SELECT unit_id FROM filing_round WHERE id = CAST(:id AS uuid)",
    ("period",): """
        WITH RECURSIVE below (unit_id) AS (
            SELECT CAST(left(:id, 36) AS uuid) WHERE length(:id) > 6
            UNION SELECT p.unit_id FROM below JOIN unit_parent p ON p.parent_id = below.unit_id)
        SELECT unit_id FROM below UNION ALL SELECT unnest(:units) WHERE length(:id) = 6""",
    ("audit_question",): "SELECT unit_id FROM audit_question WHERE id = CAST(:id AS uuid)",
    ("audit_mandate",): "SELECT unnest(unit_ids) FROM audit_mandate WHERE id = CAST(:id AS uuid)",
    # A role's scope, a mandate's units, where an account's person works; a rule is everybody's.
    ("change_request",): """
        SELECT CAST(facts ->> 'scope_id' AS uuid) FROM change_request
        WHERE id = CAST(:id AS uuid) AND facts ->> 'scope_kind' = 'unit'
        UNION ALL SELECT CAST(jsonb_array_elements_text(facts -> 'unit_ids') AS uuid) FROM change_request
        WHERE id = CAST(:id AS uuid)
        UNION ALL SELECT m.unit_id FROM change_request c JOIN user_account u ON u.id::text = c.facts ->> 'user_id'
        JOIN membership m ON m.person_id = u.person_id WHERE c.id = CAST(:id AS uuid)
        UNION ALL SELECT unnest(:units) FROM change_request
        WHERE id = CAST(:id AS uuid) AND NOT facts ?| ARRAY['scope_id', 'unit_ids', 'user_id']""",
    ("bank_layout",): "SELECT unit_id FROM bank_layout WHERE id = CAST(:id AS uuid)",
    ("intake_claim",): "SELECT unnest(ARRAY[unit_id, first_unit_id]) FROM intake_claim WHERE id = CAST(:id AS uuid)",
    ("rectification",): "SELECT unit_id FROM rectification WHERE id = CAST(:id AS uuid)",
}
EVERYBODYS: Final = (
    "county", "pairing", "supplier", "producer", "product", "sku", "counting_rule", "spending_rule",
    "channel", "sales_channel", "campaign", "retention", "retention_rule", "ledger", "flag_threshold", "tick_rule",
    "seal_key", "programme", "proxy",
)  # fmt: skip
PLATFORMS: Final = ("account", "message", "product_review")
"""Scope `all` alone: names without an account, what was sent to people, goods of suppliers that wait."""


def _visible() -> str:
    """SQL that holds where the subject is of the caller's units, or the actor worked or serves in one of them."""
    theirs = "".join(
        f"WHEN kind IN ({', '.join(repr(kind) for kind in kinds)}) THEN EXISTS (SELECT FROM "
        f"({found.replace(':id', 'key')}) AS their (unit_id) WHERE their.unit_id = ANY(:units))\n"
        for kinds, found in _UNITS_OF.items()
    )
    return f"CASE WHEN kind = ANY(:everybodys) THEN true\n{theirs} ELSE false END"


_EVENTS = text(f"""
SELECT e.*, p.name AS who, p.id AS who_id, EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id
    AND {is_office("g")}) AS in_office
FROM (SELECT e.*, split_part(subject, ':', 1) AS kind, substr(subject, strpos(subject, ':') + 1) AS key
    FROM audit_event e) e
LEFT JOIN user_account u ON u.id = e.actor_id LEFT JOIN person p ON p.id = u.person_id
WHERE (CAST(:action AS text) IS NULL OR e.action = :action OR starts_with(e.action, CAST(:action AS text) || '.'))
    AND (CAST(:subject AS text) IS NULL OR e.subject = :subject OR e.kind = :subject)
    AND (NOT :exports OR e.action LIKE '%exported')
    AND (CAST(:since AS timestamptz) IS NULL OR e.at >= :since)
    AND (CAST(:until AS timestamptz) IS NULL OR e.at < :until)
    AND (CAST(:before AS timestamptz) IS NULL OR (e.at, e.id) < (:before, CAST(:before_id AS uuid)))
    AND (:all OR e.actor_id = :me OR {_visible()})
ORDER BY e.at DESC, e.id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # only our own words are put in
_OF_PERSONS: Final = frozenset({"name", "phone", "email", "address", "street", "staff_number"})


async def events_of(
    session: ReadSession,
    actor: Actor,
    *,
    keys: Keys,
    now: datetime,
    limit: int,
    cursor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: date | None = None,
    until: date | None = None,
    exports: bool = False,
) -> EventPage:
    """action: one, or all that begin with it; subject: `kind:id` or a kind; business days [since, until).

    Officials are named, buyers are not: auditors see their pseudonyms.
    """
    units = await units_of(session, actor, now=now)
    mandate = await mandate_of(session, actor, clock.business_day(now))
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    facts = {
        "action": action,
        "subject": subject,
        "since": since and _begin(since),
        "until": until and _begin(until),
        "before": before,
        "before_id": before_id,
        "limit": limit + 1,
        "exports": exports,
        "all": units is None,
        "units": sorted(units or ()),
        "me": actor.user_id,
        "everybodys": list(EVERYBODYS),
    }
    rows = (await session.execute(_EVENTS, facts)).mappings().all()
    more = cursor_of(rows[limit - 1]["at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return EventPage(items=[_event(dict(row), mandate, keys) for row in rows[:limit]], next_cursor=more)


def _event(row: Mapping[str, Any], mandate: Mandate | None, keys: Keys) -> AuditEventOut:
    who = row["who"] if row["in_office"] else None
    if who is None and row["who_id"] is not None and mandate is not None:
        who = mandate.pseudonym(keys, row["who_id"])
    subject: str = row["subject"]
    if row["kind"] == "person":
        hidden = mandate.pseudonym(keys, UUID(row["key"])) if mandate else "—"
        subject = f"person:{hidden}"
    return AuditEventOut(
        id=row["id"],
        at=row["at"],
        actor_id=row["actor_id"] if row["in_office"] else None,
        who=who,
        action=row["action"],
        subject=subject,
        before=_without_persons(row["before"]),
        after=_without_persons(row["after"]),
        reason=row["reason"],
    )


def _without_persons(said: Any) -> Any:
    """What a change noted, without ids and names of people."""
    if isinstance(said, Mapping):
        return {
            name: _without_persons(value)
            for name, value in said.items()
            if name not in _OF_PERSONS and "person" not in name
        }
    if isinstance(said, Iterable) and not isinstance(said, str):
        return [_without_persons(one) for one in said]
    return said


def _begin(day: date) -> datetime:
    """Midnight in Shanghai."""
    return datetime(day.year, day.month, day.day, tzinfo=clock.SHANGHAI)
