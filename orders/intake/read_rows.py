"""Read a channel's file: find its header under whatever stands above it, and what each row says. Pure."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from catalog.upload.cells import Cells
from catalog.upload.sheet import Sheet, read_sheet
from catalog.upload.wrong import HeaderWrong, MergedCells
from orders.intake.channels import EXAMPLE, NEEDED, TEMPLATE, Channel, Named, channel_named
from orders.intake.row import Row
from shop.core.errors import Problem
from shop.core.ids import new_id

ROWS_MAX: Final = 5_000
"""Rows of a file: it is checked, and later entered, while somebody waits."""
_ROWS_ABOVE_MAX: Final = 15
_TOTALS: Final = frozenset({"合计", "总计", "小计", "本页合计"})
_DAY: Final = re.compile(
    r"^(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))(?:T\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$"
)
_GROUPED: Final = re.compile(r"^([+-]?)((?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?)$")
_SCIENTIFIC: Final = re.compile(r"^\d(?:\.\d+)?[eE]\+?\d+$")
_YUAN_MAX: Final = Decimal(10_000_000_000)
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "type": {"销售": "sale", "订单": "sale", "成交": "sale", "退款": "refund", "退货": "refund", "退单": "refund"},
    "credit_kind": {
        "直接购买": "direct_purchase",
        "直购": "direct_purchase",
        "购买": "direct_purchase",
        "帮助销售": "assisted_sale",
        "帮销": "assisted_sale",
    },
    "fund_source": {
        "个人": "personal",
        "个人自费": "personal",
        "工会": "union",
        "工会经费": "union",
        "食堂": "canteen",
        "食堂经费": "canteen",
        "行政": "administration",
        "行政经费": "administration",
        "党费": "party_dues",
    },
}
_CODES: Final = {name: frozenset(words.values()) for name, words in _WORDS.items()}


class WrongChannel(Problem):
    """The file is the statement of another channel."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "wrong_channel"
    title: ClassVar[str] = "这是另一个渠道的对账单"


def plain(words: str) -> str:
    """Half width, without any space: how numbers, figures and names are compared."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))


def template() -> bytes:
    """Our own header with an example row, as spreadsheet software opens it (UTF-8 with BOM)."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows([[one.titles[0] for one in TEMPLATE], EXAMPLE])
    return out.getvalue().encode("utf-8-sig")


def read_rows(data: bytes, channels: Sequence[Channel], channel_code: str | None) -> tuple[Channel, list[Row]]:
    """channel_code None: the file's own column 渠道 says it.

    Raises what `read_sheet` raises, MergedCells, ChannelUnknown, WrongChannel, HeaderWrong.
    """
    sheet = read_sheet(data, ROWS_MAX)
    wanted = channel_named(channels, channel_code) if channel_code else None
    channel, header_row, places, rows = _header_of(sheet, channels, wanted)
    merged = int(match[1]) if sheet.merged and (match := re.search(r":[A-Z]+(\d+)$", sheet.merged)) else 0
    if merged > header_row:
        raise MergedCells(f"{sheet.merged} 是合并单元格，请取消合并，让每一行都填完整，再上传。")
    read = []
    for number, cells in rows:
        if any(plain(cell) in _TOTALS for cell in cells[:3]):
            continue
        by_field = {name: cells[place] for name, place in places.items() if place < len(cells)}
        channel = _stated_channel(by_field, channels, channel, number)
        if channel is not None:
            read.append(read_row(channel, number, by_field))
    if channel is None or not read:
        raise HeaderWrong("只有表头，没有数据行。")
    return channel, read


