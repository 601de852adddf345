"""What a cell, or something typed into a form, says: money, a number, a day, a code. Pure; anything else is refused."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal
from typing import Final

from shop.core.clock import SHANGHAI, business_day
from shop.sheet.read import DIGITS_KEPT

YUAN_MAX: Final = 10_000_000_000
_SAID_MAX: Final = 40
_HALF_WIDTH: Final = {0x3000: " ", 0x2212: "-"} | {0xFF01 + place: 0x21 + place for place in range(94)}
# Thousands separators stand every three digits or nowhere; a comma is never a decimal sign. At most 18 digits: whatever
# is counted or paid here is less, and arithmetic stays exact.
_NUMBER: Final = re.compile(r"^([+-]?)([0-9]{1,18}|[0-9]{1,3}(?:,[0-9]{3}){1,5})(?:\.([0-9]+))?$")
_ZEROS_BY_CHANCE: Final = 4
_AT_15_DIGITS: Final = Context(prec=DIGITS_KEPT)
_UNIT: Final = re.compile(r"[0-9]\s*[万亿千百]")
_CURRENCY: Final = ("人民币", "CNY", "RMB", "¥", "￥")
_DAY: Final = re.compile(
    r"""^([0-9]{4})(?:[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))
    (?:[T\s-]*(?:([0-9]{1,2})[:.时]([0-9]{1,2})(?:[:.分]([0-9]{1,2})(?:\.[0-9]+)?秒?|分)?|([0-9]{2})([0-9]{2})([0-9]{2}))
    \s*(Z|[+-][0-9]{2}:?[0-9]{2})?)?$""",
    re.VERBOSE,
)
_YEARS: Final = (1900, 2200)
_SCIENTIFIC: Final = re.compile(r"^[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+$")
_WITH_POINT: Final = re.compile(r"^[0-9]+\.0+$")


class Unreadable(ValueError):
    """said: what is wrong and what would be right, in Chinese; code: for programs."""

    def __init__(self, said: str, code: str = "cell_wrong") -> None:
        super().__init__(said)
        self.said, self.code = said, code


def plain(words: str) -> str:
    """Half width, without any space: how names and titles are compared."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", words))


def half_width(written: str) -> str:
    """Full-width letters, digits and signs as the keyboard has them, and nothing else changed."""
    return written.translate(_HALF_WIDTH).strip()


def decimal_of(written: str, *, places: int) -> Decimal:
    """A figure of up to 18 digits with at most so many decimals, read at 15 significant ones. Raises Unreadable."""
    found = _figure(half_width(written))
    if found is None or found != round(found, places):
        if _UNIT.search(written):
            raise _with_unit(written)
        ending = f"最多 {places} 位小数" if places else "整数"
        raise Unreadable(f"“{written[:_SAID_MAX]}”不是数字（{ending}，不超过 18 位，千位逗号须每三位一个）")
    return found


def whole_of(written: str, *, least: int = 0, most: int = 10**9) -> int:
    """A whole number in [least, most]. Raises Unreadable."""
    try:
        found = int(decimal_of(written, places=0))
    except Unreadable as wrong:
        if wrong.code == "unit_in_cell":
            raise
        found = least - 1
    if not least <= found <= most:
        raise Unreadable(f"“{written[:_SAID_MAX]}”不是 {least} 到 {most} 之间的整数")
    return found


def fen_of(written: str) -> int:
    """Yuan with at most two decimals, with or without a currency sign, as fen; may be negative. Raises Unreadable.

    `1.280` is refused: three decimals are a thousand somewhere else.
    """
    bare = half_width(written)
    for word in _CURRENCY:
        bare = bare.removeprefix(word).removesuffix(word).strip()
    bare = bare.removesuffix("元").removesuffix("圆").strip()
    if _UNIT.search(bare):
        raise _with_unit(written)
    yuan = _figure(bare)
    decimals = bare.partition(".")[2]
    if yuan is None or abs(yuan) > YUAN_MAX or yuan != round(yuan, 2) or len(decimals) == 3:
        raise Unreadable(f"“{written[:_SAID_MAX]}”不是金额（元，最多两位小数，千位逗号须每三位一个）")
    return int(yuan * 100)


def day_of(written: str) -> date:
    """A business day: 2026-11-22, 2026/11/22, 2026.11.22, 2026年11月22日, 20261122, with or without a time of day.

    A time with a zone is the day it was in Shanghai. Raises Unreadable.
    """
    matched = _DAY.match(half_width(written))
    try:
        if matched and _YEARS[0] <= int(matched[1]) <= _YEARS[1]:
            return _day(matched)
    except ValueError:  # the 31st of February, or 25 o'clock
        pass
    raise Unreadable(f"“{written[:_SAID_MAX]}”不是日期（如 2026-11-22、2026/11/22、2026年11月22日）")


def second_of(written: str) -> str:
    """The time of a day, HHMMSS; "" where none is said. Raises Unreadable."""
    day_of(written)
    matched = _DAY.match(half_width(written))
    found = [one for one in matched.groups()[7:13] if one] if matched else []
    return "".join(f"{int(one):02}" for one in found).ljust(6, "0") if found else ""


def rounded(codes: Iterable[str]) -> bool:
    """Whether a spreadsheet has made up the ends of these numbers: every long one has zeros behind the 15th digit, and
    they are too many for chance.
    """
    ends = [one[DIGITS_KEPT:] for one in set(codes) if len(one) > DIGITS_KEPT and one.isdigit()]
    return sum(map(len, ends)) >= _ZEROS_BY_CHANCE and not any(end.strip("0") for end in ends)


def code_of(written: str, *, longest: int = 64) -> str:
    """A number that names something, exactly as it is: half width, without spaces. Raises Unreadable where a
    spreadsheet has made something else of it.
    """
    found = re.sub(r"\s+", "", half_width(written))
    if _SCIENTIFIC.match(found):
        raise Unreadable(f"“{found}”被表格软件改成了科学计数，请把这一列设为文本后重新导出", "digits_lost")
    if _WITH_POINT.match(found):
        raise Unreadable(f"“{found}”被当成了带小数的数字，请把这一列设为文本后重新导出", "digits_lost")
    if len(found) > longest or not found.isprintable():
        raise Unreadable(f"最多 {longest} 个字")
    return found


def _figure(bare: str) -> Decimal | None:
    matched = _NUMBER.match(bare)
    if matched is None or len(bare) > _SAID_MAX:
        return None
    found = Decimal(f"{matched[1]}{matched[2].replace(',', '')}.{matched[3] or '0'}")
    return _AT_15_DIGITS.plus(found) if matched[3] else found


def _day(matched: re.Match[str]) -> date:
    year, *rest = matched.groups()
    month, day = next((one, two) for one, two in zip(rest[0:6:2], rest[1:6:2], strict=True) if one)
    found = date(int(year), int(month), int(day))
    hour, minute, second = (rest[6:9] if rest[6] else rest[9:12]) if rest[6] or rest[9] else ("0", "0", "0")
    at = datetime(found.year, found.month, found.day, int(hour), int(minute), int(second or 0), tzinfo=SHANGHAI)
    if zone := rest[12]:
        shift = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        away = timezone(-shift if zone[0] == "-" else shift)
        return business_day(at.replace(tzinfo=away))
    return found


def _with_unit(written: str) -> Unreadable:
    return Unreadable(f"“{written[:_SAID_MAX]}”带有单位，请换算成元（或件、公斤）的数字再填写", "unit_in_cell")
