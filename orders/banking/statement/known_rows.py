"""Which rows of a file an earlier one had brought: by account, day and number, with amount and payer as a check."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text

from orders.banking.statement.one_transfer import DAYS_APART, alike, compared_columns, one_account, same_content, unsaid
from shop.core.database import ReadSession
from shop.core.rows import as_rows

ROWS: Final = """jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, row int, account_key text,
    account_last4 text, serial_number text, day date, amount_fen bigint, payer_name text, payer_account_digest text,
    payer_account_last4 text, remark text)"""
"""Rows that a statement brought, as a table `r`."""
# Where one of two files does not say the whole account, they are of one account if the same desk brought both and what
# they do say of it agrees. What another desk of the company, or the shop's, brought to the fen and from the same payer
# may be the same receipt: a person says so.
_SAME: Final = same_content("t", "r")
_UNSAID: Final = unsaid("t", "r")
_ONE_DESK: Final = "s.unit_id IS NOT DISTINCT FROM CAST(:unit AS uuid)"
# Rows of another company's desk are never trusted to be the same: somebody else's file would swallow this one's money.
_OURS: Final = "(s.unit_id IS NULL OR s.unit_id = ANY(CAST(:company AS uuid[])))"
MAY_BE_OURS: Final = f"({_OURS} OR CAST(:unit AS uuid) IS NULL)"
"""SQL of an earlier statement `s`: of this desk's company, or one of the two is the shop's own."""
_SAME_NAME: Final = f"""t.serial_number = r.serial_number AND t.day = r.day
    AND (t.amount_fen > 0) = (r.amount_fen > 0) AND {one_account("t", "r")}
    AND (NOT {_UNSAID} OR {_ONE_DESK} OR ({_SAME} AND {MAY_BE_OURS}))"""
_KNOWN = text(f"""
SELECT r.id, t.id AS transfer_id, {_SAME} AND {_OURS} AND ({_ONE_DESK} OR NOT {_UNSAID}) AS same
FROM {ROWS} JOIN bank_transfer t ON t.serial_number = r.serial_number AND t.day = r.day
JOIN bank_statement s ON s.id = t.statement_id
WHERE {_SAME_NAME} ORDER BY r.id, {_OURS} DESC, t.conflicts_with_id NULLS FIRST, t.imported_at, t.id
""")  # noqa: S608  # composed of our own constants
_ALIKE = text(f"""
WITH requested AS MATERIALIZED (SELECT {compared_columns("r")} FROM {ROWS}),
earlier AS MATERIALIZED (
    SELECT {compared_columns("t")}
    FROM (
        SELECT t.id FROM (SELECT DISTINCT w.amount_fen, w.day + n AS day FROM requested w, generate_series(-1, 1) n) w
        JOIN bank_transfer t ON t.amount_fen = w.amount_fen AND t.day = w.day
        UNION SELECT t.id FROM requested w JOIN bank_transfer t ON t.serial_number = w.serial_number
            AND t.day BETWEEN w.day - {DAYS_APART} AND w.day + {DAYS_APART}
        UNION SELECT t.id FROM requested w CROSS JOIN generate_series(-{DAYS_APART}, {DAYS_APART}) n
        JOIN bank_transfer t
            ON t.serial_number = to_char(w.day + n, 'YYYYMMDD') || w.beside_day AND t.day = w.day + n
    ) n JOIN bank_transfer t ON t.id = n.id JOIN bank_statement s ON s.id = t.statement_id
    WHERE {MAY_BE_OURS}
)
SELECT p.a_id, p.b_id FROM ({alike("requested", "earlier")}) p ORDER BY p.a_id, p.b_id
""")  # noqa: S608  # as above


@dataclass(frozen=True, slots=True)
class SortedRows:
    """fresh: what no earlier file had brought, with those that contradict: id → the row that came first. known: the
    others, id → what had come. learnt: accounts of known ones that only this file says.
    """

    fresh: list[dict[str, Any]]
    conflicts: Mapping[UUID, UUID]
    known: Mapping[UUID, UUID]
    learnt: list[dict[str, Any]]


async def sort_rows(
    session: ReadSession, rows: Sequence[dict[str, Any]], *, unit_id: UUID | None, company: Collection[UUID] | None
) -> SortedRows:
    """A row is known once: each of an earlier file's stands for one of this. Under a known name with another amount or
    payer, again after the bank took it back, or by another company's desk, it is a conflict for a person; and so it is
    under another name where it may be one that no other row of this file is (`one_transfer.alike`).
    """
    named = await _named(session, rows, unit_id=unit_id, company=company)
    used: set[UUID] = set()
    first: dict[tuple[object, ...], UUID] = {}
    conflicts: dict[UUID, UUID] = {}
    known: dict[UUID, UUID] = {}
    fresh, learnt = [], []
    for row in rows:
        name = (row["account_key"], row["day"], row["serial_number"], min(row["amount_fen"], 0))
        earlier = named.get(row["id"], [])
        same = next((one for one in earlier if one.same and one.transfer_id not in used), None)
        if same is not None:
            used.add(same.transfer_id)
            known[row["id"]] = same.transfer_id
            if not row["account_key"].startswith("desk:"):
                learnt.append({key: row[key] for key in ("account_key", "account_last4")} | {"id": same.transfer_id})
            continue
        fresh.append(row)
        if earlier:
            conflicts[row["id"]] = earlier[0].transfer_id
        elif first.setdefault(name, row["id"]) != row["id"]:
            conflicts[row["id"]] = first[name]
    named_otherwise = [row for row in fresh if row["id"] not in conflicts]
    for row_id, earlier_ids in (await _alike(session, named_otherwise, unit_id=unit_id, company=company)).items():
        if left := [one for one in earlier_ids if one not in used]:
            conflicts[row_id] = left[0]
    return SortedRows(fresh, conflicts, known, learnt)


async def known_receipts(
    session: ReadSession, rows: Iterable[dict[str, Any]], *, unit_id: UUID | None, company: Collection[UUID] | None
) -> dict[UUID, UUID]:
    """Of the rows that an earlier file had brought with the same amount and payer, or, as far as anybody can say, under
    another number: id → what was kept then.
    """
    asked = list(rows)
    named = await _named(session, asked, unit_id=unit_id, company=company)
    kept = {id_: one.transfer_id for id_, earlier in named.items() for one in earlier[::-1] if one.same}
    others = [row for row in asked if row["id"] not in kept]
    otherwise = await _alike(session, others, unit_id=unit_id, company=company)
    for id_, earlier_ids in otherwise.items():
        if left := [one for one in earlier_ids if one not in kept.values()]:
            kept[id_] = left[0]
    return kept


async def _named(
    session: ReadSession, rows: Iterable[dict[str, Any]], *, unit_id: UUID | None, company: Collection[UUID] | None
) -> dict[UUID, list[Row[Any]]]:
    """For each row those kept under its name, of this company and first ones first."""
    found: dict[UUID, list[Row[Any]]] = {}
    facts = {"rows": as_rows(rows), "unit": unit_id, "company": list(company or ())}
    for row in await session.execute(_KNOWN, facts):
        found.setdefault(row.id, []).append(row)
    return found


async def _alike(
    session: ReadSession, rows: Sequence[dict[str, Any]], *, unit_id: UUID | None, company: Collection[UUID] | None
) -> dict[UUID, list[UUID]]:
    """For each row the earlier ones that may be the same transfer under another number."""
    found: dict[UUID, list[UUID]] = {}
    if rows:
        facts = {"rows": as_rows(rows), "unit": unit_id, "company": list(company or ())}
        for row in await session.execute(_ALIKE, facts):
            found.setdefault(row.a_id, []).append(row.b_id)
    return found