def read_row(channel: Channel, number: int, cells: Mapping[str, str]) -> Row:
    """One row by our own names of the fields; every mistake is noted, with its column, and reading goes on."""
    row = Row(new_id(), channel.code, number, dict(cells))
    reading = Cells({name: cell for name, cell in cells.items() if cell})
    row.type = "refund" if _word(channel, reading, "type", "sale") == "refund" else "sale"
    row.external_number = _number(reading, "number", needed=True)
    row.external_line = _number(reading, "line") or "1"
    row.refund_number = _number(reading, "refund_number", needed=row.type == "refund") or None
    row.invoice_number = _number(reading, "invoice_number") or None
    row.credit_kind = _word(channel, reading, "credit_kind", channel.named("credit_kind").blank)
    blank = channel.named("fund_source").blank or ("personal" if row.credit_kind == "assisted_sale" else None)
    row.fund_source = _word(channel, reading, "fund_source", blank)
    row.unit_name = reading.text("unit")
    row.province = reading.maybe("province") or ""
    row.county_name = reading.text("county")
    row.producer_name = reading.text("producer")
    row.supplier_name = reading.maybe("supplier") or ""
    row.product_name = reading.text("product")
    row.category = reading.maybe("category")
    row.recognition_number = plain(reading.maybe("recognition_number") or "")
    row.quantity_milli = _thousandths(reading, "quantity", "数量", needed=row.type == "sale")
    row.grams = _thousandths(reading, "kg", "重量（公斤）", needed=False)
    row.amount_fen = _amount(reading, refund=row.type == "refund")
    row.day = _day(reading)
    row.mistakes += reading.mistakes
    return row


def _header_of(
    sheet: Sheet, channels: Sequence[Channel], wanted: Channel | None
) -> tuple[Channel | None, int, dict[str, int], Sequence[tuple[int, list[str]]]]:
    """The first row that is a header we know, where its fields stand, and the rows below it."""
    lines = [(1, sheet.header), *sheet.rows]
    best: list[str] = []
    for place, (number, cells) in enumerate(lines[:_ROWS_ABOVE_MAX]):
        titles = [plain(cell) for cell in cells]
        for channel, columns in ((wanted, wanted.columns if wanted else ()), (wanted, TEMPLATE)):
            places = _places(columns, titles)
            missing = [name for name in NEEDED if name not in places]
            if not missing:
                _refuse_twice(titles)
                return channel, number, places, lines[place + 1 :]
        for other in channels:
            if wanted in (None, other) or any(name not in _places(other.columns, titles) for name in NEEDED):
                continue
            raise WrongChannel(
                f"这份文件看起来是“{other.name}”的对账单，不是“{wanted.name if wanted else ''}”的。请重新选择渠道。",
                extra={"looks_like": other.code},
            )
        if len(titles) > len(best):
            best = titles
    columns = wanted.columns if wanted else TEMPLATE
    found = _places(columns, best)
    titled = [one.titles[0] for one in columns if one.field in NEEDED and one.field not in found and one.titles]
    raise HeaderWrong(f"缺少列：{'、'.join(titled)}。请使用渠道直接导出的文件，或下载我们的模板填写。")


def _places(columns: Sequence[Named], titles: Sequence[str]) -> dict[str, int]:
    found = {}
    for one in columns:
        for title in one.titles:
            if plain(title) in titles:
                found[one.field] = titles.index(plain(title))
                break
    return found


def _refuse_twice(titles: Sequence[str]) -> None:
    if twice := sorted({title for title in titles if title and titles.count(title) > 1}):
        raise HeaderWrong(f"重复的列：{'、'.join(twice)}。")


def _stated_channel(
    cells: Mapping[str, str], channels: Sequence[Channel], channel: Channel | None, number: int
) -> Channel | None:
    """What the row's own column says, where it has one. A file is of one channel."""
    written = cells.get("channel") or ""
    if not written:
        if channel is None:
            raise HeaderWrong(f"第 {number} 行没有写渠道。请选择渠道，或填写“渠道”一列。")
        return channel
    stated = channel_named(channels, written)
    if channel is not None and stated.code != channel.code:
        raise WrongChannel(
            f"第 {number} 行写的是“{stated.name}”，而这份文件是“{channel.name}”的。一份文件只能有一个渠道。",
            extra={"looks_like": stated.code},
        )
    return stated


