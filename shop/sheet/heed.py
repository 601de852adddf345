"""What a file says of its money besides the figures: currency, unit, which way it went. None of it is left unread."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar, Final

from shop.core.errors import Problem
from shop.sheet.cells import BLANKS
from shop.sheet.read import Sheet, SheetRow
from shop.sheet.refused import HeaderWrong
from shop.sheet.value import half_width, plain
from shop.sheet.words import DIRECTIONS, STATUSES

_FOREIGN: Final = (
    "美元|美金|港[元币]|欧元|日[元圆]|英镑|[澳加纽]元|加拿大元|新加坡元|新西兰元|瑞士法郎|澳门[元币]|韩[元圆]|台币|卢布|泰铢|"
    "USD|HKD|EUR|JPY|GBP|AUD|CAD|CHF|SGD|MOP|KRW|TWD|RUB|THB|NZD|US\\$|HK\\$|[$€£]"
)
_CURRENCY_TITLE: Final = re.compile("(交易|账户|结算|记账)?(币种|币别|币制|货币|货币种类)(名称|代码|类型)?")
_YUAN: Final = re.compile(r"(人民币|本币|CNY|RMB|CNH|156|[元圆¥()/\-\[\]])*")
_CURRENCY_ABOVE: Final = re.compile(
    rf"(?:币种|币别|币制|货币)(?:种类|名称|代码|类型)? *(?:: *[\[(【]?([^ ,;|\])】]{{1,12}})|[\[(【]? *({_FOREIGN}))"
)
_ANY_CURRENCY: Final = re.compile("全部|所有|不限|本外币")
_MANY: Final = "(?:人民币)?[十百千万亿]+元?"
_UNIT_ABOVE: Final = re.compile(
    rf"单位 *[:(]? *((?:{_MANY}|{_FOREIGN}|分|角)(?![一-鿿]))|[(]((?:{_MANY})(?<=元)|{_FOREIGN})[)]", re.IGNORECASE
)
_UNIT_IN_TITLE: Final = re.compile(
    rf"[十百千万亿]+元|[(/:](?:人民币)?(?:[十百千万亿]+|分|角)[)]?$|{_FOREIGN}", re.IGNORECASE
)
_DIRECTION_TITLE: Final = re.compile(
    "借/?贷|收/?支|收/?付(标志|方向|类型)|进/?出|存/?取|往来(标志|账)|方向|[DC]R?/[DC]R?"
)
_STATUS_TITLE: Final = re.compile("(交易|订单|支付|付款|当前|处理|记账|入账|退款|单据|结算|流水)?状态")


class CurrencyOther(Problem):
    """Its amounts are none of yuan."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "currency_other"
    title: ClassVar[str] = "金额不是人民币"


class UnitOther(HeaderWrong):
    """Its amounts are thousands or cents: each figure would be read as another one."""

    code: ClassVar[str] = "unit_other"
    title: ClassVar[str] = "金额的单位不是元"


def is_currency(title: str) -> bool:
    """Whether a column says the currency of its row."""
    return _CURRENCY_TITLE.fullmatch(plain(title)) is not None


def foreign(written: str) -> str:
    """What is wrong with a cell that says a currency; "" where it is yuan, or blank."""
    if _YUAN.fullmatch(plain(written).upper()):
        return ""
    return f"“{written[:20]}”不是人民币：只能导入人民币的金额，请另外处理这一行"


def foreign_cells(titles: Sequence[str], line: SheetRow) -> list[tuple[str, str]]:
    """(title, what is wrong) of a row's currencies that are no yuan, whoever said that nobody need read them."""
    said = ((title, line.cells[at]) for at, title in enumerate(titles) if at < len(line.cells) and is_currency(title))
    return [(title, wrong) for title, cell in said if (wrong := foreign(cell))]


def unit_in(title: str) -> str:
    """The unit that a column of money says, where it is not yuan; else ""."""
    found = _UNIT_IN_TITLE.search(plain(title))
    return found[0].strip("(/:)") if found else ""


def heed_above(sheet: Sheet, header_row: int) -> None:
    """The lines above a header. Raises CurrencyOther for 币种：美元, UnitOther for 单位：万元."""
    for line in sheet.lines:
        if line.number >= header_row:
            return
        said = half_width(" ".join(filter(None, line.cells)))
        if found := _CURRENCY_ABOVE.search(said):
            currency = found[1] or found[2]
            if foreign(currency) and not _ANY_CURRENCY.match(currency):
                raise CurrencyOther(f"第 {line.number} 行写着币种“{currency}”。只能导入人民币账户的文件。")
        if found := _UNIT_ABOVE.search(said):
            unit = found[1] or found[2]
            raise UnitOther(f"第 {line.number} 行写着单位“{unit}”。请换算成元再导入（或使用以元为单位的导出）。")


def says_direction(title: str, values: Iterable[str] = ()) -> bool:
    """By its title, or because every cell says which way money went."""
    return _DIRECTION_TITLE.search(plain(title).upper()) is not None or _all_of(values, DIRECTIONS, {"in", "out"})


def says_status(title: str, values: Iterable[str] = ()) -> bool:
    """By its title, or because every cell says whether something succeeded."""
    return _STATUS_TITLE.fullmatch(plain(title)) is not None or _all_of(values, STATUSES, set(STATUSES.values()))


def column(lines: Sequence[SheetRow], place: int) -> list[str]:
    """The cells of a column."""
    return [line.cells[place] for line in lines if place < len(line.cells)]


def _all_of(values: Iterable[str], words: Mapping[str, str], deciding: Collection[str]) -> bool:
    said = {plain(one).upper() for one in values if plain(one) not in BLANKS}
    return bool(said) and said <= words.keys() and any(words[one] in deciding for one in said)
