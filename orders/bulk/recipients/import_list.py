"""A list of recipients: read, held against the purchase row by row, saved whole or not at all."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

import anyio.to_thread
import msgspec
from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from orders.bulk.plan.change_plan import content_changed
from orders.bulk.problems import ApprovalStale
from orders.bulk.recipients.progress import ImportJob, close, end, go_on, open_job
from orders.bulk.recipients.rows import (
    LAYOUT,
    Member,
    Purchase,
    Recipient,
    Regions,
    Said,
    judge,
    read_rows,
    totals,
)
from orders.bulk.states import OPEN_TO_CHANGE
from orders.bulk.visibility import purchase_for
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids
from shop.sheet.read import read_sheet
from shop.sheet.refused import ERRORS_SHOWN_MAX, ColumnsUnknown
from shop.sheet.table import SetAside, Table, first_row_table, refuse_rows, table_of

ROWS_MAX: Final = 50_000
AT_ONCE: Final = 2_500


class RecipientsRefused(Problem):
    """Rows that are wrong, all of them named; nothing was saved. extra: import_id, error_count."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "recipients_refused"
    title: ClassVar[str] = "收件名单里有错误，什么都没有保存"


class ChoicesOpen(Problem):
    """Who gets which package is not known yet."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "choices_open"
    title: ClassVar[str] = "会员还在选择套餐"


class ListClosed(Problem):
    """The goods are ordered: where they go changes by a change order only."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "recipients_closed"
    title: ClassVar[str] = "收件名单不能再改"


@dataclass(frozen=True, slots=True)
class Brought:
    """rows: announced by the file, and all of them saved when `saved`. repeated: this very list is in place already.

    set_aside: totals and notes, which with `rows` add up to the rows read; asked: what somebody should look at;
    acknowledged: columns that nobody read.
    """

    import_id: UUID
    rows: int
    pieces: int
    saved: bool
    repeated: bool
    set_aside: tuple[SetAside, ...] = ()
    asked: tuple[Detail, ...] = ()
    acknowledged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Checked:
    """Rows that can be saved, all of them, with the table they stood in."""

    rows: list[Recipient]
    table: Table
    asked: list[Detail]
    acknowledged: tuple[str, ...]

    def brought(self, job: ImportJob, *, saved: bool) -> Brought:
        pieces = sum(one.quantity for one in self.rows)
        aside, asked = tuple(self.table.set_aside), tuple(self.asked[:ERRORS_SHOWN_MAX])
        return Brought(
            job.id,
            len(self.rows),
            pieces,
            saved=saved,
            repeated=False,
            set_aside=aside,
            asked=asked,
            acknowledged=self.acknowledged,
        )

    def notes(self) -> dict[str, list[str]]:
        """What is kept beside the progress, for the page."""
        aside = [f"第 {one.row} 行：{one.said}" for one in self.table.set_aside[:ERRORS_SHOWN_MAX]]
        return {"set_aside": aside, "asked": [one.detail for one in self.asked[:ERRORS_SHOWN_MAX]]}


_LAST = text("""
SELECT id, total, revision, acknowledged_columns FROM recipient_import
WHERE purchase_id = :purchase AND state = 'saved' AND file_sha256 = :sha AND revision = :revision
""")
_MEMBERS = text("""
SELECT m.person_id, m.staff_number, m.name, p.phone, m.unit_id, coalesce(m.package_id, d.id) AS package_id
FROM bulk_member m JOIN person p ON p.id = m.person_id
LEFT JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
WHERE m.purchase_id = :purchase
""")
_UNITS = text("""
SELECT u.code, u.id FROM unit u WHERE u.id IN (SELECT unit_id FROM bulk_member WHERE purchase_id = :purchase)
""")
_PACKAGES = text("SELECT name, id FROM bulk_package WHERE purchase_id = :purchase ORDER BY position")
_COUNTIES = text(f"""
SELECT k.code, n.name, k.province, k.prefecture FROM county k
CROSS JOIN LATERAL (SELECT k.name UNION SELECT alias FROM county_alias a WHERE a.code = k.code) AS n(name)
WHERE {in_force("k", ":day", unknown=True)}
""")  # noqa: S608  # our own words
# Of the caller's own company. Who belongs to another one is a name and an address here, and nobody is told more.
_ELSEWHERE = text(f"""
WITH near AS (SELECT DISTINCT s.union_id FROM union_unit s WHERE s.union_id <> :union_id
    AND {in_force("s", ":day")}
    AND (CAST(:visible AS uuid[]) IS NULL OR s.unit_id = ANY(:visible)))
SELECT s.number, NULL AS phone, NULL AS name FROM staff_number s JOIN near USING (union_id)
WHERE s.number = ANY(:numbers)
UNION ALL
SELECT NULL, p.phone, p.name FROM person p JOIN unnest(:phones, :names) AS w(phone, name)
    ON w.phone = p.phone AND w.name = p.name
WHERE EXISTS (SELECT FROM union_membership u JOIN near USING (union_id) WHERE u.person_id = p.id
    AND {in_force("u", ":day")})
""").bindparams(  # noqa: S608  # our own words
    *(bindparam(name, type_=ARRAY(Text)) for name in ("numbers", "phones", "names")),
    bindparam("visible", type_=ARRAY(Uuid)),
)
_CLEAR = text("DELETE FROM bulk_recipient WHERE purchase_id = :purchase")
_SAVE = text("""
INSERT INTO bulk_recipient (id, purchase_id, row, person_id, name, phone, region_code, street, unit_id, package_id,
    quantity)
SELECT id, :purchase, "row", person_id, name, phone, region_code, street, unit_id, package_id, quantity
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, "row" int, person_id uuid, name text, phone text,
    region_code text, street text, unit_id uuid, package_id uuid, quantity int)
""")
_COUNT = text("SELECT count(*) FROM bulk_recipient WHERE purchase_id = :purchase")
_PIECES = text("SELECT coalesce(sum(quantity), 0) FROM bulk_recipient WHERE purchase_id = :purchase")


