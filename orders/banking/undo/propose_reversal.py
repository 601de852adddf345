"""Which receipt a negative row of the bank takes back: where only one can be meant, it waits for a second person."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.desk import company_of
from orders.banking.statement.one_transfer import one_account, unsaid
from orders.banking.statement.read_row import names_reversal
from orders.order.transfer_code import codes_in
from shop.core.audit import Change, record_changes
from shop.core.database import ReadSession, WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.sheet.value import plain

TAKEN_BACK: Final = "银行冲回"
# Receipts of the same account of which at least as much stands, not later than the bank's own day. What came back to us
# was no receipt: the bank takes no payment back by it.
_CANDIDATES = text(f"""
SELECT n.id AS reversal_id, n.serial_number AS reversal_serial, n.remark AS reversal_remark, n.day AS reversal_day,
    n.payer_name AS reversal_payer, n.payer_account_digest AS reversal_account, t.id, t.serial_number, t.remark, t.day,
    t.payer_name, t.payer_account_digest, t.state, t.amount_fen - t.taken_back_fen AS left_fen,
    t.amount_fen - t.taken_back_fen = -n.amount_fen AS whole, ns.unit_id AS reversal_unit, ts.unit_id AS receipt_unit
FROM bank_transfer n JOIN bank_statement ns ON ns.id = n.statement_id
JOIN bank_transfer t ON t.amount_fen - t.taken_back_fen >= -n.amount_fen AND t.day <= n.day
JOIN bank_statement ts ON ts.id = t.statement_id
WHERE n.id = ANY(:reversals) AND n.amount_fen < 0 AND n.state = 'queued' AND t.state <> 'came_back'
    AND {one_account("t", "n")} AND (NOT {unsaid("t", "n")} OR ts.unit_id IS NOT DISTINCT FROM ns.unit_id)
    AND NOT EXISTS (SELECT FROM match_undoing u WHERE u.receipt_id = t.id AND u.state = 'proposed')
ORDER BY n.day, n.id, t.day DESC, t.id
""").bindparams(bindparam("reversals", type_=ARRAY(Uuid)))  # noqa: S608  # our own constants
_PROPOSE = text("""
WITH meant AS (
    INSERT INTO match_undoing (id, receipt_id, reversal_id, state, reason, settled_day, proposed_by, proposed_at)
    SELECT r.id, r.receipt_id, r.reversal_id, 'proposed', :reason, r.day, :actor, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, receipt_id uuid, reversal_id uuid, day date)
    RETURNING reversal_id
)
UPDATE bank_transfer t SET state = 'proposed' FROM meant m WHERE t.id = m.reversal_id
""")


async def candidates_of(
    session: ReadSession, reversal_ids: Collection[UUID], *, every: bool = False
) -> dict[UUID, list[Row[Any]]]:
    """For each open negative row the receipts that it may take back whole, those it names best alone; `every`: all of
    its account, also those of which it takes back a part, the likeliest first.
    """
    if not reversal_ids:
        return {}
    rows = await _of_one_company(session, (await session.execute(_CANDIDATES, {"reversals": list(reversal_ids)})).all())
    found: dict[UUID, list[Row[Any]]] = {}
    for reversal_id in dict.fromkeys(row.reversal_id for row in rows):
        of_account = [row for row in rows if row.reversal_id == reversal_id]
        if every:
            found[reversal_id] = sorted(of_account, key=_likeliest)
            continue
        meant = [row for row in of_account if row.whole and _same_payer(row)]
        best = max(map(_named, meant), default=0)
        found[reversal_id] = [row for row in meant if _named(row) == best]
    return found


async def propose_reversals(
    session: WriteSession, reversal_ids: Collection[UUID], *, actor_id: UUID, now: datetime
) -> None:
    """Say for each negative row which receipt it takes back, where only one can be meant; the rest waits as it is, and
    so does what went out with a code of ours and no word of a reversal: it may be a refund that nobody has recorded.

    Another person than the importer confirms. Two rows never take the same receipt back.
    """
    if not reversal_ids:
        return
    taken: set[UUID] = set()
    rows = []
    for reversal_id, meant in (await candidates_of(session, reversal_ids)).items():
        if len(meant) == 1 and meant[0].id not in taken and _says_so(meant[0].reversal_remark):
            taken.add(meant[0].id)
            day = str(meant[0].reversal_day)
            rows.append({"id": new_id(), "receipt_id": meant[0].id, "reversal_id": reversal_id, "day": day})
    if not rows:
        return
    await session.execute(_PROPOSE, {"rows": as_rows(rows), "reason": TAKEN_BACK, "actor": actor_id, "now": now})
    changes = [
        Change(
            "bank.propose_undo",
            f"bank_transfer:{row['receipt_id']}",
            None,
            {"undoing_id": str(row["id"]), "reversal_id": str(row["reversal_id"])},
            TAKEN_BACK,
        )
        for row in rows
    ]
    await record_changes(session, changes, actor_id=actor_id, now=now)


def _says_so(remark: str) -> bool:
    return names_reversal(remark) or not codes_in(remark)


async def _of_one_company(session: ReadSession, rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Without receipts of another company's desks, and of the shop's where a unit's desk brought the row."""
    companies = {
        (unit_id, day): await company_of(session, unit_id, day)
        for unit_id, day in {(row.reversal_unit, row.reversal_day) for row in rows}
    }

    def within(row: Row[Any]) -> bool:
        company = companies[row.reversal_unit, row.reversal_day]
        return company is None or row.receipt_unit in company

    return [row for row in rows if within(row)]


def _same_payer(row: Row[Any]) -> bool:
    """By account where both have one, else by name; the bank may leave both out of a correction."""
    if row.reversal_account and row.payer_account_digest:
        return bool(row.reversal_account == row.payer_account_digest)
    return not row.reversal_payer or plain(row.reversal_payer) == plain(row.payer_name)


def _likeliest(row: Row[Any]) -> tuple[object, ...]:
    """Named by number, by code; of the same payer; whole; of the nearest day."""
    return -_named(row), not _same_payer(row), not row.whole, row.reversal_day - row.day


def _named(row: Row[Any]) -> int:
    """How surely the negative row names this receipt: by its number, by a transfer code, not at all."""
    if row.serial_number == row.reversal_serial or plain(row.serial_number) in plain(row.reversal_remark):
        return 2
    return 1 if set(codes_in(row.reversal_remark)) & set(codes_in(row.remark)) else 0
