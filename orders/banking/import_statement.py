"""Import a bank's statement: every row or none, each transfer once, and what is clear finds its shares at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.banking.desk import company_of
from orders.banking.find_shares import Found, Incoming, find_shares
from orders.banking.propose_reversal import propose_reversals
from orders.banking.settle_transfer import Applied, settle_transfers
from orders.banking.statement.known_rows import ROWS, SortedRows, known_receipts, sort_rows
from orders.banking.statement.map_layout import layouts_of
from orders.banking.statement.own_account import account_digest, own_account
from orders.banking.statement.read_statement import Came, StatementRead, read_statement
from orders.evidence.keep import keep, plain_name
from shop.access.permissions import Actor, Permission
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from shop.core.locks import Lock
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids
from shop.sheet.table import SetAside
from shop.sheet.words import ASIDE


@dataclass(frozen=True, slots=True)
class Imported:
    """repeated: these bytes were imported before. incoming: rows that brought money or took it back; with `set_aside`
    they are all rows of the file. known: rows that an earlier, overlapping file had brought. conflicts: rows under the
    name of a known one, with another amount or payer. taken_back: rows by which the bank took something back.
    """

    statement_id: UUID
    repeated: bool
    incoming: int
    fresh: int
    known: int
    matched: int
    queued: int
    conflicts: int = 0
    taken_back: int = 0
    set_aside: tuple[SetAside, ...] = ()


_STATEMENT = text("""
INSERT INTO bank_statement (id, bank, file_sha256, file_name, unit_id, incoming, fresh, rows_read, set_aside,
    acknowledged_columns, imported_by, imported_at)
VALUES (:id, :bank, :sha, :file_name, :unit_id, :incoming, 0, :rows_read, CAST(:set_aside AS jsonb), :acknowledged,
    :actor, :now)
ON CONFLICT (file_sha256, unit_id) DO NOTHING RETURNING id
""")
_BEFORE = text("""
SELECT s.id, s.incoming, s.set_aside::text AS set_aside, count(t.id) FILTER (WHERE t.state = 'matched') AS matched,
    count(t.id) FILTER (WHERE t.state <> 'matched') AS queued
FROM bank_statement s LEFT JOIN bank_transfer t ON t.statement_id = s.id
WHERE s.file_sha256 = :sha AND s.unit_id IS NOT DISTINCT FROM CAST(:unit AS uuid) GROUP BY s.id
""")
# Files are imported one after the other: what one knows of earlier rows holds until it has written.
_DESK = text(f"SELECT pg_advisory_xact_lock({Lock.BANK_STATEMENTS})")
_TRANSFERS = text(f"""
INSERT INTO bank_transfer (id, statement_id, row, bank, account_key, account_last4, conflicts_with_id, serial_number,
    day, amount_fen, matched_fen, payer_name, payer_account_digest, payer_account_last4, remark, state, why_queued,
    imported_at)
SELECT r.id, :statement, r.row, :bank, r.account_key, r.account_last4, c.first_id, r.serial_number,
    r.day, r.amount_fen, 0, r.payer_name, r.payer_account_digest, r.payer_account_last4, r.remark, 'queued',
    CASE WHEN c.id IS NOT NULL THEN 'serial_conflict' WHEN r.amount_fen < 0 THEN 'taken_back' END, :now
