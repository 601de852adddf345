"""A row of a statement by our names of its columns, and its own number where the bank gives none."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from orders.banking.statement.layouts import MAPPABLE, StatementLayout
from shop.sheet.cells import BLANKS, Cells
from shop.sheet.read import SheetRow
from shop.sheet.value import Unreadable, code_of, day_of, fen_of, plain, second_of
from shop.sheet.words import BESIDE, DIRECTIONS

_Read = TypeVar("_Read")
_Else = TypeVar("_Else")
_ONE_MEANING: Final = ("income", "outgo", "amount", "direction")
"""Columns of which a row says one thing, under however many titles."""


def places_of(layout: StatementLayout, name: str, titles: Sequence[str]) -> list[int]:
    """Where a column stands in the file, in the order of its titles."""
    return [titles.index(plain(title)) for title in getattr(layout, name) if plain(title) in titles]


def cells_of(line: SheetRow, layout: StatementLayout, titles: Sequence[str]) -> Cells:
    """titles: made `plain`. Of several columns under one name the first that is filled, of remarks and states all; two
    that say different money are a mistake. A number of zeros alone is none.
    """
    filled: dict[str, str] = {}
    lost = set()
    apart = []
    for name in MAPPABLE:
        places = [place for place in places_of(layout, name, titles) if place < len(line.cells)]
        texts = {place: line.cells[place] for place in places if line.cells[place]}
        if name in {"remark", "status"}:
            filled[name] = (" " if name == "remark" else BESIDE).join(dict.fromkeys(texts.values()))
        elif texts:
            place = next(iter(texts))
            filled[name] = texts[place]
            if place in line.lost:
                lost.add(name)
            if name in _ONE_MEANING and len({_meant(name, one) for one in texts.values()}) > 1:
                apart.append(name)
    if layout.serial_else and not plain(filled.get("serial_number", "")).strip("0"):
        filled["serial_number"] = _composed(filled, line, layout, titles)
        lost.discard("serial_number")
    cells = Cells(filled, lost)
    for name in apart:
        cells.wrong(name, "有几列都是它，而内容不同，请只保留正确的一列", "columns_differ")
    return cells


def _meant(name: str, written: str) -> object:
    if name == "direction":
        return DIRECTIONS.get(plain(written).upper(), written)
    return _read(fen_of, written, written)


def _composed(filled: Mapping[str, str], line: SheetRow, layout: StatementLayout, titles: Sequence[str]) -> str:
    """Which row it is, by what was read and not by how it was written: the day, the money, and the balance after it;
    where the file has no balance its time, payer's account and voucher. "" where that is not enough.
    """
    day = _read(lambda cell: f"{day_of(cell):%Y%m%d}", filled.get("day", ""), "")
    came, went = (_read(fen_of, filled.get(name, ""), 0) for name in ("income", "outgo"))
    fen = came - went or _read(fen_of, filled.get("amount", ""), 0)
    balance = _read(fen_of, filled.get("balance", ""), None)
    if not day or not fen:
        return ""
    if balance is not None:
        return f"{day}/{fen}/{balance}"
    others = [title for title in layout.serial_else if plain(title) in titles]
    others = [title for title in others if title not in layout.payer_account and title not in layout.balance]
    times, vouchers = [], []
    for title in others:
        place = titles.index(plain(title))
        written = line.cells[place] if place < len(line.cells) else ""
        if title in layout.day:
            times.append(_read(second_of, written, ""))
        else:
            vouchers.append(_read(code_of, written, "").lstrip("0"))
    said = "".join(times), "".join(vouchers)
    account = _read(code_of, filled.get("payer_account", ""), "")
    return "/".join([day, str(fen), *said, account])[:64] if any(said) else ""


def _read(value: Callable[[str], _Read], written: str, otherwise: _Else) -> _Read | _Else:
    """What cannot be read is said of its own column."""
    try:
        return otherwise if written in BLANKS else value(written)
    except Unreadable:
        return otherwise
