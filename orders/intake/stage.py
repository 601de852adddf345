"""Hand in a statement: every row is checked and kept, with what it would become; nothing counts yet."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import text

from orders.evidence.keep import keep
from orders.intake.channels import TEMPLATE, Channel, channels_of
from orders.intake.confirm import batch_for
from orders.intake.look_up import look_up
from orders.intake.read_rows import read_rows
from orders.intake.remember import remember
from orders.intake.row import SaleRow
from orders.intake.sort_out import sort_out
from shop.access.permissions import Actor, Permission
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.queries import top_unit_ids, unit_of_person, visible_unit_ids
from shop.sheet.cells import Mistake
from shop.sheet.table import SetAside, refuse_rows
from shop.sheet.words import ASIDE

REFUNDS_MAX = 2_000
EvidenceKind = Literal["bank_record", "e_invoice", "document"]


@dataclass(frozen=True, slots=True)
class Paper:
    """What proves all rows of a batch, kept as evidence before."""

    sha256: str
    kind: EvidenceKind


@dataclass(frozen=True, slots=True)
class Staged:
    """batch_id: None of a dry run. repeated: these bytes wait already, or were confirmed; sums in fen."""

    batch_id: UUID | None
    channel: str
    repeated: bool
    rows: int
    sales: int = 0
    refunds: int = 0
    known: int = 0
    held: int = 0
    sales_fen: int = 0
    refunds_fen: int = 0
    held_fen: int = 0
    set_aside: tuple[SetAside, ...] = ()
    asked: tuple[Detail, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows came from. sha256: of the bytes, so that the same ones are one batch.

    acknowledged: columns that nobody read, as the uploader said.
    """

    origin: Literal["file", "pull", "offline"]
    file_name: str
    sha256: str
    paper: Paper | None = None
    acknowledged: tuple[str, ...] = ()


_SEEN = text("""
SELECT id, rows FROM intake_batch WHERE channel_code = :channel AND file_sha256 = :sha
    AND state IN ('staged', 'confirmed')
""")
_BATCH = text("""
INSERT INTO intake_batch (id, channel_code, origin, state, file_name, file_sha256, rows, errors, evidence_sha256,
    evidence_kind, uploaded_by, uploaded_at, acknowledged_columns, unit_id)
VALUES (:id, :channel, :origin, :state, :file_name, :sha, :rows, :errors, :paper, :paper_kind, :actor, :now,
    :acknowledged, :unit)
ON CONFLICT (channel_code, file_sha256) WHERE state IN ('staged', 'confirmed') DO NOTHING RETURNING id
""")
_ROWS = text("""
INSERT INTO intake_row
SELECT p.* FROM jsonb_array_elements(CAST(:rows AS jsonb)) AS r(facts)
CROSS JOIN LATERAL jsonb_populate_record(NULL::intake_row, r.facts) AS p
""")
_KEPT = (
    "id", "number", "state", "cells", "type", "external_number", "external_line", "refund_number", "credit_kind",
    "fund_source", "unit_id", "invoice_number", "county_code", "producer_id", "supplier_id", "product_id", "category",
    "quantity_milli", "grams", "day", "first_unit_id", "claim_id", "why",
)  # fmt: skip


