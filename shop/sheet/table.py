"""A sheet's header, under whatever stands above it, and the rows below: data, what is set aside, what is too long."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shop.core.errors import Detail
from shop.sheet.cells import Cells
from shop.sheet.read import EATEN, ROWS_ABOVE_MAX, Sheet, SheetRow
from shop.sheet.refused import (
    ERRORS_SHOWN_MAX,
    ROWS_MAX,
    ColumnsUnknown,
    MergedCells,
    RowsRefused,
    TooManyRows,
)
from shop.sheet.value import plain

_RANGES_NAMED: Final = 10
_LOOKED_AT: Final = 3
_NARROW: Final = 5
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
"""The first so many cells say whether a row is a total."""
IsRow = Callable[[Sequence[str], Sequence[str]], bool]
"""Of titles (made `plain`) and cells: whether a row has what makes it one, whatever its words read like."""
_TOTAL: Final = re.compile(
    r"([0-9]{4}年)?([0-9]{1,2}月)?(本页|本次|本期|本日|本月|本季|本年|当日|全部|累计|收入|支出|借方|贷方)*(合计|总计|小计|累计)"
    r"(金额|笔数|数量)?([(（](元|万元|笔)[)）])?([:：].*)?|共[0-9,]+[条笔行人户份](记录)?|(期初|期末|上期|本期|上日|当前)余额([:：].*)?"
)
_NAMES: Final = frozenset({"姓名", "收件人"})
_STAFF_NUMBER, _PHONE = "工号", "手机"
_NOTE: Final = re.compile(
    r"(打印|制表|导出|下载|查询|生成|制单|审核|复核|经办|操作)(日期|时间|人|员|单位)?[:：].*|(说明|备注|注|温馨提示|提示)[:：].*"
)
_PAGE: Final = re.compile(r"承前页|转下页|过次页|接上页|以下空白|以下无正文|第[0-9]+页([/,，]?共[0-9]+页)?")
_HASH: Final = re.compile(r"#(.*[:：].*|[-=_*#]{3,}.*)")
_RULER: Final = re.compile(r"[-=_*—─#~]{3,}.*")


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that was read and is no data, or none of ours. reason: for programs; said: in Chinese."""

    row: int
    reason: str
    said: str


