"""Hand in a file: read it, check every row, save all of it or nothing, and keep what was handed in."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Generic
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import text

from catalog.upload.cells import Cells
from catalog.upload.kind import Kind, Layout, Row, Saving
from catalog.upload.sheet import Sheet, read_sheet
from catalog.upload.wrong import ERRORS_SHOWN_MAX, ImportRefused, MergedCells
from shop.access.permissions import Actor
from shop.core.database import Database, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Imported:
    """repeated: these bytes were imported before, so nothing was done. batch_id: None on a dry run."""

    kind: str
    rows: int
    saved: bool
    repeated: bool
    batch_id: UUID | None


@dataclass(frozen=True, slots=True)
class _Read(Generic[Row]):
    sheet: Sheet
    layout: Layout[Row]
    rows: list[Row]
    errors: list[Detail]


@dataclass(frozen=True, slots=True)
class _Batch:
    """A file handed in: the facts of its `import_batch` row."""

    id: UUID
    kind: str
    file_name: str
    sha: str
    rows: int
    created_by: UUID | None
    now: datetime


class _DryRun(Exception):  # not an error: it undoes what was tried
    pass


_SEEN = text("SELECT id FROM import_batch WHERE kind = :kind AND file_sha256 = :sha AND state = 'confirmed'")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:kind || :sha, 0))")
_BATCH = text("""
INSERT INTO import_batch (id, kind, file_name, file_sha256, rows, errors, state, created_by, created_at, confirmed_at)
VALUES (:id, :kind, :file_name, :sha, :rows, :errors, :state, :created_by, :now, :confirmed_at)
""")
_ROWS = text("""
INSERT INTO import_row (batch_id, number, fields, errors)
SELECT :batch_id, number, fields, errors
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(number int, fields text, errors text)
""")


async def import_file(
    database: Database,
    *,
    kind: Kind[Row],
    file_name: str,
    data: bytes,
    actor: Actor | None,
    now: datetime,
    dry_run: bool = False,
) -> Imported:
    """Save every row of the file, in one transaction. The same bytes twice are a success that does nothing.

    A refused file is kept with its errors. Errors point at `/rows/{row number}/{column}`, at most 200 of them.
    dry_run: everything is tried, nothing is kept. actor None: the shop's command line.
    Raises FileTooLarge, NotATable, FormulaFound, MergedCells, TooManyRows, HeaderWrong; ImportRefused for rows
    that cannot be read; the save's own Problem for rows that cannot be saved.
    """
    sha = hashlib.sha256(data).hexdigest()
    async with database.reading() as reading:
        seen = (await reading.execute(_SEEN, {"kind": kind.name, "sha": sha})).scalar()
    if seen is not None:
        return Imported(kind.name, 0, saved=False, repeated=True, batch_id=seen)
    read = await anyio.to_thread.run_sync(_read, kind, data)
    batch = _Batch(
        id=new_id(),
        kind=kind.name,
        file_name=file_name[:200].replace("\0", ""),
        sha=sha,
        rows=len(read.sheet.rows),
        created_by=actor.user_id if actor else None,
        now=now,
    )
    if not read.errors:
        try:
            return await _save(database, kind, read, batch, actor, dry_run=dry_run)
        except Problem as problem:
            if not problem.errors:
                raise
            error, details = problem, _located(problem.errors, read)
    else:
        error, details = ImportRefused(), read.errors
    if not dry_run:
        await _keep_refused(database, kind, read, batch, details)
    return _refuse(error, details, None if dry_run else batch.id)


async def _save(
    database: Database,
    kind: Kind[Row],
    read: _Read[Row],
    batch: _Batch,
    actor: Actor | None,
    *,
    dry_run: bool,
) -> Imported:
    numbers = [number for number, _ in read.sheet.rows]
    try:
        async with database.transaction() as session:
            await session.execute(_ONE_AT_A_TIME, {"kind": kind.name, "sha": batch.sha})
            seen = (await session.execute(_SEEN, {"kind": kind.name, "sha": batch.sha})).scalar()
            if seen is not None:
                return Imported(kind.name, 0, saved=False, repeated=True, batch_id=seen)
            await _keep(session, batch, errors=0, state="confirmed")
            await _keep_rows(session, kind, read, batch.id, {})
            await kind.save(session, read.rows, Saving(actor, batch.now, batch.id, numbers))
            if dry_run:
                raise _DryRun  # noqa: TRY301  # the way out of a transaction that must not commit
    except _DryRun:
        return Imported(kind.name, len(read.rows), saved=False, repeated=False, batch_id=None)
    return Imported(kind.name, len(read.rows), saved=True, repeated=False, batch_id=batch.id)


def _read(kind: Kind[Row], data: bytes) -> _Read[Row]:
    """Bytes to rows, away from the event loop: a large file takes a second."""
    sheet = read_sheet(data, kind.rows_max)
    if sheet.merged:
        raise MergedCells(f"{sheet.merged} 是合并单元格，请取消合并，让每一行都填完整，再上传。")
    layout = kind.layout_for(sheet)
    places = layout.places(sheet.header)
    titles = {one.name: one.title for one in layout.columns}
    rows, errors = [], []
    first_with: dict[object, int] = {}
    if not sheet.rows:
        errors.append(Detail("/rows", "rows_missing", "只有表头，没有数据行"))
    for number, values in sheet.rows:
        cells = Cells({name: values[place] for name, place in places.items() if place < len(values)})
        if len(values) > len(sheet.header) and any(values[len(sheet.header) :]):
            errors.append(Detail(f"/rows/{number}", "row_too_long", f"第 {number} 行的列数比表头多"))
        rows.append(layout.read(cells))
        key = kind.key(rows[-1])
        if key is not None and first_with.setdefault(key, number) != number:
            said = f"第 {number} 行与第 {first_with[key]} 行重复"
            errors.append(Detail(f"/rows/{number}", "row_repeated", said))
        errors += [
            Detail(f"/rows/{number}/{one.column}", one.code, f"第 {number} 行“{titles[one.column]}”：{one.said}")
            for one in cells.mistakes
        ]
    return _Read(sheet, layout, rows, errors)


def _located(errors: Sequence[Detail], read: _Read[Row]) -> list[Detail]:
    """`/{index}/{column}` of a verb, said as the row and column of the file."""
    titles = {one.name: one.title for one in read.layout.columns}
    found = []
    for error in errors:
        index, _, column = error.pointer.removeprefix("/").partition("/")
        number = read.sheet.rows[int(index)][0] if index.isdigit() and int(index) < len(read.sheet.rows) else 0
        place = f"第 {number} 行“{titles.get(column, column)}”：{error.detail}"
        found.append(Detail(f"/rows/{number}/{column}", error.code, place))
    return found


def _refuse(error: Problem, details: Sequence[Detail], batch_id: UUID | None) -> Imported:
    shown = list(details[:ERRORS_SHOWN_MAX])
    first = "；".join(one.detail for one in shown[:3])
    raise type(error)(
        f"{first}{'……' if len(details) > 3 else ''}。共 {len(details)} 处错误，什么都没有保存。",
        shown,
        {**error.extra, "error_count": len(details), "batch_id": None if batch_id is None else str(batch_id)},
    )


async def _keep_refused(
    database: Database, kind: Kind[Row], read: _Read[Row], batch: _Batch, details: Sequence[Detail]
) -> None:
    by_row: dict[int, list[str]] = {}
    for one in details:
        number = one.pointer.split("/")[2] if one.pointer.count("/") > 1 else ""
        if number.isdigit():
            by_row.setdefault(int(number), []).append(one.detail)
    async with database.transaction() as session:
        await _keep(session, batch, errors=len(details), state="refused")
        await _keep_rows(session, kind, read, batch.id, by_row)


async def _keep(session: WriteSession, batch: _Batch, *, errors: int, state: str) -> None:
    facts = asdict(batch) | {"errors": errors, "state": state}
    await session.execute(_BATCH, facts | {"confirmed_at": batch.now if state == "confirmed" else None})


async def _keep_rows(
    session: WriteSession, kind: Kind[Row], read: _Read[Row], batch_id: UUID, errors: Mapping[int, Sequence[str]]
) -> None:
    if not kind.keeps_rows:
        return
    rows = [
        {
            "number": number,
            "fields": msgspec.json.encode(values).decode(),
            "errors": "；".join(errors[number]) if number in errors else None,
        }
        for number, values in read.sheet.rows
    ]
    await session.execute(_ROWS, {"batch_id": batch_id, "rows": as_rows(rows)})
