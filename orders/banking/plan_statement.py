"""What a statement would do if it were confirmed now: which rows are new, and what they would pay. Writes nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.desk import company_of
from orders.banking.find_shares import Found, Incoming, find_shares
from orders.banking.statement.known_rows import ROWS, SortedRows, known_receipts, sort_rows
from shop.core.database import ReadSession
from shop.core.rows import as_rows
from shop.sheet.table import SetAside
from shop.sheet.words import ASIDE


@dataclass(frozen=True, slots=True)
class StatementPlan:
    """rows: to keep, by their number in the file; set_aside: the others. found: what new receipts are for, or why a
    person must look.
    """

    rows: list[dict[str, Any]]
    set_aside: list[SetAside]
    sorted: SortedRows
    found: dict[UUID, Found]


_ROWS = text("""
SELECT id, row, refunded, account_key, account_last4, serial_number, day, amount_fen, payer_name, payer_account_digest,
    payer_account_last4, remark
FROM bank_statement_row WHERE statement_id = :statement ORDER BY row
""")
# What the shop itself had sent back and recorded: no row for a person. By the company's own orders only.
_OURS = text(f"""
SELECT r.id FROM {ROWS} WHERE r.amount_fen < 0 AND (EXISTS (
    SELECT FROM refund f JOIN shop_order o ON o.id = f.order_id WHERE f.provider_refund_id = 'bank:' || r.serial_number
        AND f.amount_fen - f.allowance_fen = -r.amount_fen AND (CAST(:all AS bool) OR o.unit_id = ANY(:units)))
    OR EXISTS (SELECT FROM paid_back b JOIN payer_share s ON s.id = b.payer_share_id
        JOIN shop_order o ON o.id = s.order_id WHERE b.bank_reference = r.serial_number
        AND b.amount_fen = -r.amount_fen AND (CAST(:all AS bool) OR coalesce(s.unit_id, o.unit_id) = ANY(:units))))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # composed of our own constants
# Receipts of which the shop itself, as it recorded, gave everything back: what a bank says of that is no news.
_RETURNED = text("""
SELECT t.id FROM bank_transfer t JOIN transfer_match m ON m.transfer_id = t.id
JOIN payer_share s ON s.id = m.payer_share_id, LATERAL (
    SELECT coalesce((SELECT sum(f.amount_fen - f.allowance_fen) FROM refund f WHERE f.order_id = s.order_id
        AND f.state = 'succeeded' AND f.provider_refund_id LIKE 'bank:%'), 0)
    + coalesce((SELECT sum(b.amount_fen) FROM paid_back b WHERE b.payer_share_id = s.id), 0) AS fen) back
WHERE t.id = ANY(:receipts) GROUP BY t.id, t.amount_fen HAVING sum(back.fen) >= t.amount_fen
""").bindparams(bindparam("receipts", type_=ARRAY(Uuid)))


async def plan_statement(session: ReadSession, statement: Row[Any], *, day: date) -> StatementPlan:
    """statement: `id`, `unit_id` and `set_aside` (JSON) of one that waits. day: of today, for whose company it is."""
    company = await company_of(session, statement.unit_id, day)
    rows, aside = await _taken(session, statement, company)
    found = await sort_rows(session, rows, unit_id=statement.unit_id, company=company)
    incoming = [
        Incoming(row["id"], row["amount_fen"], row["payer_name"], row["payer_account_digest"], row["remark"])
        for row in found.fresh
        if row["id"] not in found.conflicts and row["amount_fen"] > 0
    ]
    return StatementPlan(rows, aside, found, await find_shares(session, incoming, company=company))


async def _taken(
    session: ReadSession, statement: Row[Any], company: Collection[UUID] | None
) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """The rows to keep, and those set aside: also what the shop itself sent back, as it had recorded. A receipt that an
    earlier file had brought and that this one says was refunded is money taken back.
    """
    brought = [dict(row) for row in (await session.execute(_ROWS, {"statement": statement.id})).mappings()]
    rows = [row for row in brought if not row["refunded"]]
    named = {"rows": as_rows(rows), "all": company is None, "units": list(company or ())}
    ours = set((await session.scalars(_OURS, named)).all())
    aside = [SetAside(row["row"], "our_refund", ASIDE["our_refund"]) for row in rows if row["id"] in ours]
    refunded = [row for row in brought if row["refunded"]]
    known = await known_receipts(session, refunded, unit_id=statement.unit_id, company=company)
    returned = set((await session.scalars(_RETURNED, {"receipts": list(known.values())})).all())
    aside += [
        SetAside(row["row"], "our_refund", ASIDE["our_refund"]) for row in refunded if known.get(row["id"]) in returned
    ]
    went_back = [
        row | {"amount_fen": -row["amount_fen"]}
        for row in refunded
        if row["id"] in known and known[row["id"]] not in returned
    ]
    numbers = {row["row"] for row in refunded if row["id"] in known}
    read_aside = msgspec.json.decode(statement.set_aside, type=list[SetAside])
    aside += [one for one in read_aside if one.row not in numbers]
    aside.sort(key=lambda one: one.row)
    return sorted([*(row for row in rows if row["id"] not in ours), *went_back], key=lambda row: row["row"]), aside