@dataclass(slots=True)
class Table:
    """titles: as written, without empty ones at the end. Rows add up: data, set aside, and those `refused` names.

    untitled: places of columns that hold something and have no title.
    """

    titles: list[str]
    header_row: int
    rows: list[SheetRow]
    set_aside: list[SetAside] = field(default_factory=list)
    errors: list[Detail] = field(default_factory=list)
    untitled: tuple[int, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The titles, with a name for each column that has none and holds something."""
        named = dict(enumerate(self.titles)) | {place: untitled(place) for place in self.untitled}
        return [named[place] for place in sorted(named)]

    @property
    def rows_read(self) -> int:
        return len(self.rows) + len(self.set_aside)

    def cells(self, line: SheetRow, places: Mapping[str, int]) -> Cells:
        """The row by column names; places: where each stands."""
        filled = {name: line.cells[place] for name, place in places.items() if place < len(line.cells)}
        return Cells(filled, {name for name, place in places.items() if place in line.lost})


def no_row(_titles: Sequence[str], _cells: Sequence[str]) -> bool:
    """Where nothing but its words says whether a row is a total."""
    return False


def table_of(
    sheet: Sheet,
    is_header: Callable[[Sequence[str]], bool],
    *,
    rows_max: int = ROWS_MAX,
    ends_at: Collection[str] = (),
    is_row: IsRow = no_row,
) -> Table | None:
    """The table under the first row that is a header; None where there is none.

    is_header: of titles made `plain`. ends_at: the first cells from which on everything is a summary. is_row: what it
    says so of is no total and no note. A row longer than its header is an error of that row: a comma in a name has
    moved its cells; so is one whose quotes have swallowed others, and a shorter one where half a sign eats what parts
    the cells. Raises MergedCells, TooManyRows.
    """
    for place, line in enumerate(sheet.lines[:ROWS_ABOVE_MAX]):
        if is_header([plain(cell) for cell in line.cells]):
            return _below(sheet, place, rows_max, frozenset(ends_at), is_row)
    return None


def first_row_table(sheet: Sheet, *, rows_max: int = ROWS_MAX, is_row: IsRow = no_row) -> Table:
    """The first row taken for the header, so that what is wrong with it can be said."""
    return _below(sheet, 0, rows_max, frozenset(), is_row)


def refuse_rows(
    errors: Sequence[Detail],
    *,
    rows_read: int,
    set_aside: Sequence[SetAside],
    saying: str = "什么都没有保存",
    **extra: Any,
) -> RowsRefused:
    """The problem that names every wrong row, and adds up the rows that were read.

    One refused row saves nothing: rows_taken are those that are not wrong themselves.
    """
    shown = list(errors[:ERRORS_SHOWN_MAX])
    first = "；".join(one.detail.removesuffix("。") for one in shown[:3])
    more = "……" if len(errors) > 3 else ""
    refused = len({one.pointer.split("/")[2] for one in errors if one.pointer.startswith("/rows/")})
    counts = {
        "error_count": len(errors),
        "rows_read": rows_read,
        "rows_taken": rows_read - len(set_aside) - refused,
        "rows_set_aside": len(set_aside),
        "rows_refused": refused,
        "set_aside": [{"row": one.row, "reason": one.reason, "said": one.said} for one in set_aside[:ERRORS_SHOWN_MAX]],
    }
    return RowsRefused(f"{first}{more}。共 {len(errors)} 处错误，{saying}。", shown, {**counts, **extra})


def untitled(place: int) -> str:
    """What a column without a title is called."""
    return f"第 {place + 1} 列（没有列名）"


def require_known(
    table: Table, known: Collection[str], acknowledged: Collection[str], lacking: Sequence[str] = ()
) -> tuple[str, ...]:
    """Columns that no mapping knows, and that somebody said need no reading: the others are shown before anything is
    saved. A column without a title is none of ours. known, acknowledged: made `plain`. lacking: titles that would be
    read and are not there; one of them may be meant by a title that nearly says it.

    Raises ColumnsUnknown.
    """
    titles = table.columns
    unknown = [title for title in dict.fromkeys(titles) if title and plain(title) not in known]
    if left := [title for title in unknown if plain(title) not in acknowledged]:
        could = f"能读而文件里没有的列：{'、'.join(lacking)}。" if lacking else ""
        raise ColumnsUnknown(
            f"没有人读的列：{'、'.join(left)}。{could}如果它们不影响金额和归属，请确认后继续；否则请改用能读它们的格式。",
            [Detail(f"/columns/{titles.index(one)}", "column_unknown", f"不认识的列“{one}”") for one in left],
            {"unknown_columns": left},
        )
    return tuple(unknown)


def _below(sheet: Sheet, place: int, rows_max: int, ends_at: frozenset[str], is_row: IsRow) -> Table:
    header = sheet.lines[place]
    _refuse_merged(sheet, header.number)
    titles = list(header.cells)
    while titles and not titles[-1]:
        titles.pop()
    width = len(titles) if sheet.padded else len(header.cells)
    table = Table(titles, header.number, [])
    ended = False
    for line in sheet.lines[place + 1 :]:
        first = plain(line.cells[0])
        ended = ended or first in ends_at
        swallowed = not ended and _has_swallowed(line, width, sheet.separator)
        note = ("summary", "汇总") if ended else None if swallowed else _note(line.cells, titles)
        if note and (ended or not is_row([plain(title) for title in titles], line.cells)):
            table.set_aside.append(SetAside(line.number, *note))
            continue
        table.rows.append(line)
        if swallowed:
            said = f"第 {line.number} 行的一个格子里有换行和分隔符，像是没有配对的引号吞掉了别的行；请改正引号"
            table.errors.append(Detail(f"/rows/{line.number}", "row_swallowed", said))
        elif any(line.cells[len(titles) :]) or (len(line.cells) > width and not sheet.padded):
            said = f"第 {line.number} 行有 {len(line.cells)} 格，比表头的 {width} 格多；可能是文字里的逗号没有加引号"
            table.errors.append(Detail(f"/rows/{line.number}", "row_too_long", said))
        elif sheet.separator == EATEN and len(line.cells) < width:
            said = f"第 {line.number} 行有 {len(line.cells)} 格，比表头的 {width} 格少；可能是半个汉字吞掉了分隔符“|”"
            table.errors.append(Detail(f"/rows/{line.number}", "row_too_short", said))
    if len(table.rows) > rows_max:
        raise TooManyRows(f"最多 {rows_max:,} 行，请分成几个文件。")
    bare = [place for place, title in enumerate(titles) if not title]
    table.untitled = tuple(
        place for place in bare if any(place < len(line.cells) and line.cells[place] for line in table.rows)
    )
    return table


def _has_swallowed(line: SheetRow, width: int, separator: str) -> bool:
    """A quote that was not closed takes the rest of its row, whole rows, and the beginning of another: one cell holds
    line ends, and about as many separators as that many rows have. A remark or an address of several lines has few.
    """
    if not separator or width < 2:
        return False
    a_row = (width - 1) // 2 if width > _NARROW else width - 1
    ends = ((cell, len(_LINE_END.findall(cell))) for cell in line.cells)
    return any(found and cell.count(separator) >= a_row * found for cell, found in ends)


def _refuse_merged(sheet: Sheet, header_row: int) -> None:
    wrong = [one.address for one in sheet.merged if one.last_row >= header_row]
    if wrong:
        more = f" 等 {len(wrong)} 处" if len(wrong) > _RANGES_NAMED else ""
        named = "、".join(wrong[:_RANGES_NAMED])
        raise MergedCells(
            f"{named}{more}是合并单元格，请取消合并，让每一行都填完整，再上传。", extra={"merged_cells": wrong}
        )


def _note(cells: Sequence[str], titles: Sequence[str]) -> tuple[str, str] | None:
    """Why a row below a header is no data: a total, a line drawn, who printed it and when."""
    said = [place for place, cell in enumerate(cells[:_LOOKED_AT]) if cell and _TOTAL.fullmatch(plain(cell))]
    if said and not _is_person(said, cells, titles):
        return "total", "合计行"
    first = plain(next(filter(None, cells)))
    if _RULER.fullmatch(first) and _filled(cells) == 1:
        return "ruler", "分隔线"
    if _filled(cells) <= _LOOKED_AT and (_NOTE.fullmatch(first) or _HASH.fullmatch(first)):
        return "note", "说明行"
    if _PAGE.fullmatch(first):
        return "note", "说明行"
    return None


def _is_person(said: Sequence[int], cells: Sequence[str], titles: Sequence[str]) -> bool:
    """Whether what reads like a total is the name of somebody: it stands as a name, and a number of his beside it."""
    named = {plain(title): cell for title, cell in zip(titles, cells, strict=False)}
    if any(place >= len(titles) or plain(titles[place]) not in _NAMES for place in said):
        return False
    return bool(named.get(_STAFF_NUMBER)) or sum(sign.isdigit() for sign in named.get(_PHONE, "")) >= 7  # no count


def _filled(cells: Sequence[str]) -> int:
    return max((place for place, cell in enumerate(cells, start=1) if cell), default=0)
