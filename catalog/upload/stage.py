"""Hand in a file: read it, check every row, save all of it or nothing, and keep what was handed in."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Generic
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import text

from catalog.review.ask import Asked
from catalog.upload.kind import Kind, Layout, Row, Saving
from shop.access.permissions import Actor
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.sheet.cells import Mistake
from shop.sheet.heed import foreign_cells, heed_above
from shop.sheet.read import read_sheet
from shop.sheet.refused import ERRORS_SHOWN_MAX
from shop.sheet.table import SetAside, Table, first_row_table, refuse_rows, table_of


@dataclass(frozen=True, slots=True)
class Imported:
    """repeated: these bytes were imported before, so nothing was done. batch_id: None on a dry run.

    rows: taken; with set_aside (totals, notes) they add up to the rows read. asked: kept as they are, and somebody
    should look at them. acknowledged: columns that nobody read. waiting: goods of which something waits for a second
    person.
    """

    kind: str
    rows: int
    saved: bool
    repeated: bool
    batch_id: UUID | None
    set_aside: tuple[SetAside, ...] = ()
    asked: tuple[Detail, ...] = ()
    acknowledged: tuple[str, ...] = ()
    waiting: tuple[Asked, ...] = ()

    @property
    def rows_read(self) -> int:
        return self.rows + len(self.set_aside)


@dataclass(frozen=True, slots=True)
class _Read(Generic[Row]):
    table: Table
    layout: Layout[Row]
    rows: list[Row]
    errors: list[Detail]
    asked: list[Detail]
    acknowledged: tuple[str, ...]

    def imported(self, kind: Kind[Row], *, saved: bool, batch_id: UUID | None, waiting: Sequence[Asked]) -> Imported:
        return Imported(
            kind.name,
            len(self.rows),
            saved=saved,
            repeated=False,
            batch_id=batch_id,
            set_aside=tuple(self.table.set_aside),
            asked=tuple(self.asked[:ERRORS_SHOWN_MAX]),
            acknowledged=self.acknowledged,
            waiting=tuple(waiting),
        )


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
    acknowledged: list[str]


class _DryRun(Exception):  # not an error: it undoes what was tried
    pass


_SEEN = text("""
SELECT id, acknowledged_columns FROM import_batch WHERE kind = :kind AND file_sha256 = :sha AND state = 'confirmed'
""")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:kind || :sha, 0))")
_BATCH = text("""
INSERT INTO import_batch (id, kind, file_name, file_sha256, rows, errors, state, created_by, created_at, confirmed_at,
    acknowledged_columns)
VALUES (:id, :kind, :file_name, :sha, :rows, :errors, :state, :created_by, :now, :confirmed_at, :acknowledged)
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
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> Imported:
    """Save every row of the file, in one transaction. The same bytes twice are a success that does nothing.

    A refused file is kept with its errors. Errors point at `/rows/{row number}/{column}`, at most 200 of them.
    acknowledged: titles of columns that need no reading. dry_run: everything is tried, nothing is kept. actor None: the
    shop's command line.
    Raises FileTooLarge, NotATable, FormulaFound, MergedCells, TooManyRows, HeaderWrong, ColumnsUnknown; RowsRefused for
    rows that cannot be read; the save's own Problem for rows that cannot be saved.
    """
    sha = hashlib.sha256(data).hexdigest()
    async with database.reading() as reading:
        if (seen := await _seen(reading, kind, sha)) is not None:
            return seen
    read = await anyio.to_thread.run_sync(_read, kind, data, acknowledged)
    batch = _Batch(
        id=new_id(),
        kind=kind.name,
        file_name=file_name[:200].replace("\0", ""),
        sha=sha,
        rows=len(read.table.rows),
        created_by=actor.user_id if actor else None,
        now=now,
        acknowledged=list(read.acknowledged),
    )
    if not read.errors:
        try:
            return await _save(database, kind, read, batch, actor, dry_run=dry_run)
        except Problem as problem:
            if not problem.errors:
                raise
            details, of = _located(problem.errors, read), problem
    else:
        details, of = read.errors, None
    if not dry_run:
        await _keep_refused(database, kind, read, batch, details)
    table, batch_id = read.table, None if dry_run else str(batch.id)
    refused = refuse_rows(details, rows_read=table.rows_read, set_aside=table.set_aside, batch_id=batch_id)
    if of is not None:
        raise type(of)(refused.detail, refused.errors, {**of.extra, **refused.extra})
    raise refused


