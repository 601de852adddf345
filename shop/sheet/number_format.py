"""What a workbook's number format makes of a figure: the same, or one that nobody would read off it. Pure."""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

BUILT_IN: Final = {9: "0%", 10: "0.00%"}
"""Those of the numbers a workbook need not spell out that change a figure; the others do not."""
_SAID: Final = re.compile(r'"([^"]*)"|\\(.)|!(.)')
_SPACING: Final = re.compile(r"_.|\*.")
_BRACKETS: Final = re.compile(r"\[[^\]]*\]")
_CURRENCY: Final = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
_CONDITION: Final = re.compile(r"\[[<>=]")
_RED: Final = re.compile(r"\[(红色?|Red|Color ?\d+|颜色 ?\d+)\]", re.IGNORECASE)
_IS_DATE: Final = re.compile("[ymdhs年月日时分秒]", re.IGNORECASE)
_SCALED: Final = re.compile(r"[0#?],+(?![0#?,])|%|‰")
_DIGITS: Final = re.compile(r"[0#?][0#?,]*")
_HARMLESS: Final = re.compile(r"(元|圆|¥|￥|人民币|RMB|CNY|\s)*", re.IGNORECASE)
_GENERAL: Final = re.compile(r"(general|g/通用格式|@|)", re.IGNORECASE)


def shows_another(code: str, written: str) -> bool:
    """Whether a cell of this format shows another figure than the one it holds: multiplied, with a unit, with another
    sign, with zeros before it, or not at all. code: as the workbook says it; written: the figure.

    A day is none: its format says how it is written.
    """
    try:
        value = Decimal(written)
    except InvalidOperation:
        return False
    if not value.is_finite():
        return False
    sign = (value > 0) - (value < 0)
    return _judged(code, sign, max(1, value.adjusted() + 1) if value else 1)


@lru_cache(maxsize=4096)
def _judged(code: str, sign: int, digits: int) -> bool:
    """A format says the same of all figures with one sign and so many digits before the point."""
    bare = _SAID.sub("", _CURRENCY.sub("", code))
    if _GENERAL.fullmatch(bare.strip()) and _GENERAL.fullmatch(code.strip()):
        return False
    if _IS_DATE.search(_BRACKETS.sub("", bare).replace("E+", "").replace("General", "")):
        return False
    sections = _sections(code)
    if _CONDITION.search(code):
        return any(_changes(one, digits, shown_negative=False) for one in sections if "@" not in one)
    at = 1 if sign < 0 and len(sections) > 1 else 2 if sign == 0 and len(sections) > 2 else 0
    if sign == 0:
        nothing = sections[at].replace("-", "")
        return _DIGITS.search(nothing) is not None and _changes(nothing, digits, shown_negative=False)
    return _changes(sections[at], digits, shown_negative=sign < 0 and at == 1)


def _changes(section: str, whole_digits: int, *, shown_negative: bool) -> bool:
    """shown_negative: the section has to say itself that the figure is below zero."""
    red = _RED.search(section) is not None
    named = "".join(match[1] for match in _CURRENCY.finditer(section))
    rest = _SPACING.sub("", _CURRENCY.sub("", section))
    literals = named + "".join(match[1] or match[2] or match[3] or "" for match in _SAID.finditer(rest))
    rest = _BRACKETS.sub("", _SAID.sub("", rest))
    digits = _DIGITS.search(rest)
    if _SCALED.search(rest) or (digits is None and "General" not in rest):
        return True
    signs = "".join(sign for sign in literals + rest if sign in "-()（）−")
    if shown_negative != bool(signs) and not (shown_negative and red):
        return True
    said = re.sub(r"[-()（）−]", "", literals + re.sub(r"[0#?.,]|E[+-]|General", "", rest))
    if not _HARMLESS.fullmatch(said):
        return True
    needed = digits[0].replace(",", "").count("0") if digits else 0
    return needed > whole_digits


def _sections(code: str) -> list[str]:
    """Parts for what is above, below and at zero; a `;` in quotes parts nothing."""
    return re.sub(r'"[^"]*"|\\.|!.|(;)', lambda found: "\0" if found[1] else found[0], code).split("\0")