async def bring_recipients(
    database: Database,
    *,
    actor: Actor,
    purchase_id: UUID,
    file_name: str,
    data: bytes,
    now: datetime,
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> Brought:
    """Replace the purchase's recipients by those of a csv or xlsx. The same file again does nothing.

    acknowledged: titles of columns that need no reading. Raises what `begin` and `finish` raise.
    """
    begun = await begin(
        database,
        actor=actor,
        purchase_id=purchase_id,
        file_name=file_name,
        data=data,
        now=now,
        acknowledged=acknowledged,
        dry_run=dry_run,
    )
    if isinstance(begun, Brought):
        return begun
    return await finish(database, begun, actor=actor, data=data, now=now)


async def begin(
    database: Database,
    *,
    actor: Actor,
    purchase_id: UUID,
    file_name: str,
    data: bytes,
    now: datetime,
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> ImportJob | Brought:
    """Open the row of `recipient_import` in which the progress stands; or say that this list is in place already.

    Raises NotFound, ListClosed, ChoicesOpen.
    """
    sha = hashlib.sha256(data).hexdigest()
    async with database.transaction() as session:
        purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now)
        await _ready(session, purchase)
        named = {"purchase": purchase_id, "sha": sha, "revision": purchase.revision}
        last = (await session.execute(_LAST, named)).first()
        if last:
            return _repeated(last, last.total // 2, await session.scalar(_PIECES, named) or 0)
        job = ImportJob(new_id(), purchase, sha, dry_run, tuple(acknowledged))
        await open_job(session, job, file_name=file_name, actor_id=actor.user_id, now=now)
    return job


async def finish(database: Database, job: ImportJob, *, actor: Actor, data: bytes, now: datetime) -> Brought:
    """Check every row, then save them all. What went wrong is noted beside the progress before it is raised.

    Raises what `read_sheet` raises, MergedCells, HeaderWrong, ColumnsUnknown, RecipientsRefused with every mistake,
    ApprovalStale (the purchase changed meanwhile).
    """
    try:
        checked = await _checked(database, job, actor, data)
        if job.dry_run:
            await end(database, job, "tried", None, [], checked.notes())
            return checked.brought(job, saved=False)
        return await _saved(database, job, checked, actor, now)
    except ColumnsUnknown as problem:
        await end(database, job, "refused", problem.detail, problem.errors, problem.extra)
        raise
    except Problem as problem:
        await end(database, job, "refused", problem.detail or problem.title, problem.errors)
        raise
    except BaseException:
        await end(database, job, "refused", "处理中断了，什么都没有保存，请再上传一次。", [])
        raise


async def _ready(session: ReadSession, purchase: Row[Any]) -> None:
    if purchase.state not in OPEN_TO_CHANGE:
        raise ListClosed("货已下单，收件名单不能再换；个别改动请用变更单。")
    packages = (await session.execute(_PACKAGES, {"purchase": purchase.id})).all()
    if purchase.choose_until and purchase.choices_frozen_at is None and len(packages) > 1:
        raise ChoicesOpen("选择截止后才知道每人拿哪一种，请在截止后导入收件名单。")


async def _checked(database: Database, job: ImportJob, actor: Actor, data: bytes) -> _Checked:
    """Everything that can be wrong is said at once. The event loop stays free: files are read beside it."""
    table = await anyio.to_thread.run_sync(_table, data)
    places, ignored = LAYOUT.places(table, job.acknowledged)
    total = 2 * len(table.rows)
    said: list[Said] = []
    asked: list[Detail] = []
    errors = list(table.errors) if table.rows else [Detail("/rows", "rows_missing", "只有表头，没有数据行")]
    for start in range(0, len(table.rows), AT_ONCE):
        await go_on(database, job, start, total, ignored)
        part = table.rows[start : start + AT_ONCE]
        read, wrong, lost = await anyio.to_thread.run_sync(read_rows, table, places, part)
        said += read
        errors += wrong
        asked += lost
    day = clock.business_day(clock.now())
    async with database.reading() as session:
        purchase, regions = await _books(session, job.purchase.id, day)
        elsewhere = await _elsewhere(session, actor, job.purchase.union_id, said, purchase, day)
    await go_on(database, job, len(table.rows), total, ignored)
    rows, wrong = await anyio.to_thread.run_sync(judge, said, purchase, regions, elsewhere)
    errors += wrong
    if not errors:
        errors = totals(rows, purchase)
    if errors:
        errors.sort(key=_row_of)
        refused = refuse_rows(errors, rows_read=table.rows_read, set_aside=table.set_aside)
        raise RecipientsRefused(refused.detail, errors, {**refused.extra, "import_id": str(job.id)})
    return _Checked(rows, table, asked, ignored)


def _table(data: bytes) -> Table:
    sheet = read_sheet(data, ROWS_MAX)
    return table_of(sheet, LAYOUT.is_header, rows_max=ROWS_MAX) or first_row_table(sheet, rows_max=ROWS_MAX)


async def _books(session: ReadSession, purchase_id: UUID, day: Any) -> tuple[Purchase, Regions]:
    named = {"purchase": purchase_id}
    members = [Member(*row) for row in await session.execute(_MEMBERS, named)]
    units = {row.code: row.id for row in await session.execute(_UNITS, named)}
    packages = {row.name: row.id for row in await session.execute(_PACKAGES, named)}
    regions = Regions((row[0], row[1], row[2], row[3]) for row in await session.execute(_COUNTIES, {"day": day}))
    return Purchase(members, units, packages), regions


async def _elsewhere(
    session: ReadSession, actor: Actor, union_id: UUID, said: Sequence[Said], purchase: Purchase, day: Any
) -> frozenset[str | tuple[str, str]]:
    visible = await visible_unit_ids(session, actor, Permission.BULK_WRITE, day)
    strangers = [one for one in said if purchase.member(one) is None]
    named = {
        "numbers": [one.staff_number for one in strangers if one.staff_number],
        "phones": [one.phone for one in strangers],
        "names": [one.name for one in strangers],
    }
    where = {"union_id": union_id, "day": day, "visible": None if visible is None else list(visible)}
    rows = await session.execute(_ELSEWHERE, named | where)
    return frozenset(row.number or (row.phone, row.name) for row in rows)


async def _saved(database: Database, job: ImportJob, checked: _Checked, actor: Actor, now: datetime) -> Brought:
    purchase_id, rows = job.purchase.id, checked.rows
    total = 2 * len(rows)
    async with database.long_reads, database.second, database.transaction() as session:
        purchase = await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
        last = (
            await session.execute(_LAST, {"purchase": purchase_id, "sha": job.sha, "revision": purchase.revision})
        ).first()
        if last is None and purchase.revision != job.purchase.revision:
            raise ApprovalStale("检查名单的时候，采购内容有改动。请再上传一次。")
        if last is None:
            revision = await content_changed(
                session, purchase_id=purchase_id, actor_id=actor.user_id, now=now, reason="导入收件名单"
            )
            await session.execute(_CLEAR, {"purchase": purchase_id})
            for start in range(0, len(rows), AT_ONCE):
                part = as_rows(_fact(one) for one in rows[start : start + AT_ONCE])
                await session.execute(_SAVE, {"purchase": purchase_id, "rows": part})
                await go_on(database, job, len(rows) + start, total, checked.acknowledged)
            kept = await session.scalar(_COUNT, {"purchase": purchase_id})
            if kept != len(rows):
                raise AssertionError(f"{len(rows)} announced and {kept} saved")
            await _note(session, actor, job, checked, now)
            await close(session, job, "saved", None, [], revision, checked.notes())
    if last is not None:  # somebody saved the same list meanwhile
        await end(database, job, "tried", None, [])
        return _repeated(last, len(rows), sum(one.quantity for one in rows))
    return checked.brought(job, saved=True)


def _repeated(last: Row[Any], rows: int, pieces: int) -> Brought:
    return Brought(last.id, rows, pieces, saved=False, repeated=True, acknowledged=tuple(last.acknowledged_columns))


def _fact(one: Recipient) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(one)
    return facts | {"id": str(new_id())}


async def _note(session: WriteSession, actor: Actor, job: ImportJob, checked: _Checked, now: datetime) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bulk.recipients_imported",
        subject=f"bulk_purchase:{job.purchase.id}",
        after={"rows": len(checked.rows), "file_sha256": job.sha}
        | ({"acknowledged_columns": list(checked.acknowledged)} if checked.acknowledged else {}),
        now=now,
    )


def _row_of(one: Detail) -> int:
    number = one.pointer.split("/")[2] if one.pointer.count("/") > 1 else ""
    return int(number) if number.isdigit() else 0
