"""One row of a table, read cell by cell: every mistake is noted in Chinese, with its column, and reading goes on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Final

from shop.core.clock import SHANGHAI

_TRUE: Final = frozenset({"是", "true", "1", "yes", "y", "对", "√"})
_FALSE: Final = frozenset({"否", "false", "0", "no", "n", "错", "×"})
_DAY: Final = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$")
_YUAN_MAX: Final = Decimal(10_000_000)


@dataclass(frozen=True, slots=True)
class Mistake:
    """column: the name of the column; said: what is wrong and what would be right."""

    column: str
    code: str
    said: str


class Cells:
    """The cells of a row by column name. Methods give the value, or note a mistake and give something harmless."""

    def __init__(self, by_name: Mapping[str, str]) -> None:
        self._by_name = by_name
        self.mistakes: list[Mistake] = []

    def wrong(self, column: str, said: str, code: str = "cell_wrong") -> None:
        self.mistakes.append(Mistake(column, code, said))

    def maybe(self, column: str) -> str | None:
        """Text, or None when blank or when the file has no such column."""
        return self._by_name.get(column) or None

    def text(self, column: str, *, longest: int = 200) -> str:
        found = self.maybe(column) or ""
        if not found:
            self.wrong(column, "不能为空", "cell_blank")
        elif len(found) > longest:
            self.wrong(column, f"最多 {longest} 个字")
        return found

    def whole(self, column: str, *, least: int = 0, most: int = 10**9) -> int:
        """A whole number in [least, most]."""
        found = self.text(column)
        if re.fullmatch(r"[0-9]{1,18}", found) and least <= int(found) <= most:
            return int(found)
        if found:
            self.wrong(column, f"“{found}”不是 {least} 到 {most} 之间的整数")
        return least

    def maybe_whole(self, column: str, *, least: int = 0, most: int = 10**9) -> int | None:
        return self.whole(column, least=least, most=most) if self.maybe(column) else None

    def fen(self, column: str) -> int:
        """Yuan with at most two decimals, as fen; above 0."""
        found = self.text(column).removeprefix("¥").replace(",", "")
        try:
            yuan = Decimal(found)
        except InvalidOperation:
            yuan = Decimal(-1)
        fen = yuan * 100 if yuan.is_finite() and 0 < yuan <= _YUAN_MAX else Decimal("0.5")
        if fen != fen.to_integral_value():
            if found:
                self.wrong(column, f"“{found}”不是金额（元，最多两位小数，大于 0）")
            return 0
        return int(fen)

    def maybe_day(self, column: str) -> date | None:
        """A business day: 2026-11-22, 2026/11/22 or 2026年11月22日."""
        found = self.maybe(column)
        if found is None:
            return None
        matched = _DAY.match(found.removesuffix(" 00:00:00"))
        try:
            if matched and 1900 <= int(matched[1]) <= 2200:
                return date(*map(int, matched.groups()))
        except ValueError:  # the 31st of February
            pass
        self.wrong(column, f"“{found}”不是日期（如 2026-11-22）")
        return None

    def day(self, column: str) -> date:
        found = self.maybe_day(column)
        if found is None and self.maybe(column) is None:
            self.wrong(column, "不能为空", "cell_blank")
        return found or date(1970, 1, 1)

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
        found = (self.maybe(column) or "").lower()
        if found and found not in _TRUE | _FALSE:
            self.wrong(column, f"“{found}”应为“是”或“否”")
        return found in _TRUE if found else blank

    def choice(self, column: str, allowed: Mapping[str, str], *, blank: str | None = None) -> str:
        """One of the words on the left (or the code on the right); the code."""
        found = self.maybe(column) or ""
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
        found = self.text(column)
        if found and not re.fullmatch(r"[0-9]{6}", found):
            self.wrong(column, f"“{found}”不是六位行政区划代码")
        return found

    def maybe_county(self, column: str) -> str | None:
        return self.county(column) if self.maybe(column) else None

    def months(self, column: str) -> list[int]:
        """Months 1 to 12, separated by `;` or `、`; blank = none."""
        parts: Sequence[str] = [part for part in re.split(r"[;；、,，\s]+", self.maybe(column) or "") if part]
        if any(not part.isascii() or not part.isdigit() or not 1 <= int(part) <= 12 for part in parts):
            self.wrong(column, "应为 1 到 12 的月份，用分号隔开，如 9;10;11")
            return []
        return [int(part) for part in parts]
