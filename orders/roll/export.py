"""The whole roll as a file, department by department, in memory that does not grow with it."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

import anyio.to_thread
from sqlalchemy import Row

from orders.roll.paper import Part, RollLine, paper
from orders.roll.queries import Department, departments, parts
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import Database
from shop.sheet.write import CSV_TYPE, XLSX_TYPE, Cell, CsvFile, XlsxSheet
from shop.ui.filters import masked_name

Format = Literal["pdf", "xlsx", "csv"]
ONE_PDF_MOST: Final = 1_000
"""People on one PDF; a longer roll is a zip with a PDF for each department."""
AT_ONCE: Final = 500
TITLES: Final = ("单位", "部门", "页", "行", "工号", "姓名", "套餐", "签领", "代领人", "运单号", "说明", "日期")
WORDS: Final = {
    "self": "本人", "proxy": "代领", "posted": "邮寄", "refused": "拒领", "not_reached": "未联系上", None: "未签",
}  # fmt: skip
TYPES: Final = {
    "pdf": "application/pdf",
    "zip": "application/zip",
    "csv": CSV_TYPE,
    "xlsx": XLSX_TYPE,
}


async def export_roll(
    database: Database,
    purchase: Row[Any],
    units: list[UUID] | None,
    *,
    requested: Format,
    named: bool,
    public_url: str,
    actor: Actor,
    to: Path,
    now: datetime,
) -> str:
    """Write the roll to a file; returns what it is: pdf, zip, csv or xlsx. Every export is noted.

    named: the PDF has the names, for the members' hands; in csv and xlsx they are always masked. Raises
    ChineseFontMissing.
    """
    async with database.reading() as session:
        found = await departments(session, purchase.id, units)
    people = sum(one.people for one in found)
    kind: str = requested
    if requested == "csv":
        await _csv(database, purchase.id, found, to)
    elif requested == "xlsx":
        await _xlsx(database, purchase.id, found, to)
    elif people <= ONE_PDF_MOST:
        whole = [
            part if named else _masked(part)
            async for batch in parts(database, purchase.id, found, most=AT_ONCE)
            for part in batch
        ]
        await anyio.to_thread.run_sync(to.write_bytes, await _paper(purchase, public_url, whole))
    else:
        kind = "zip"
        await _zip(database, purchase, public_url, found, to, named=named)
    async with database.transaction() as session:
        await record_change(
            session,
            actor_id=actor.user_id,
            action="roll.exported",
            subject=f"bulk_purchase:{purchase.id}",
            after={"format": kind, "people": people, "named": named and requested == "pdf"},
            now=now,
        )
    return kind


def _masked(part: Part) -> Part:
    lines = [
        replace(line, name=masked_name(line.name), proxy_name=line.proxy_name and masked_name(line.proxy_name))
        for line in part.lines
    ]
    return replace(part, lines=lines)


async def _paper(purchase: Row[Any], public_url: str, made: Sequence[Part]) -> bytes:
    def work() -> bytes:
        return paper(
            title=purchase.title, number=purchase.number, purchase_id=purchase.id, public_url=public_url, parts=made
        )

    return await anyio.to_thread.run_sync(work)


async def _zip(
    database: Database, purchase: Row[Any], public_url: str, found: Sequence[Department], to: Path, *, named: bool
) -> None:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        number = 0
        async for batch in parts(database, purchase.id, found, most=AT_ONCE):
            for part in batch:
                number += 1
                name = "".join(mark if mark.isalnum() else "-" for mark in f"{part.unit}-{part.department}")[:80]
                shown = part if named else _masked(part)
                archive.writestr(f"{number:04}-{name}.pdf", await _paper(purchase, public_url, [shown]))


async def _csv(database: Database, purchase_id: UUID, found: Sequence[Department], to: Path) -> None:
    out = CsvFile(to)
    out.add(TITLES)
    async for batch in parts(database, purchase_id, found, most=AT_ONCE):
        for part in batch:
            for line in part.lines:
                out.add(_cells(part, line))
    out.close()


async def _xlsx(database: Database, purchase_id: UUID, found: Sequence[Department], to: Path) -> None:
    sheet = XlsxSheet(to, "签领表")
    sheet.add(TITLES)
    async for batch in parts(database, purchase_id, found, most=AT_ONCE):
        for part in batch:
            for line in part.lines:
                sheet.add(_cells(part, line))
    await anyio.to_thread.run_sync(sheet.close)


def _cells(part: Part, line: RollLine) -> list[Cell]:
    return [
        part.unit,
        part.department,
        line.page,
        line.line,
        line.staff_number or "",
        masked_name(line.name),
        line.package or "",
        WORDS[line.outcome],
        masked_name(line.proxy_name) if line.proxy_name else "",
        line.waybill or "",
        line.note or "",
        str(line.signed_on) if line.signed_on else "",
    ]
