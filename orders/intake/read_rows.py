"""Read a channel's file: find its header under whatever stands above it, and what each row says. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

from orders.intake.channels import (
    EXAMPLE,
    NEEDED,
    TEMPLATE,
    WORDS,
    Channel,
    Named,
    channel_named,
)
from orders.intake.row import SaleRow
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.sheet.cells import Cells, Mistake
from shop.sheet.heed import foreign_cells, heed_above
from shop.sheet.read import DIGITS_KEPT, ROWS_ABOVE_MAX, Sheet, read_sheet
from shop.sheet.refused import HeaderWrong
from shop.sheet.table import Table, require_known, table_of
from shop.sheet.value import YUAN_MAX, plain, rounded
from shop.sheet.words import BESIDE, NOT_COUNTED, STATUSES

ROWS_MAX: Final = 5_000
"""Rows of a file: it is checked, and later entered, while somebody waits."""
_CODES: Final = {name: frozenset(words.values()) for name, words in WORDS.items()}


@dataclass(frozen=True, slots=True)
class FileRead:
    """A channel's file. rows: its sales and refunds, and those that are set aside, in the order of the file."""

    channel: Channel
    rows: list[SaleRow]
    acknowledged: tuple[str, ...] = ()


class WrongChannel(Problem):
    """The file is the statement of another channel."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "wrong_channel"
    title: ClassVar[str] = "这是另一个渠道的对账单"


def template() -> list[Sequence[str]]:
    """Our own header and an example row."""
    return [[one.titles[0] for one in TEMPLATE], EXAMPLE]


def read_rows(
    data: bytes, channels: Sequence[Channel], channel_code: str | None, acknowledged: Collection[str] = ()
) -> FileRead:
    """channel_code None: the file's own column 渠道 says it. acknowledged: columns that somebody said need no reading.

    Raises what `read_sheet` and `table_of` raise, ChannelUnknown, WrongChannel, HeaderWrong, ColumnsUnknown.
    """
    sheet = read_sheet(data, ROWS_MAX)
    requested = channel_named(channels, channel_code) if channel_code else None
    table, columns = _table_of(sheet, channels, requested)
    heed_above(sheet, table.header_row)
    _refuse_twice([plain(title) for title in table.titles])
    known = _read_titles(columns, [plain(title) for title in table.titles])
    ignored = require_known(table, known, {plain(one) for one in acknowledged})
    places = _places(columns, [plain(title) for title in table.titles])
    too_long = {one.pointer: one for one in table.errors}
    states = _states(columns, [plain(title) for title in table.titles])
    channel, read = requested, []
    for line in table.rows:
        by_field = {name: line.cells[place] for name, place in places.items() if place < len(line.cells)}
        if states:
            by_field["status"] = BESIDE.join(filter(None, (line.cells[at] for at in states if at < len(line.cells))))
        channel = _stated_channel(by_field, channels, channel, line.number)
        if channel is not None:
            row = read_row(channel, line.number, by_field, {name for name, at in places.items() if at in line.lost})
            row.mistakes += [
                Mistake("", "currency_other", f"第 {line.number} 行“{title}”：{wrong}")
                for title, wrong in foreign_cells(table.titles, line)
            ]
            if longer := too_long.get(f"/rows/{line.number}"):
                row.state, row.why = "staged", None
                row.mistakes = [Mistake("", longer.code, longer.detail)]
            read.append(row)
    if rounded(row.external_number for row in read):
        for row in read:
            if len(row.external_number) > DIGITS_KEPT:
                said = (
                    f"“{row.external_number}”超过 15 位的末尾都是 0，像是被表格软件改掉了，请把这一列设为文本后重新导出"
                )
                row.wrong("number", said, "digits_lost")
    if channel is None or not read:
        raise HeaderWrong("只有表头，没有数据行。")
    return FileRead(channel, sorted([*read, *_notes(channel, table)], key=lambda row: row.number), ignored)


def read_row(channel: Channel, number: int, cells: Mapping[str, str], lost: Collection[str] = ()) -> SaleRow:
    """One row by our own names of the fields; every mistake is noted, with its column, and reading goes on.

    What its status says is closed or unpaid is set aside, whatever else is missing in it. lost: fields whose cell is a
    number with more digits than a spreadsheet keeps.
    """
    row = SaleRow(new_id(), channel.code, number, dict(cells))
    reading = Cells({name: cell for name, cell in cells.items() if cell}, lost)
    row.type = "refund" if _word(channel, reading, "type", "sale") == "refund" else "sale"
    row.external_number = reading.code("number")
    row.external_line = reading.maybe_code("line") or "1"
    row.why = _status(channel, reading, row)
    if row.why is not None:
        row.state = "set_aside"
        return row
    row.refund_number = (reading.code if row.type == "refund" else reading.maybe_code)("refund_number") or None
    row.invoice_number = reading.maybe_code("invoice_number")
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
    row.recognition_number = reading.maybe_code("recognition_number") or ""
    row.quantity_milli = _thousandths(reading, "quantity", "数量", needed=row.type == "sale")
    row.grams = _thousandths(reading, "kg", "重量（公斤）", needed=False)
    row.amount_fen = _amount(reading, refund=row.type == "refund")
    row.day = reading.maybe_day("day")
    if row.day is None and not any(one.column == "day" for one in reading.mistakes):
        reading.blank("day")
    row.mistakes += reading.mistakes
    return row


def _table_of(sheet: Sheet, channels: Sequence[Channel], requested: Channel | None) -> tuple[Table, Sequence[Named]]:
    """The table under the first header that is the channel's own or our template's, and which of both it is."""
    ways = [requested.known_columns, TEMPLATE] if requested else [TEMPLATE]
    for columns in ways:
        if table := table_of(sheet, partial(_whole, columns), rows_max=ROWS_MAX, is_row=partial(_is_row, columns)):
            return table, columns
    for other in channels:
        if requested in (None, other) or table_of(sheet, partial(_whole, other.columns)) is None:
            continue
        raise WrongChannel(
            f"这份文件看起来是“{other.name}”的对账单，不是“{requested.name if requested else ''}”的。请重新选择渠道。",
            extra={"looks_like": other.code},
        )
    widest = max(sheet.lines[:ROWS_ABOVE_MAX], key=lambda line: len(line.cells))
    found = _places(ways[0], [plain(cell) for cell in widest.cells])
    titled = [one.titles[0] for one in ways[0] if one.field in NEEDED and one.field not in found and one.titles]
    raise HeaderWrong(f"缺少列：{'、'.join(titled)}。请使用渠道直接导出的文件，或下载我们的模板填写。")


def _whole(columns: Sequence[Named], titles: Sequence[str]) -> bool:
    found = _places(columns, titles)
    return all(name in found for name in NEEDED)


def _is_row(columns: Sequence[Named], titles: Sequence[str], cells: Sequence[str]) -> bool:
    found = _places(columns, titles)
    return all(found[name] < len(cells) and cells[found[name]] for name in NEEDED)


def _places(columns: Sequence[Named], titles: Sequence[str]) -> dict[str, int]:
    found = {}
    for one in columns:
        for title in one.titles:
            if plain(title) in titles:
                found[one.field] = list(titles).index(plain(title))
                break
    return found


def _states(columns: Sequence[Named], titles: Sequence[str]) -> list[int]:
    """Places of all columns that say a status: one of them may say that the order was closed."""
    requested = {plain(title) for one in columns if one.field == "status" for title in one.titles}
    return [place for place, title in enumerate(titles) if title in requested]


def _read_titles(columns: Sequence[Named], titles: Sequence[str]) -> frozenset[str]:
    """Titles that are read: of each field one, of status all. A second column of the same is asked about."""
    places = _places(columns, titles).values()
    return frozenset(titles[place] for place in (*places, *_states(columns, titles)))


def _refuse_twice(titles: Sequence[str]) -> None:
    if twice := sorted({title for title in titles if title and titles.count(title) > 1}):
        raise HeaderWrong(f"重复的列：{'、'.join(twice)}。")


def _notes(channel: Channel, table: Table) -> list[SaleRow]:
    """Totals and notes below the data: kept as they were read, so that the rows add up."""
    return [
        SaleRow(new_id(), channel.code, one.row, {"note": one.said}, state="set_aside", why=one.reason)
        for one in table.set_aside
    ]


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
            cells.blank(name)
        return blank
    words = {**WORDS[name], **(channel.named(name).words or {})}
    if found in words:
        return words[found]
    if found in _CODES[name]:
        return found
    cells.wrong(name, f"“{found[:40]}”应为：{'、'.join(words)}")
    return blank


def _status(channel: Channel, cells: Cells, row: SaleRow) -> str | None:
    """Why the row is set aside: its order was closed, never paid, or given back. None: it counts, or no status is said,
    or a word is unknown, which is noted.
    """
    said = cells.states("status", {**STATUSES, **(channel.named("status").words or {})})
    if "part_refunded" in said and row.type == "sale":
        asks = "渠道说退了一部分：请确认它的退款行已经在这份或另一份文件里"
        row.asked.append(Mistake("status", "part_refunded", asks))
    if row.type == "refund":
        said = ["closed" if one == "refund_closed" else one for one in said if one != "refunded"]
    return next((one for one in said if one in NOT_COUNTED), None)


def _amount(cells: Cells, *, refund: bool) -> int:
    """Fen above 0. A refund may be stated as a negative figure; a sale never."""
    noted = len(cells.mistakes)
    fen = cells.maybe_fen("amount")
    if fen is None:
        if len(cells.mistakes) == noted:
            cells.blank("amount")
        return 0
    if fen == 0:
        cells.wrong("amount", "金额不能为 0")
    elif fen < 0 and not refund:
        cells.wrong("amount", "销售金额不能是负数；退货请写成一行“退款”", "sale_negative")
        return 0
    return abs(fen)


def _thousandths(cells: Cells, name: str, title: str, *, needed: bool) -> int:
    """Milli-pieces or grams. Of a refund the sign means nothing."""
    noted = len(cells.mistakes)
    figure = cells.maybe_decimal(name, places=3)
    if figure is None:
        if needed and len(cells.mistakes) == noted:
            cells.blank(name)
        return 0
    if abs(figure) > YUAN_MAX or (needed and figure <= 0):
        cells.wrong(name, f"{title}须大于 0" if figure <= 0 else f"{title}太大")
        return 0
    return int(abs(figure) * 1000)
