"""What a statement would do if it were confirmed now: which rows are new, and what they would pay. Writes nothing."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.desk import company_of
from orders.banking.find_shares import Found, Incoming, find_shares
from orders.banking.statement.known_rows import MAY_BE_OURS, ROWS, SortedRows, known_receipts, sort_rows
from orders.banking.statement.one_transfer import UNNAMED, one_account, plain_payer
from orders.banking.statement.read_row import part_refunded_fen
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

# A refund made at the bank, or in the payment company's app, of a receipt that pays a share: of the same amount, and to
# its payer where the row names one.
_SENT_BACK = text(f"""
SELECT DISTINCT r.id, t.id AS transfer_id FROM {ROWS}
JOIN bank_transfer t ON t.amount_fen = -r.amount_fen AND t.day <= r.day AND t.state = 'matched' AND t.taken_back_fen = 0
JOIN bank_statement s ON s.id = t.statement_id
WHERE {one_account("t", "r")} AND {MAY_BE_OURS} AND (r.payer_name = ''
    OR {plain_payer("t")} = {plain_payer("r")} OR t.payer_account_digest = r.payer_account_digest)
ORDER BY r.id, t.id
""")  # noqa: S608  # our own constants


async def plan_statement(session: ReadSession, statement: Row[Any], *, day: date) -> StatementPlan:
    """statement: `id`, `unit_id` and `set_aside` (JSON) of one that waits. day: of today, for whose company it is."""
    company = await company_of(session, statement.unit_id, day)
    rows, aside = await _taken(session, statement, company)
    found = await sort_rows(session, rows, unit_id=statement.unit_id, company=company)
    fresh = [row for row in found.fresh if row["id"] not in found.conflicts and row["amount_fen"] > 0]
    incoming = [
        Incoming(row["id"], row["amount_fen"], row["payer_name"], row["payer_account_digest"], row["remark"])
        for row in fresh
        if not _for_a_person(row)
    ]
    shares = await find_shares(session, incoming, company=company)
    waiting = {row["id"]: Found((), why=why) for row in fresh if (why := _for_a_person(row))}
    return StatementPlan(rows, aside, found, shares | waiting)


def _for_a_person(row: dict[str, Any]) -> str | None:
    """Why a receipt finds no share by itself, whatever its remark says: nobody is named, or a part went back."""
    if row["payer_name"] == UNNAMED:
        return "new_payer"
    return "amount_differs" if part_refunded_fen(row["remark"]) else None


async def _taken(
    session: ReadSession, statement: Row[Any], company: Collection[UUID] | None
) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """The rows to keep, and those set aside: also what the shop itself sent back, as it had recorded. A receipt that an
    earlier file had brought, and of which this one says that it was closed or refunded, is money taken back; so is the
    part of it that went back, and what went out as a refund like it.
    """
    brought = [dict(row) for row in (await session.execute(_ROWS, {"statement": statement.id})).mappings()]
    went_out = [row for row in brought if row["refunded"] and row["amount_fen"] < 0]
    like_ours = await _sent_back(session, statement, company, went_out)
    went_out = [row for row in went_out if row["id"] in like_ours]
    rows = [row for row in brought if not row["refunded"]]
    named = {"rows": as_rows([*rows, *went_out]), "all": company is None, "units": list(company or ())}
    ours = set((await session.scalars(_OURS, named)).all())
    aside = [SetAside(row["row"], "our_refund", ASIDE["our_refund"]) for row in [*rows, *went_out] if row["id"] in ours]
    told = [
        row | {"amount_fen": -(part_refunded_fen(row["remark"]) or row["amount_fen"])}
        for row in brought
        if row["amount_fen"] > 0 and (row["refunded"] or part_refunded_fen(row["remark"]))
    ]
    asked = {row["id"] for row in told}
    receipts = [row for row in brought if row["id"] in asked]
    known = await known_receipts(session, receipts, unit_id=statement.unit_id, company=company)
    returned = await _returned(session, known.values())
    told = [row for row in told if row["id"] in known]
    went_back = [row for row in told if known[row["id"]] not in returned]
    aside += [SetAside(row["row"], "our_refund", ASIDE["our_refund"]) for row in told if known[row["id"]] in returned]
    decided = ours | {row["id"] for row in told}
    kept = [row for row in [*rows, *went_out] if row["id"] not in decided] + went_back
    numbers = {row["row"] for row in kept} | {one.row for one in aside}
    aside += [one for one in msgspec.json.decode(statement.set_aside, type=list[SetAside]) if one.row not in numbers]
    aside.sort(key=lambda one: one.row)
    return sorted(kept, key=lambda row: row["row"]), aside


async def _sent_back(
    session: ReadSession, statement: Row[Any], company: Collection[UUID] | None, went_out: Sequence[dict[str, Any]]
) -> set[UUID]:
    """Of what went out and reads like a refund: what a receipt that stands may have been sent back by."""
    if not went_out:
        return set()
    facts = {"rows": as_rows(went_out), "unit": statement.unit_id, "company": list(company or ())}
    pairs = (await session.execute(_SENT_BACK, facts)).all()
    returned = await _returned(session, {pair.transfer_id for pair in pairs})
    return {pair.id for pair in pairs if pair.transfer_id not in returned}


async def _returned(session: ReadSession, receipts: Iterable[UUID]) -> set[UUID]:
    return set((await session.scalars(_RETURNED, {"receipts": list(receipts)})).all())