async def stage_file(
    database: Database,
    *,
    files: FileStore | None = None,
    data: bytes,
    file_name: str,
    channel: str | None,
    actor: Actor | None,
    paper: Paper | None,
    now: datetime,
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> Staged:
    """Keep the file's rows for a second person. The same bytes again are the same batch, whoever hands them in.

    A file with mistakes is kept with them, refused. dry_run: everything is checked, nothing is kept. channel None: the
    file says it. actor None: the shop's command line, for any unit. files: where the file itself is kept, for an
    auditor who asks what was handed in. Raises what `read_rows` and `keep` raise; RowsRefused.
    """
    async with database.reading() as session:
        channels = await channels_of(session, clock.business_day(now))
    read = await anyio.to_thread.run_sync(read_rows, data, channels, channel, acknowledged)
    found, rows = read.channel, read.rows
    name = file_name[-120:].replace("\0", "")
    source = Source("file", name, hashlib.sha256(data).hexdigest(), paper, read.acknowledged)
    async with database.reading() as session:
        seen = (await session.execute(_SEEN, {"channel": found.code, "sha": source.sha256})).one_or_none()
        if seen is not None and await _may_see(session, actor, seen.id, now):
            return Staged(seen.id, found.code, repeated=True, rows=seen.rows)
        await check(session, rows, actor=actor, now=now)
    if dry_run:
        refuse_wrong(found, rows, None)
        return _counted(None, found, rows)
    if files is not None and actor is not None:
        async with database.reading() as session:
            unit_id = await desk_unit(session, actor, now)
        await keep(files, database, data=data, file_name=file_name, actor=actor, unit_id=unit_id, now=now)
    async with database.transaction() as session:
        batch_id = await keep_rows(session, found, rows, source, actor=actor, now=now)
        if batch_id is None:
            seen = (await session.execute(_SEEN, {"channel": found.code, "sha": source.sha256})).one()
            return Staged(seen.id, found.code, repeated=True, rows=seen.rows)
    refuse_wrong(found, rows, batch_id)
    return _counted(batch_id, found, rows)


async def desk_unit(session: ReadSession, actor: Actor, now: datetime) -> UUID | None:
    """For whose people a paper or a batch is kept: those where its bringer works, else those he works for."""
    day = clock.business_day(now)
    works_at = await unit_of_person(session, actor.person_id, day)
    tops = await top_unit_ids(session, actor, day) if works_at is None else []
    return works_at or next(iter(tops), None)


async def _may_see(session: ReadSession, actor: Actor | None, batch_id: UUID, now: datetime) -> bool:
    """To a stranger the same bytes are a file like any other: about units that he does not reach."""
    if actor is not None:
        try:
            await batch_for(session, actor, batch_id, Permission.INTAKE_WRITE, day=clock.business_day(now))
        except NotFound:
            return False
    return True


async def check(session: ReadSession, rows: Sequence[SaleRow], *, actor: Actor | None, now: datetime) -> None:
    """Look every row up and sort it out: afterwards it has its state, or its mistakes."""
    today = clock.business_day(now)
    units = None if actor is None else await visible_unit_ids(session, actor, Permission.INTAKE_WRITE, today)
    await look_up(session, rows, units=units, today=today)
    refunds = [row for row in rows if row.type == "refund"]
    for row in refunds[REFUNDS_MAX:]:
        row.wrong("type", f"一份文件最多 {REFUNDS_MAX} 行退款，请分成几份")
    sort_out(rows, await remember(session, rows))


async def keep_rows(
    session: WriteSession,
    channel: Channel,
    rows: Sequence[SaleRow],
    source: Source,
    *,
    actor: Actor | None,
    now: datetime,
) -> UUID | None:
    """The batch with its rows, staged, or refused where a row has mistakes. None: the same bytes wait already."""
    errors = sum(len(row.mistakes) for row in rows)
    facts = {
        "id": new_id(),
        "channel": channel.code,
        "origin": source.origin,
        "state": "refused" if errors else "staged",
        "file_name": source.file_name,
        "sha": source.sha256,
        "rows": len(rows),
        "errors": errors,
        "paper": source.paper.sha256 if source.paper else None,
        "paper_kind": source.paper.kind if source.paper else None,
        "acknowledged": list(source.acknowledged),
        "actor": actor.user_id if actor else None,
        "unit": await desk_unit(session, actor, now) if actor else None,
        "now": now,
    }
    batch_id: UUID | None = await session.scalar(_BATCH, facts)
    if batch_id is None:
        return None
    titles = titles_of(channel)
    await session.execute(_ROWS, {"rows": as_rows(_kept(row, batch_id, titles) for row in rows)})
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action="intake.refuse" if errors else "intake.stage",
        subject=f"intake_batch:{batch_id}",
        after={"channel": channel.code, "rows": len(rows), "errors": errors, "file_sha256": source.sha256}
        | ({"acknowledged_columns": list(source.acknowledged)} if source.acknowledged else {}),
        now=now,
    )
    return batch_id


def titles_of(channel: Channel) -> Mapping[str, str]:
    """What a column is called when it is talked about; a mistake of the whole row has none."""
    ours = {one.field: one.titles[0] for one in TEMPLATE}
    return ours | {one.field: one.titles[0] for one in channel.columns if one.titles}


def refuse_wrong(channel: Channel, rows: Sequence[SaleRow], batch_id: UUID | None) -> None:
    """Raises RowsRefused, naming row and column, when there is a mistake."""
    titles = titles_of(channel)
    details = [_detail(row, one, titles) for row in rows for one in row.mistakes]
    if details:
        raise refuse_rows(
            details,
            rows_read=len(rows),
            set_aside=_set_aside(rows),
            saying="什么都没有记入",
            batch_id=None if batch_id is None else str(batch_id),
        )


def _detail(row: SaleRow, one: Mistake, titles: Mapping[str, str]) -> Detail:
    if not one.column:
        return Detail(f"/rows/{row.number}", one.code, one.said)
    said = f"第 {row.number} 行“{titles[one.column]}”：{one.said}"
    return Detail(f"/rows/{row.number}/{one.column}", one.code, said)


def _set_aside(rows: Sequence[SaleRow]) -> list[SetAside]:
    return [SetAside(row.number, row.why, ASIDE[row.why]) for row in rows if row.why is not None]


def _kept(row: SaleRow, batch_id: UUID, titles: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins({name: getattr(row, name) for name in _KEPT})
    errors, asked = (
        [asdict(one) | {"title": titles.get(one.column, "整行")} for one in noted]
        for noted in (row.mistakes, row.asked)
    )
    if errors:
        facts |= {"state": "wrong", "why": None}
    more = {"batch_id": str(batch_id), "amount_fen": row.amount_fen or None, "errors": errors, "asked": asked}
    return facts | more


def _counted(batch_id: UUID | None, channel: Channel, rows: Sequence[SaleRow]) -> Staged:
    titles = titles_of(channel)
    fresh = [row for row in rows if row.state == "staged"]
    held = [row for row in rows if row.state == "held"]
    return Staged(
        batch_id,
        channel.code,
        repeated=False,
        rows=len(rows),
        sales=sum(row.type == "sale" for row in fresh),
        refunds=sum(row.type == "refund" for row in fresh),
        known=sum(row.state == "repeated" or (row.state == "set_aside" and row.why is None) for row in rows),
        held=len(held),
        sales_fen=sum(row.amount_fen for row in fresh if row.type == "sale"),
        refunds_fen=sum(row.amount_fen for row in fresh if row.type == "refund"),
        held_fen=sum(row.amount_fen for row in held if row.type == "sale"),
        set_aside=tuple(_set_aside(rows)),
        asked=tuple(_detail(row, one, titles) for row in rows for one in row.asked),
    )