def _word(channel: Channel, cells: Cells, name: str, blank: str | None) -> str | None:
    found = plain(cells.maybe(name) or "")
    if not found:
        if blank is None:
            cells.wrong(name, "不能为空", "cell_blank")
        return blank
    words = {**_WORDS[name], **(channel.named(name).words or {})}
    if found in words:
        return words[found]
    if found in _CODES[name]:
        return found
    cells.wrong(name, f"“{found[:40]}”应为：{'、'.join(words)}")
    return blank


def _number(cells: Cells, name: str, *, needed: bool = False) -> str:
    """The channel's own number, as it is; a spreadsheet may have made something else of a long one."""
    found = plain(cells.maybe(name) or "")
    if not found:
        if needed:
            cells.wrong(name, "不能为空", "cell_blank")
        return ""
    if _SCIENTIFIC.match(found):
        cells.wrong(name, f"“{found}”已被表格软件改成科学计数，请把这一列设为文本后重新导出")
    elif len(found) > 64 or not found.isprintable():
        cells.wrong(name, "最多 64 个字")
    return found[:64]


def _figure(cells: Cells, name: str, *, places: int) -> Decimal | None:
    """A figure with or without thousands separators, half or full width. None: blank, or noted as wrong."""
    written = plain(cells.maybe(name) or "").replace("−", "-")
    for word in ("¥", "CNY", "RMB", "元"):
        written = written.removeprefix(word).removesuffix(word)
    if not written:
        return None
    matched = _GROUPED.match(written)
    figure = Decimal(matched[1] + matched[2].replace(",", "")) if matched and len(written) < 40 else None
    if figure is None or abs(figure) > _YUAN_MAX or figure != round(figure, places):
        cells.wrong(name, f"“{written[:40]}”不是数字（最多 {places} 位小数，千位逗号须每三位一个）")
        return None
    return figure


def _amount(cells: Cells, *, refund: bool) -> int:
    """Fen above 0. A refund may be stated as a negative figure; a sale never."""
    noted = len(cells.mistakes)
    yuan = _figure(cells, "amount", places=2)
    if yuan is None:
        if len(cells.mistakes) == noted:
            cells.wrong("amount", "不能为空", "cell_blank")
        return 0
    if yuan == 0:
        cells.wrong("amount", "金额不能为 0")
    elif yuan < 0 and not refund:
        cells.wrong("amount", "销售金额不能是负数；退货请写成一行“退款”", "sale_negative")
        return 0
    return int(abs(yuan) * 100)


def _thousandths(cells: Cells, name: str, title: str, *, needed: bool) -> int:
    """Milli-pieces or grams. Of a refund the sign means nothing."""
    noted = len(cells.mistakes)
    figure = _figure(cells, name, places=3)
    if figure is None:
        if needed and len(cells.mistakes) == noted:
            cells.wrong(name, "不能为空", "cell_blank")
        return 0
    if needed and figure <= 0:
        cells.wrong(name, f"{title}须大于 0")
        return 0
    return int(abs(figure) * 1000)


def _day(cells: Cells) -> date | None:
    """2026-11-22, 2026/11/22, 2026年11月22日 or 20261122, with or without a time."""
    found = re.sub(r"\s+", "T", unicodedata.normalize("NFKC", cells.maybe("day") or "").strip())
    if not found:
        cells.wrong("day", "不能为空", "cell_blank")
        return None
    matched = _DAY.match(found)
    if matched:
        parts = [int(part) for part in matched.groups() if part is not None]
        try:
            return date(*parts)
        except ValueError:  # the 31st of February
            pass
    cells.wrong("day", f"“{found[:40]}”不是日期（如 2026-11-22、2026/11/22、2026年11月22日）")
    return None