FROM {ROWS}
LEFT JOIN jsonb_to_recordset(CAST(:conflicts AS jsonb)) AS c(id uuid, first_id uuid) ON c.id = r.id
ORDER BY (c.id IS NOT NULL), r.serial_number, r.row
""")  # noqa: S608  # as above
# What the shop itself had sent back and recorded: no row for a person. By the desk's own orders only.
_OURS = text(f"""
SELECT r.id FROM {ROWS} WHERE r.amount_fen < 0 AND (EXISTS (
    SELECT FROM refund f JOIN shop_order o ON o.id = f.order_id WHERE f.provider_refund_id = 'bank:' || r.serial_number
        AND f.amount_fen - f.allowance_fen = -r.amount_fen AND (CAST(:all AS bool) OR o.unit_id = ANY(:units)))
    OR EXISTS (SELECT FROM paid_back b JOIN payer_share s ON s.id = b.payer_share_id
        JOIN shop_order o ON o.id = s.order_id WHERE b.bank_reference = r.serial_number
        AND b.amount_fen = -r.amount_fen AND (CAST(:all AS bool) OR coalesce(s.unit_id, o.unit_id) = ANY(:units))))
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # as above
# Receipts of which the shop itself, as it recorded, gave everything back: what a bank says of that is no news.
_RETURNED = text("""
SELECT t.id FROM bank_transfer t JOIN transfer_match m ON m.transfer_id = t.id
JOIN payer_share s ON s.id = m.payer_share_id, LATERAL (
    SELECT coalesce((SELECT sum(f.amount_fen - f.allowance_fen) FROM refund f WHERE f.order_id = s.order_id
        AND f.state = 'succeeded' AND f.provider_refund_id LIKE 'bank:%'), 0)
    + coalesce((SELECT sum(b.amount_fen) FROM paid_back b WHERE b.payer_share_id = s.id), 0) AS fen) back
WHERE t.id = ANY(:receipts) GROUP BY t.id, t.amount_fen HAVING sum(back.fen) >= t.amount_fen
""").bindparams(bindparam("receipts", type_=ARRAY(Uuid)))
_FRESH = text("UPDATE bank_statement SET fresh = :fresh WHERE id = :id")
_ASIDE = text("""
UPDATE bank_statement SET incoming = :incoming, set_aside = CAST(:set_aside AS jsonb) WHERE id = :id
""")
_WHY = text("""
UPDATE bank_transfer t SET why_queued = r.why
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, why text) WHERE t.id = r.id AND t.state = 'queued'
""")
_MATCH = text("""
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(transfer_id uuid, share_id uuid, fen bigint, how text)
), taken AS (
    UPDATE bank_transfer t SET state = 'matched', matched_fen = w.fen, why_queued = NULL
    FROM (SELECT transfer_id, sum(fen) AS fen FROM wanted GROUP BY transfer_id) w
    WHERE t.id = w.transfer_id AND t.amount_fen - t.taken_back_fen = w.fen AND t.state IN ('queued', 'proposed')
    RETURNING t.id
)
INSERT INTO transfer_match (transfer_id, payer_share_id, round, amount_fen, how, proposal_id, matched_at)
SELECT w.transfer_id, w.share_id, 1 + (SELECT count(*) FROM transfer_unmatch u
        WHERE u.transfer_id = w.transfer_id AND u.payer_share_id = w.share_id),
    w.fen, w.how, CAST(:proposal AS uuid), :now
FROM wanted w JOIN taken ON taken.id = w.transfer_id ORDER BY 1, 2
RETURNING transfer_id, payer_share_id
""")


async def import_statement(
    files: FileStore,
    database: Database,
    *,
    data: bytes,
    file_name: str,
    actor: Actor,
    unit_id: UUID | None,
    now: datetime,
    acknowledged: Collection[str] = (),
) -> Imported:
    """Save every row of the file and match what is clear, in one transaction; the file is kept as evidence.

    The same bytes twice, also at once, are a success that does nothing; of an overlapping file only new rows count.
    A row under the name of a known one, with another amount or payer, waits for a person, and so does money that the
    bank took back. acknowledged: columns that need no reading. Raises what `read_statement` and `keep` raise.
    """
    day = clock.business_day(now)
    async with database.reading() as session:
        layouts = await layouts_of(session, unit_id, day)
    read = await anyio.to_thread.run_sync(
        partial(read_statement, data, layouts=layouts, today=day, acknowledged=acknowledged)
    )
    kept = await keep(files, database, data=data, file_name=file_name, actor=actor, unit_id=None, now=now)
    facts = {
        "id": new_id(),
        "bank": read.bank,
        "sha": kept.sha256,
        "file_name": plain_name(file_name),
        "unit_id": unit_id,
        "incoming": len(read.came),
        "rows_read": read.rows_read,
        "set_aside": as_rows(asdict(one) for one in read.set_aside),
        "acknowledged": list(read.ignored),
        "actor": actor.user_id,
        "now": now,
    }
    async with database.transaction() as session:
        await session.execute(_DESK)
        statement_id = await session.scalar(_STATEMENT, facts)
        if statement_id is None:
            before = (await session.execute(_BEFORE, {"sha": kept.sha256, "unit": unit_id})).one()
            aside = tuple(msgspec.json.decode(before.set_aside, type=list[SetAside]))
            return Imported(
                before.id,
                repeated=True,
                incoming=before.incoming,
                fresh=0,
                known=before.incoming,
                matched=before.matched,
                queued=before.queued,
                set_aside=aside,
            )
        return await _save(session, _Statement(statement_id, read, kept.sha256, unit_id, actor, now))


@dataclass(frozen=True, slots=True)
class _Statement:
    id: UUID
    read: StatementRead
    sha: str
    unit_id: UUID | None
    actor: Actor
    now: datetime


