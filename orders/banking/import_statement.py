"""Import a bank's statement: every row or none, each transfer once, and what is clear finds its shares at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import text

from orders.banking.find_shares import Found, Incoming, account_digest, find_shares
from orders.banking.read_statement import Came, StatementRead, read_statement
from orders.banking.settle_transfer import Applied, settle_transfers
from orders.evidence.keep import keep, plain_name
from shop.access.permissions import Actor
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.ui.filters import yuan


class SerialConflict(Problem):
    """The bank's serial number was imported before with another amount or day: one of the files is not the bank's."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "serial_conflict"
    title: ClassVar[str] = "同一流水号的金额或日期与以前导入的不一致"


@dataclass(frozen=True, slots=True)
class Imported:
    """repeated: these bytes were imported before. known: rows that an earlier, overlapping file had brought."""

    statement_id: UUID
    repeated: bool
    incoming: int
    fresh: int
    known: int
    matched: int
    queued: int


_STATEMENT = text("""
INSERT INTO bank_statement (id, bank, file_sha256, file_name, unit_id, incoming, fresh, imported_by, imported_at)
VALUES (:id, :bank, :sha, :file_name, :unit_id, :incoming, 0, :actor, :now)
ON CONFLICT (file_sha256) DO NOTHING RETURNING id
""")
_BEFORE = text("""
SELECT s.id, s.incoming, count(t.id) FILTER (WHERE t.state = 'matched') AS matched,
    count(t.id) FILTER (WHERE t.state <> 'matched') AS queued
FROM bank_statement s LEFT JOIN bank_transfer t ON t.statement_id = s.id WHERE s.file_sha256 = :sha GROUP BY s.id
""")
_TRANSFERS = text("""
INSERT INTO bank_transfer (id, statement_id, row, bank, serial_number, day, amount_fen, matched_fen, payer_name,
    payer_account_digest, payer_account_last4, remark, state, imported_at)
SELECT r.id, :statement, r.row, :bank, r.serial_number, r.day, r.amount_fen, 0, r.payer_name, r.payer_account_digest,
    r.payer_account_last4, r.remark, 'queued', :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, row int, serial_number text, day date, amount_fen bigint,
    payer_name text, payer_account_digest text, payer_account_last4 text, remark text)
ORDER BY r.serial_number ON CONFLICT (bank, serial_number) DO NOTHING RETURNING id
""")
_CONTRARY = text("""
SELECT r.row, r.serial_number, t.amount_fen, t.day
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(row int, serial_number text, day date, amount_fen bigint)
JOIN bank_transfer t ON t.bank = :bank AND t.serial_number = r.serial_number
WHERE (t.amount_fen, t.day) <> (r.amount_fen, r.day) ORDER BY r.row
""")
_FRESH = text("UPDATE bank_statement SET fresh = :fresh WHERE id = :id")
_WHY = text("""
UPDATE bank_transfer t SET why_queued = r.why
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, why text) WHERE t.id = r.id AND t.state = 'queued'
""")
_MATCH = text("""
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(transfer_id uuid, share_id uuid, fen bigint, how text)
), taken AS (
    UPDATE bank_transfer t SET state = 'matched', matched_fen = t.amount_fen, why_queued = NULL
    FROM (SELECT transfer_id, sum(fen) AS fen FROM wanted GROUP BY transfer_id) w
    WHERE t.id = w.transfer_id AND t.amount_fen = w.fen AND t.state <> 'matched' RETURNING t.id
)
INSERT INTO transfer_match (transfer_id, payer_share_id, amount_fen, how, proposal_id, matched_at)
SELECT w.transfer_id, w.share_id, w.fen, w.how, CAST(:proposal AS uuid), :now
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
) -> Imported:
    """Save every incoming row of the file and match what is clear, in one transaction; the file is kept as evidence.

    The same bytes twice, also at once, are a success that does nothing; of an overlapping file only new rows count.
    Raises what `read_statement` and `keep` raise, and SerialConflict.
    """
    read = await anyio.to_thread.run_sync(lambda: read_statement(data, today=clock.business_day(now)))
    kept = await keep(files, database, data=data, file_name=file_name, actor=actor, unit_id=None, now=now)
    facts = {
        "id": new_id(),
        "bank": read.bank,
        "sha": kept.sha256,
        "file_name": plain_name(file_name),
        "unit_id": unit_id,
        "incoming": len(read.came),
        "actor": actor.user_id,
        "now": now,
    }
    async with database.transaction() as session:
        statement_id = await session.scalar(_STATEMENT, facts)
        if statement_id is None:
            before = (await session.execute(_BEFORE, {"sha": kept.sha256})).one()
            return Imported(before.id, True, before.incoming, 0, before.incoming, before.matched, before.queued)  # noqa: FBT003
        return await _save(session, statement_id, read, kept.sha256, actor, now)


async def _save(
    session: WriteSession, statement_id: UUID, read: StatementRead, sha: str, actor: Actor, now: datetime
) -> Imported:
    rows = [_row(one) for one in read.came]
    named = {"rows": as_rows(rows), "bank": read.bank}
    fresh_ids = set(await session.scalars(_TRANSFERS, named | {"statement": statement_id, "now": now}))
    contrary = (await session.execute(_CONTRARY, named)).all()
    if contrary:
        raise SerialConflict(
            "请核对文件是否为网银原始导出；没有保存任何一笔。",
            [
                Detail(
                    f"/rows/{one.row}/serial",
                    "serial_conflict",
                    f"第 {one.row} 行流水号 {one.serial_number}：以前导入的是 {one.day}，{yuan(one.amount_fen)}",
                )
                for one in contrary[:200]
            ],
        )
    await session.execute(_FRESH, {"id": statement_id, "fresh": len(fresh_ids)})
    days = {row["id"]: one.day for row, one in zip(rows, read.came, strict=True) if row["id"] in fresh_ids}
    incoming = [
        Incoming(row["id"], one.amount_fen, one.payer_name, row["payer_account_digest"], one.remark)
        for row, one in zip(rows, read.came, strict=True)
        if row["id"] in fresh_ids
    ]
    found = await find_shares(session, incoming)
    applied = [
        Applied(transfer_id, share_id, fen, days[transfer_id], sha)
        for transfer_id, match in found.items()
        for share_id, fen in match.shares
    ]
    await apply_matches(session, applied, found, proposal_id=None, now=now)
    why = [{"id": transfer_id, "why": match.why} for transfer_id, match in found.items() if match.why]
    await session.execute(_WHY, {"rows": as_rows(why)})
    matched = sum(1 for match in found.values() if match.shares)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bank.import",
        subject=f"bank_statement:{statement_id}",
        before=None,
        after={"incoming": len(rows), "fresh": len(fresh_ids), "matched": matched, "file_sha256": sha},
        reason=None,
        now=now,
    )
    return Imported(
        statement_id,
        repeated=False,
        incoming=len(rows),
        fresh=len(fresh_ids),
        known=len(rows) - len(fresh_ids),
        matched=matched,
        queued=len(fresh_ids) - matched,
    )


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


def _row(one: Came) -> dict[str, Any]:
    digits = "".join(sign for sign in one.payer_account if sign.isdigit())
    return {
        "id": new_id(),
        "row": one.row,
        "serial_number": one.serial_number,
        "day": one.day,
        "amount_fen": one.amount_fen,
        "payer_name": one.payer_name,
        "payer_account_digest": account_digest(one.payer_account),
        "payer_account_last4": digits[-4:] or None,
        "remark": one.remark,
    }