async def _seen(session: ReadSession, kind: Kind[Row], sha: str) -> Imported | None:
    """What was imported from these very bytes before."""
    seen = (await session.execute(_SEEN, {"kind": kind.name, "sha": sha})).one_or_none()
    if seen is None:
        return None
    acknowledged = tuple(seen.acknowledged_columns)
    return Imported(kind.name, 0, saved=False, repeated=True, batch_id=seen.id, acknowledged=acknowledged)


async def _save(
    database: Database,
    kind: Kind[Row],
    read: _Read[Row],
    batch: _Batch,
    actor: Actor | None,
    *,
    dry_run: bool,
) -> Imported:
    numbers = [line.number for line in read.table.rows]
    waiting: Sequence[Asked] = ()
    try:
        async with database.transaction() as session:
            await session.execute(_ONE_AT_A_TIME, {"kind": kind.name, "sha": batch.sha})
            if (seen := await _seen(session, kind, batch.sha)) is not None:
                return seen
            await _keep(session, batch, errors=0, state="confirmed")
            await _keep_rows(session, kind, read, batch.id, {})
            saving = Saving(actor, batch.now, batch.id, numbers, read.acknowledged)
            waiting = await kind.save(session, read.rows, saving) or ()
            if dry_run:
                raise _DryRun  # noqa: TRY301  # the way out of a transaction that must not commit
    except _DryRun:
        return read.imported(kind, saved=False, batch_id=None, waiting=waiting)
    return read.imported(kind, saved=True, batch_id=batch.id, waiting=waiting)


def _read(kind: Kind[Row], data: bytes, acknowledged: Collection[str]) -> _Read[Row]:
    """Bytes to rows, away from the event loop: a large file takes a second."""
    sheet = read_sheet(data, kind.rows_max)
    most, is_row = kind.rows_max, kind.is_row
    table = table_of(sheet, kind.is_header, rows_max=most, is_row=is_row) or first_row_table(sheet, rows_max=most)
    heed_above(sheet, table.header_row)
    layout = kind.layout_for(table.titles)
    places, ignored = layout.places(table, acknowledged)
    titles = {one.name: one.title for one in layout.columns}
    rows, errors, asked = [], list(table.errors), []
    first_with: dict[object, int] = {}
    if not table.rows:
        errors.append(Detail("/rows", "rows_missing", "只有表头，没有数据行"))
    for line in table.rows:
        cells = table.cells(line, places)
        rows.append(layout.read(cells))
        key = kind.key(rows[-1])
        if key is not None and first_with.setdefault(key, line.number) != line.number:
            said = f"第 {line.number} 行与第 {first_with[key]} 行重复"
            errors.append(Detail(f"/rows/{line.number}", "row_repeated", said))
        errors += _at(line.number, cells.mistakes, titles)
        errors += [
            Detail(f"/rows/{line.number}", "currency_other", f"第 {line.number} 行“{title}”：{wrong}")
            for title, wrong in foreign_cells(table.titles, line)
        ]
        asked += _at(line.number, cells.asked, titles)
    return _Read(table, layout, rows, errors, asked, ignored)


def _at(number: int, mistakes: Sequence[Mistake], titles: Mapping[str, str]) -> list[Detail]:
    return [
        Detail(f"/rows/{number}/{one.column}", one.code, f"第 {number} 行“{titles[one.column]}”：{one.said}")
        for one in mistakes
    ]


def _located(errors: Sequence[Detail], read: _Read[Row]) -> list[Detail]:
    """`/{index}/{column}` of a verb, said as the row and column of the file."""
    titles = {one.name: one.title for one in read.layout.columns}
    found = []
    for error in errors:
        index, _, column = error.pointer.removeprefix("/").partition("/")
        lines = read.table.rows
        number = lines[int(index)].number if index.isdigit() and int(index) < len(lines) else 0
        place = f"第 {number} 行“{titles.get(column, column)}”：{error.detail}"
        found.append(Detail(f"/rows/{number}/{column}", error.code, place))
    return found


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
            "number": line.number,
            "fields": msgspec.json.encode(line.cells).decode(),
            "errors": "；".join(errors[line.number]) if line.number in errors else None,
        }
        for line in read.table.rows
    ]
    await session.execute(_ROWS, {"batch_id": batch_id, "rows": as_rows(rows)})
