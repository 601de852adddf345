"""A supplier hands in an original: keep the file, read it or take what was typed beside it, then check and register."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import anyio.to_thread

from orders.evidence.keep import keep
from orders.evidence.sniff import sniff
from orders.invoice.queries import unit_of_request
from orders.invoice.read_xml import Fields, InvoiceUnreadable, read_invoice
from orders.invoice.take import Original, must_issue, request_of, take_invoice, take_red_letter
from shop.access.permissions import Actor
from shop.adapters.files.store import FileStore
from shop.core.database import Database
from shop.core.errors import Detail
from shop.sheet.cells import Cells
from shop.sheet.read import clean

_KINDS: Final = frozenset({"application/xml", "application/pdf", "application/ofd"})
_WORDS: Final = {
    "number": "发票号码",
    "issued_on": "开票日期",
    "issuer_name": "销售方名称",
    "issuer_tax_number": "销售方税号",
    "buyer_title": "购买方名称",
    "amount_yuan": "价税合计（元）",
    "tax_yuan": "税额（元）",
}


@dataclass(frozen=True, slots=True)
class Taken:
    id: UUID
    number: str
    kind: str
    amount_fen: int
    file_sha256: str


async def hand_in(
    files: FileStore,
    database: Database,
    *,
    actor: Actor,
    request_id: UUID | None = None,
    red_of_id: UUID | None = None,
    data: bytes,
    file_name: str,
    typed: Mapping[str, str],
    now: datetime,
) -> Taken:
    """Of a request (an invoice) or of a blue invoice (its red letter): exactly one of both is named.

    XML is read and what was typed is not; of a PDF or OFD the typed fields count (names as in `_WORDS`, yuan).
    Raises NotFound out of reach, InvoiceUnreadable, XmlRefused, and what `keep`, `take_invoice` and `take_red_letter`
    raise.
    """
    async with database.transaction() as session:  # strangers leave no file behind
        if red_of_id is not None:
            request_id = await request_of(session, red_of_id)
        assert request_id is not None  # noqa: S101  # the routes give one of both
        await must_issue(session, actor, request_id, now)
        unit_id = await unit_of_request(session, request_id)
    media_type = await anyio.to_thread.run_sync(sniff, data) if data else ""
    if media_type and media_type not in _KINDS:
        raise InvoiceUnreadable("请上传发票原件：XML、OFD 或 PDF。")
    is_xml = media_type == "application/xml"
    fields = await anyio.to_thread.run_sync(read_invoice, data) if is_xml else _typed(typed, red=red_of_id is not None)
    kept = await keep(files, database, data=data, file_name=file_name, actor=actor, unit_id=unit_id, now=now)
    original = Original(kept.sha256, "xml" if is_xml else "typed")
    async with database.transaction() as session:
        if red_of_id is not None:
            taken = await take_red_letter(
                session, actor=actor, invoice_id=red_of_id, fields=fields, original=original, now=now
            )
        else:
            taken = await take_invoice(
                session, actor=actor, request_id=request_id, fields=fields, original=original, now=now
            )
    return Taken(taken, fields.number, "red" if red_of_id else "blue", fields.amount_fen, kept.sha256)


def _typed(typed: Mapping[str, str], *, red: bool) -> Fields:
    """A red letter's amounts are typed without their sign, as the paper shows them with or without one."""
    cells = Cells({name: clean(value) for name, value in typed.items()})
    sign = -1 if red else 1
    amount = cells.maybe_fen("amount_yuan")
    if not amount and not cells.mistakes:
        cells.wrong("amount_yuan", "不能为空，也不能是 0", "cell_blank")
    fields = Fields(
        number=cells.code("number", longest=30),
        issued_on=cells.day("issued_on"),
        issuer_name=cells.text("issuer_name"),
        issuer_tax_number=cells.code("issuer_tax_number", longest=30),
        buyer_title=cells.text("buyer_title"),
        buyer_tax_number=cells.maybe_code("buyer_tax_number"),
        amount_fen=sign * abs(amount or 0),
        tax_fen=sign * abs(cells.maybe_fen("tax_yuan") or 0),
    )
    errors = [Detail(f"/{one.column}", one.code, f"{_WORDS[one.column]}：{one.said}") for one in cells.mistakes]
    if errors:
        raise InvoiceUnreadable("PDF 和 OFD 请同时填写票面内容。" + "；".join(e.detail for e in errors[:3]), errors)
    return fields