async def _save(session: WriteSession, statement: _Statement) -> Imported:
    now = statement.now
    company = await company_of(session, statement.unit_id, clock.business_day(now))
    rows, aside = await _taken(session, statement, company)
    known = await sort_rows(session, rows, unit_id=statement.unit_id, company=company)
    await _write(session, statement, known)
    fresh, conflicts = known.fresh, known.conflicts
    days = {row["id"]: row["day"] for row in fresh}
    incoming = [
        Incoming(row["id"], row["amount_fen"], row["payer_name"], row["payer_account_digest"], row["remark"])
        for row in fresh
        if row["id"] not in conflicts and row["amount_fen"] > 0
    ]
    found = await find_shares(session, incoming, company=company)
    applied = [
        Applied(transfer_id, share_id, fen, days[transfer_id], statement.sha)
        for transfer_id, match in found.items()
        for share_id, fen in match.shares
    ]
    await apply_matches(session, applied, found, proposal_id=None, now=now)
    why = [{"id": transfer_id, "why": match.why} for transfer_id, match in found.items() if match.why]
    await session.execute(_WHY, {"rows": as_rows(why)})
    taken_back = [row["id"] for row in fresh if row["amount_fen"] < 0]
    await propose_reversals(session, taken_back, actor_id=statement.actor.user_id, now=now)
    matched = sum(1 for match in found.values() if match.shares)
    await record_change(
        session,
        actor_id=statement.actor.user_id,
        action="bank.import",
        subject=f"bank_statement:{statement.id}",
        before=None,
        after={
            "incoming": len(rows), "fresh": len(fresh), "matched": matched, "conflicts": len(conflicts),
            "taken_back": len(taken_back), "set_aside": len(aside), "file_sha256": statement.sha,
        },
        reason=None,
        now=now,
    )  # fmt: skip
    return Imported(
        statement.id,
        repeated=False,
        incoming=len(rows),
        fresh=len(fresh),
        known=len(rows) - len(fresh),
        matched=matched,
        queued=len(fresh) - matched,
        conflicts=len(conflicts),
        taken_back=len(taken_back),
        set_aside=tuple(aside),
    )


async def _taken(
    session: WriteSession, statement: _Statement, company: Collection[UUID] | None
) -> tuple[list[dict[str, Any]], list[SetAside]]:
    """The rows to keep, and those set aside: also what the shop itself sent back, as it had recorded. A receipt that an
    earlier file had brought and that this one says was refunded is money taken back.
    """
    read = statement.read
    rows = [_row(one, statement.unit_id) for one in read.came]
    units = await visible_unit_ids(session, statement.actor, Permission.BANK_IMPORT, clock.business_day(statement.now))
    named = {"rows": as_rows(rows), "all": units is None, "units": list(units or ())}
    ours = set((await session.scalars(_OURS, named)).all())
    aside = [SetAside(row["row"], "our_refund", ASIDE["our_refund"]) for row in rows if row["id"] in ours]
    refunded = [_row(one, statement.unit_id) for one in read.refunded]
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
    aside += [one for one in read.set_aside if one.row not in numbers]
    aside.sort(key=lambda one: one.row)
    kept = sorted([*(row for row in rows if row["id"] not in ours), *went_back], key=lambda row: int(row["row"]))
    await session.execute(
        _ASIDE, {"id": statement.id, "incoming": len(kept), "set_aside": as_rows(asdict(one) for one in aside)}
    )
    return kept, aside


async def _write(session: WriteSession, statement: _Statement, found: SortedRows) -> None:
    """Keep the rows that no earlier file had brought."""
    facts = {
        "rows": as_rows(found.fresh),
        "conflicts": as_rows({"id": id_, "first_id": first_id} for id_, first_id in found.conflicts.items()),
        "statement": statement.id,
        "bank": statement.read.bank,
        "now": statement.now,
    }
    await session.execute(_TRANSFERS, facts)
    await session.execute(_FRESH, {"id": statement.id, "fresh": len(found.fresh)})


async def apply_matches(
    session: WriteSession,
    applied: Sequence[Applied],
    found: Mapping[UUID, Found],
    *,
    proposal_id: UUID | None,
    now: datetime,
) -> int:
    """Write the matches of transfers that are not matched yet, and settle exactly those; returns how many rows."""
    rows = [
        {
            "transfer_id": one.transfer_id,
            "share_id": one.payer_share_id,
            "fen": one.amount_fen,
            "how": found[one.transfer_id].how,
        }
        for one in applied
    ]
    if not rows:
        return 0
    done = await session.execute(
        _MATCH, {"rows": msgspec.json.encode(rows).decode(), "proposal": proposal_id, "now": now}
    )
    written = {(row.transfer_id, row.payer_share_id) for row in done}
    await settle_transfers(
        session, [one for one in applied if (one.transfer_id, one.payer_share_id) in written], now=now
    )
    return len(written)


def _row(one: Came, unit_id: UUID | None) -> dict[str, Any]:
    digits = "".join(sign for sign in one.payer_account if sign.isdigit())
    account = own_account(one.own_account, unit_id)
    return {
        "id": new_id(),
        "row": one.row,
        "account_key": account.key,
        "account_last4": account.last4,
        "serial_number": one.serial_number,
        "day": one.day,
        "amount_fen": one.amount_fen,
        "payer_name": one.payer_name,
        "payer_account_digest": account_digest(one.payer_account),
        "payer_account_last4": digits[-4:] or None,
        "remark": one.remark,
    }
