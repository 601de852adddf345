"""One row of a table, read cell by cell: every mistake is noted in Chinese, with its column, and reading goes on."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final, TypeVar

from shop.core.clock import SHANGHAI
from shop.sheet.decode import LOST
from shop.sheet.value import Unreadable, code_of, day_of, decimal_of, fen_of, half_width, plain, whole_of
from shop.sheet.words import BESIDE, part_refunded

_Value = TypeVar("_Value")
BLANKS: Final = frozenset({"", "-", "--", "---", "—", "——", "/"})
"""What stands in a cell for a figure, a day or a number that there is not."""
_TRUE: Final = frozenset({"是", "true", "1", "yes", "y", "对", "√"})
_FALSE: Final = frozenset({"否", "false", "0", "no", "n", "错", "×"})
_PRICE_MOST_FEN: Final = 1_000_000_000
_SIGN_LOST: Final = re.compile(rf"[?{LOST}]")


_WORDS_SHOWN: Final = 8


def some_of(words: Collection[str]) -> str:
    """The first of the words that would be right."""
    more = " 等" if len(words) > _WORDS_SHOWN else ""
    return "、".join(list(words)[:_WORDS_SHOWN]) + more


@dataclass(frozen=True, slots=True)
class Mistake:
    """column: the name of the column; said: what is wrong and what would be right."""

    column: str
    code: str
    said: str


class Cells:
    """The cells of a row by column name. Methods give the value, or note a mistake and give something harmless.

    lost: columns whose cell is no longer the code that stood there: a number with more digits than a spreadsheet keeps,
    or a day. asked: what somebody should look at although it is kept.
    """

    def __init__(self, by_name: Mapping[str, str], lost: Collection[str] = ()) -> None:
        self._by_name = by_name
        self._lost = lost
        self.mistakes: list[Mistake] = []
        self.asked: list[Mistake] = []

    def wrong(self, column: str, said: str, code: str = "cell_wrong") -> None:
        self.mistakes.append(Mistake(column, code, said))

    def maybe(self, column: str) -> str | None:
        """Text, or None when blank or when the file has no such column."""
        return self._by_name.get(column) or None

    def text(self, column: str, *, longest: int = 200) -> str:
        found = self.maybe(column) or ""
        if not found:
            self.blank(column)
        elif len(found) > longest:
            self.wrong(column, f"最多 {longest} 个字")
        return found

    def blank(self, column: str) -> None:
        self.wrong(column, "不能为空", "cell_blank")

    def name(self, column: str, *, longest: int = 40) -> str:
        """Of a person. A sign that an export could not write stands there as `?`: it is kept and asked about."""
        found = self.text(column, longest=longest)
        if _SIGN_LOST.search(found):
            said = "名字里有“?”，可能是导出时丢失的生僻字，请核对（另存为 UTF-8 的 csv 或 xlsx 不会丢字）"
            self.asked.append(Mistake(column, "sign_lost", said))
        return found

    def maybe_code(self, column: str, *, longest: int = 64) -> str | None:
        """A number that names something: half width, without spaces, every sign as it was written."""
        written = self._by_name.get(column, "")
        if column in self._lost:
            number = written.isdigit()
            how = "是数字格式，超过 15 位的末尾几位" if number else "是日期格式，原来的编号"
            said = f"“{written}”{how}已被表格软件改掉，请把这一列设为文本后重新导出"
            self.wrong(column, said, "digits_lost")
            return None
        return self._read(column, lambda cell: code_of(cell, longest=longest))

    def code(self, column: str, *, longest: int = 64) -> str:
        noted = len(self.mistakes)
        found = self.maybe_code(column, longest=longest) or ""
        if not found and len(self.mistakes) == noted:
            self.blank(column)
        return found

    def states(self, column: str, words: Mapping[str, str]) -> list[str]:
        """What the states of the row say, of one column or several. A word that is not in `words` is a mistake: nobody
        could say whether the row counts.
        """
        found = [plain(one) for one in (self.maybe(column) or "").split(BESIDE) if one]
        if unknown := [one for one in found if one not in words and part_refunded(one) is None]:
            said = f"不认识的状态“{unknown[0][:40]}”，不知道这一行算不算数；认识的有：{some_of(words)}"
            self.wrong(column, said)
            return []
        return [words.get(one, "part_refunded") for one in found]

    def maybe_decimal(self, column: str, *, places: int) -> Decimal | None:
        """A figure with at most so many decimals."""
        return self._read(column, lambda cell: decimal_of(cell, places=places))

    def maybe_whole(self, column: str, *, least: int = 0, most: int = 10**9) -> int | None:
        """A whole number in [least, most]."""
        return self._read(column, lambda cell: whole_of(cell, least=least, most=most))

    def whole(self, column: str, *, least: int = 0, most: int = 10**9) -> int:
        return self._needed(column, self.maybe_whole(column, least=least, most=most), least)

    def maybe_fen(self, column: str) -> int | None:
        """Yuan with at most two decimals, as fen; may be negative."""
        return self._read(column, fen_of)

    def fen(self, column: str) -> int:
        """A price in yuan, as fen; above 0."""

        def read(cell: str) -> int:
            found = fen_of(cell)
            if not 0 < found <= _PRICE_MOST_FEN:
                raise Unreadable(f"“{cell}”不是金额（元，最多两位小数，大于 0）")
            return found

        return self._needed(column, self._read(column, read), 0)

    def maybe_day(self, column: str) -> date | None:
        """A business day, as `day_of` reads it."""
        return self._read(column, day_of)

    def day(self, column: str) -> date:
        return self._needed(column, self.maybe_day(column), date(1970, 1, 1))

    def maybe_moment(self, column: str) -> datetime | None:
        """The beginning of a business day."""
        found = self.maybe_day(column)
        return None if found is None else datetime.combine(found, time(0), SHANGHAI).astimezone(UTC)

    def window(self, first: str, last: str) -> None:
        """Two days, half-open: the second must be later. Both may be blank."""
        start, end = self.maybe_day(first), self.maybe_day(last)
        if start and end and end <= start:
            self.wrong(last, "必须晚于开始日期（不含这一天）")

    def flag(self, column: str, *, blank: bool = False) -> bool:
        found = half_width(self.maybe(column) or "").lower()
        if found and found not in _TRUE | _FALSE:
            self.wrong(column, f"“{found}”应为“是”或“否”")
        return found in _TRUE if found else blank

    def choice(self, column: str, allowed: Mapping[str, str], *, blank: str | None = None) -> str:
        """One of the words on the left (or the code on the right); the code."""
        found = plain(self.maybe(column) or "")
        if not found and blank is not None:
            return blank
        if found in allowed:
            return allowed[found]
        if found in allowed.values():
            return found
        self.wrong(column, f"“{found}”应为：{'、'.join(allowed)}")
        return next(iter(allowed.values()))

    def county(self, column: str) -> str:
        """A division code, six digits."""
        found = self.code(column)
        if found and not re.fullmatch(r"[0-9]{6}", found):
            self.wrong(column, f"“{found}”不是六位行政区划代码")
        return found

    def maybe_county(self, column: str) -> str | None:
        return self.county(column) if self.maybe(column) else None

    def months(self, column: str) -> list[int]:
        """Months 1 to 12, separated by `;` or `、`; blank = none."""
        parts: Sequence[str] = [
            part for part in re.split(r"[;；、,，\s]+", half_width(self.maybe(column) or "")) if part
        ]
        if any(not part.isascii() or not part.isdigit() or not 1 <= int(part) <= 12 for part in parts):
            self.wrong(column, "应为 1 到 12 的月份，用分号隔开，如 9;10;11")
            return []
        return [int(part) for part in parts]

    def _read(self, column: str, read: Callable[[str], _Value]) -> _Value | None:
        found = self._by_name.get(column, "")
        if found in BLANKS:
            return None
        try:
            return read(found)
        except Unreadable as wrong:
            self.wrong(column, wrong.said, wrong.code)
            return None

    def _needed(self, column: str, found: _Value | None, harmless: _Value) -> _Value:
        if found is not None:
            return found
        if self._by_name.get(column, "") in BLANKS:
            self.blank(column)
        return harmless
