"""What of an entry, and of an event, is sealed: its line as COPY writes it, columns, time zone and date style fixed.

A stranger's checker reads the same lines from an export; so a change here is a new FORMAT, never a new meaning.
"""

from hashlib import sha256
from typing import Final

FORMAT: Final = 3
COLUMNS: Final = (
    "id", "period_month", "kind", "cause_id", "component_id", "order_line_id", "order_id", "amount_fen",
    "quantity_milli", "grams", "occurred_on", "sale_on", "recorded_at", "xid", "grade", "person_id", "credit_kind",
    "buyer_kind", "unit_id", "unit_name", "unit_path", "union_id", "fund_source", "channel", "campaign_id",
    "county_code", "county_name", "province", "made_county_code", "designations", "pairing_unit_ids", "producer_id",
    "producer_name", "supplier_id", "supplier_name", "product_id", "category", "recognition_number", "rule_id",
    "counted", "not_counted_reason", "reverses_id", "attribution_id", "late_for", "evidence_sha256",
)  # fmt: skip
LINE: Final = ", ".join(f"e.{name}" for name in COLUMNS)
EVENT_COLUMNS: Final = ("id", "at", "actor_id", "action", "subject", "before", "after", "reason", "xid")
EVENT_LINE: Final = ", ".join(f"e.{name}" for name in EVENT_COLUMNS)
STYLE: Final = (
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL enable_seqscan = on",  # whole batches are read, not single rows
)
"""What a transaction says before it reads lines."""


def leaf(line: bytes) -> bytes:
    """32 bytes. line: as COPY wrote it, without its newline."""
    return sha256(line).digest()
