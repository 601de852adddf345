"""Import a bank's statement: every row or none. It moves nothing until another person confirms it."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import text

from orders.banking.statement.known_rows import ROWS
from orders.banking.statement.map_layout import layouts_of, refuse_waiting
from orders.banking.statement.own_account import account_digest, own_account
from orders.banking.statement.read_row import Came
from orders.banking.statement.read_statement import LayoutUnknown, read_statement
from orders.evidence.keep import keep, plain_name
from shop.access.permissions import Actor
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.keys import Keys
from shop.core.rows import as_rows
from shop.sheet.table import SetAside


@dataclass(frozen=True, slots=True)
class Imported:
    """repeated: these bytes were imported before. incoming: rows that brought money or took it back; with `set_aside`
    they are all rows of the file. state: imported (waits for another person), or what was decided before.
    """

    statement_id: UUID
    repeated: bool
    state: str
    incoming: int
    set_aside: tuple[SetAside, ...] = ()


_STATEMENT = text("""
INSERT INTO bank_statement (id, bank, file_sha256, file_name, unit_id, incoming, fresh, rows_read, set_aside,
    acknowledged_columns, imported_by, imported_at, state)
VALUES (:id, :bank, :sha, :file_name, :unit_id, :incoming, 0, :rows_read, CAST(:set_aside AS jsonb), :acknowledged,
    :actor, :now, 'imported')
ON CONFLICT (file_sha256, unit_id) WHERE state <> 'refused' DO NOTHING RETURNING id
""")
_BEFORE = text("""
SELECT id, state, incoming, set_aside::text AS set_aside FROM bank_statement
WHERE file_sha256 = :sha AND unit_id IS NOT DISTINCT FROM CAST(:unit AS uuid) AND state <> 'refused'
""")
_ROWS = text(f"""
INSERT INTO bank_statement_row (statement_id, id, row, refunded, account_key, account_last4, serial_number, day,
    amount_fen, payer_name, payer_account_digest, payer_account_last4, remark)
SELECT :statement, r.id, r.row, :refunded, r.account_key, r.account_last4, r.serial_number, r.day, r.amount_fen,
    r.payer_name, r.payer_account_digest, r.payer_account_last4, r.remark FROM {ROWS}
""")  # noqa: S608  # our own constant


async def import_statement(
    files: FileStore,
    database: Database,
    *,
    keys: Keys,
    data: bytes,
    file_name: str,
    actor: Actor,
    unit_id: UUID | None,
    now: datetime,
    acknowledged: Collection[str] = (),
) -> Imported:
    """Save every row of the file, in one transaction; the file is kept as evidence. Money moves when another person
    confirms it (`confirm_statement`, DOMAIN rule 31).

    The same bytes twice, also at once, are a success that does nothing, unless what was brought first was refused.
    acknowledged: columns that need no reading. Raises what `read_statement` and `keep` raise, and
    LayoutWaits.
    """
    day = clock.business_day(now)
    async with database.reading() as session:
        layouts = await layouts_of(session, unit_id, day)
    reading = partial(read_statement, data, layouts=layouts, today=day, acknowledged=acknowledged)
    try:
        read = await anyio.to_thread.run_sync(reading)
    except LayoutUnknown as unknown:
        async with database.reading() as session:
            await refuse_waiting(session, unit_id, unknown.extra["titles"], day)
        raise
    kept = await keep(files, database, data=data, file_name=file_name, actor=actor, unit_id=None, now=now)
    statement_id = new_id()
    facts = {
        "id": statement_id,
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
        if await session.scalar(_STATEMENT, facts) is None:
            before = (await session.execute(_BEFORE, {"sha": kept.sha256, "unit": unit_id})).one()
            aside = tuple(msgspec.json.decode(before.set_aside, type=list[SetAside]))
            return Imported(before.id, repeated=True, state=before.state, incoming=before.incoming, set_aside=aside)
        for refunded, rows in ((False, read.came), (True, read.refunded)):
            named = {"statement": statement_id, "refunded": refunded}
            await session.execute(_ROWS, named | {"rows": as_rows(_row(keys, one, unit_id) for one in rows)})
        await record_change(
            session,
            actor_id=actor.user_id,
            action="bank.import",
            subject=f"bank_statement:{statement_id}",
            after={"incoming": len(read.came), "set_aside": len(read.set_aside), "file_sha256": kept.sha256},
            now=now,
        )
    return Imported(
        statement_id, repeated=False, state="imported", incoming=len(read.came), set_aside=tuple(read.set_aside)
    )


def _row(keys: Keys, one: Came, unit_id: UUID | None) -> dict[str, Any]:
    digits = "".join(sign for sign in one.payer_account if sign.isdigit())
    account = own_account(keys, one.own_account, unit_id)
    return {
        "id": new_id(),
        "row": one.row,
        "account_key": account.key,
        "account_last4": account.last4,
        "serial_number": one.serial_number,
        "day": one.day,
        "amount_fen": one.amount_fen,
        "payer_name": one.payer_name,
        "payer_account_digest": account_digest(keys, one.payer_account),
        "payer_account_last4": digits[-4:] or None,
        "remark": one.remark,
    }
