"""Every record of a purchase as a document: plan, decision, quotes, approvals, notice, order, acceptances, roll, money.

People appear by number, never by name, phone or address (DOMAIN rule 25): what bears names is a signed paper, and is
kept as the file it came as. Whatever is read here is ordered, so the same records are the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from shop.core.database import ReadSession


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON document of the archive."""

    path: str
    data: bytes


def _rows(table: str, where: str, order: str, without: str = "") -> str:
    """All rows of a table as JSON, in a fixed order, without some columns."""
    left_out = f" - ARRAY[{without}]" if without else ""
    return f"SELECT coalesce(jsonb_agg(to_jsonb(t){left_out} ORDER BY {order}), '[]') FROM {table} t WHERE {where}"  # noqa: S608  # our own words


_OF_ORDER = "t.order_id = (SELECT p.order_id FROM bulk_purchase p WHERE p.id = :purchase)"
_OF_SHARES = f"t.payer_share_id IN (SELECT t.id FROM payer_share t WHERE {_OF_ORDER})"  # noqa: S608  # our own words
_OF_LINES = f"t.line_id IN (SELECT t.id FROM order_line t WHERE {_OF_ORDER})"  # noqa: S608  # our own words
_MINE = "t.purchase_id = :purchase"
_SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "01-plan.json": {
        "plan": "SELECT to_jsonb(p) - ARRAY['state', 'changed_at', 'idempotency_key'] FROM bulk_purchase p"
        " WHERE p.id = :purchase",
        "packages": _rows("bulk_package", _MINE, "t.position"),
        "package_lines": _rows(
            "bulk_package_line", "t.package_id IN (SELECT k.id FROM bulk_package k WHERE k.purchase_id = :purchase)",
            "t.package_id, t.sku_id",
        ),
        "payers": _rows("bulk_payer", _MINE, "t.position"),
        "sites": _rows("bulk_site", _MINE, "t.name", "'contact_name', 'contact_phone', 'street'"),
        "members": _rows("bulk_member", _MINE, "t.position, t.person_id", "'name', 'staff_number', 'link_sha256'"),
        "recipients": _rows("bulk_recipient", _MINE, "t.row", "'name', 'phone', 'street'"),
    },
    "02-decision.json": {
        "decisions": _rows("spending_decision", _MINE, "t.decided_at, t.id"),
    },
    "03-quotes.json": {
        "quotes": _rows("bulk_quote", _MINE, "t.created_at, t.id"),
        "owners": _rows("bulk_quote_owner", _MINE, "t.owner"),
    },
    "04-approvals.json": {
        "approvals": _rows("bulk_approval", _MINE, "t.revision, t.step"),
        "changes": _rows("bulk_change", _MINE, "t.number"),
        "steps": _rows("bulk_event", f"{_MINE} AND t.state <> 'archived'", "t.at, t.id"),
    },
    "05-notice.json": {
        "notices": _rows("bulk_notice", _MINE, "t.revision"),
        "objections": _rows(
            "bulk_objection", "t.notice_id IN (SELECT n.id FROM bulk_notice n WHERE n.purchase_id = :purchase)",
            "t.raised_at, t.id",
        ),
    },
    "07-order.json": {
        "order": _rows(
            "shop_order", _OF_ORDER.replace("t.order_id", "t.id"), "t.id", "'idempotency_key', 'state', 'payment_state'"
        ),
        "lines": _rows("order_line", _OF_ORDER, "t.position"),
        "deliveries": _rows("delivery", _OF_ORDER, "t.position", "'name', 'phone', 'street', 'postcode', 'erased_at'"),
        "parcels": _rows("parcel", _OF_ORDER, "t.id"),
        "payers": _rows("payer_share", _OF_ORDER, "t.position"),
        "allocations": _rows("allocation", _OF_LINES, "t.line_id, t.delivery_id, t.payer_share_id"),
    },
    "08-acceptances.json": {
        "acceptances": _rows("acceptance", _OF_ORDER, "t.recorded_at, t.id", "'idempotency_key'"),
        "lines": _rows("acceptance_line", _OF_LINES, "t.acceptance_id, t.line_id, t.payer_share_id"),
        "reductions": _rows("reduction", _OF_ORDER, "t.recorded_at, t.id", "'idempotency_key'"),
    },
    "09-roll.json": {
        "rows": _rows("roll_row", _MINE, "t.page, t.line", "'proxy_name', 'note'"),
        "scans": _rows("roll_scan", _MINE, "t.page, t.evidence_sha256"),
        "left_over": _rows("roll_leftover", _MINE, "t.recorded_at, t.id"),
    },
    "10-invoices.json": {
        "requests": _rows("invoice_request", _OF_ORDER, "t.requested_at, t.id"),
        "invoices": _rows(
            "invoice",
            f"t.request_id IN (SELECT t.id FROM invoice_request t WHERE {_OF_ORDER})",  # noqa: S608  # our own words
            "t.issued_on, t.id",
        ),
    },
    "11-transfers.json": {
        "matches": _rows("transfer_match", _OF_SHARES, "t.payer_share_id, t.transfer_id, t.round"),
        "undone": _rows("transfer_unmatch", _OF_SHARES, "t.payer_share_id, t.transfer_id, t.round"),
        "transfers": _rows(
            "bank_transfer",
            f"t.id IN (SELECT t.transfer_id FROM transfer_match t WHERE {_OF_SHARES})",  # noqa: S608  # our own words
            "t.day, t.id", "'remark'",
        ),
        "paid_back": _rows("paid_back", _OF_SHARES, "t.recorded_at, t.id"),
    },
}  # fmt: skip
_STATEMENTS: Final[Mapping[str, TextClause]] = {
    path: text("SELECT " + ", ".join(f'({select}) AS "{name}"' for name, select in sections.items()))
    for path, sections in _SECTIONS.items()
}
_FILES: Final = text("""
SELECT sha, string_agg(DISTINCT what, '、' ORDER BY what) AS what FROM (
    SELECT directed_minutes_sha256 AS sha, 'directed_minutes' AS what FROM bulk_purchase WHERE id = :purchase
    UNION ALL SELECT evidence_sha256, 'quote' FROM bulk_quote WHERE purchase_id = :purchase
    UNION ALL SELECT minutes_sha256, 'minutes' FROM bulk_approval WHERE purchase_id = :purchase
    UNION ALL SELECT a.evidence_sha256, 'acceptance' FROM acceptance a JOIN bulk_purchase p ON p.order_id = a.order_id
        WHERE p.id = :purchase
    UNION ALL SELECT i.file_sha256, 'invoice' FROM invoice i JOIN invoice_request r ON r.id = i.request_id
        JOIN bulk_purchase p ON p.order_id = r.order_id WHERE p.id = :purchase
    UNION ALL SELECT evidence_sha256, 'roll' FROM roll_scan WHERE purchase_id = :purchase
    UNION ALL SELECT minutes_sha256, 'left_over' FROM roll_leftover WHERE purchase_id = :purchase
) found WHERE sha IS NOT NULL GROUP BY sha ORDER BY sha
""")


async def records_of(session: ReadSession, purchase_id: UUID) -> list[Record]:
    """Every JSON document but the contract. One snapshot must see them all."""
    found = []
    for path, statement in _STATEMENTS.items():
        row = (await session.execute(statement, {"purchase": purchase_id})).mappings().one()
        found.append(Record(path, written(dict(row))))
    return found


async def files_of(session: ReadSession, purchase_id: UUID) -> dict[str, str]:
    """Digests of the papers that were handed in for it, and what they are."""
    return {row.sha: row.what for row in await session.execute(_FILES, {"purchase": purchase_id})}


def written(content: Any) -> bytes:
    """JSON that people can read, always in the same order."""
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=2) + b"\n"
