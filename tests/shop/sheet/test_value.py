"""One reader of money, numbers, days and codes: what it reads it reads right, and everything else it refuses."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shop.sheet.cells import BLANKS, Cells
from shop.sheet.read import clean
from shop.sheet.value import Unreadable, code_of, day_of, decimal_of, fen_of


@given(st.integers(-(10**12), 10**12), st.booleans(), st.sampled_from(["", "¥", "￥", "CNY ", "人民币"]))
def test_every_amount_is_read_as_it_was_written(fen: int, grouped: bool, sign: str) -> None:
    whole, cents = divmod(abs(fen), 100)
    written = f"{'-' if fen < 0 else ''}{sign if fen >= 0 else ''}{f'{whole:,}' if grouped else whole}.{cents:02}"
    assert fen_of(written) == fen
    wide = written.translate({ord(one): 0xFEE0 + ord(one) for one in "0123456789.,"})
    assert fen_of(wide) == fen


@given(st.text(alphabet="0123456789,.-+ 元万¥", max_size=12))
def test_what_is_read_says_the_same_without_its_separators(written: str) -> None:
    try:
        fen = fen_of(written)
    except Unreadable:
        return
    digits = "".join(one for one in written if one.isdigit())
    assert Decimal(fen) / 100 == Decimal(written.strip("¥元 +").replace(",", "").replace("¥", "").replace(" ", ""))
    assert digits


@pytest.mark.parametrize(
    "written",
    ["12,50", "1.280,00", "1.280", "1 280.00", "12,34.00", "1,2345", "1.2万", "3千", "(5.00)", "5.00-", "一百", "=1+1",
        "1e3", "NaN", "∞", "²", "①", "٣", "", "-", "12.345"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(written: str) -> None:
    with pytest.raises(Unreadable):
        fen_of(written)


def test_a_figure_is_read_at_fifteen_digits() -> None:
    assert fen_of("59.699999999999996") == 5_970
    assert decimal_of("0.30000000000000004", places=3) == Decimal("0.3")
    with pytest.raises(Unreadable):
        decimal_of("0.3001", places=3)


@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_a_day_is_the_same_in_every_form(day: date) -> None:
    forms = ("{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0.year}年{0.month}月{0.day}日", "{0.year:04}{0:%m%d}")
    times = ("", " 09:30:01", " 09:30:01.0", "T23:59:59+08:00", " 9:05", "-23.59.59.123456")
    for form in forms:
        for time in times:
            assert day_of(form.format(day).replace("{0.year:04}", f"{day.year:04}") + time) == day


@pytest.mark.parametrize(
    ("written", "day"),
    [("2026-11-29T16:00:00Z", date(2026, 11, 30)), ("2026-11-30T00:30:00+09:00", date(2026, 11, 29))],
)
def test_a_time_with_a_zone_is_the_day_it_was_in_shanghai(written: str, day: date) -> None:
    assert day_of(written) == day


@pytest.mark.parametrize("written", ["2026-02-30", "2026-11-29 25:00", "11/29/2026", "46355", "26-11-29", "昨天", ""])
def test_what_is_no_day_is_refused(written: str) -> None:
    with pytest.raises(Unreadable):
        day_of(written)


@pytest.mark.parametrize("written", ["2.0261128E+15", "123.0", "x" * 65])
def test_a_code_that_a_spreadsheet_has_changed_is_refused(written: str) -> None:
    with pytest.raises(Unreadable):
        code_of(written)


@pytest.mark.parametrize(
    ("raw", "text"),
    [("'0012", "0012"), ("`0012", "0012"), ('="0012"', "0012"), ("\u200b A\u2060\ufeff1\u3000", "A1"), ("''", ""),
        ("=1+1", "=1+1"), ("@工会", "@工会"), ("-2+3", "-2+3"), ("a'b", "a'b")],
)  # fmt: skip
def test_signs_that_are_not_text_are_taken_off_everywhere_alike(raw: str, text: str) -> None:
    assert clean(raw) == text


_DIGITS = st.one_of(
    st.integers(-(10**60), 10**60).map(str),
    st.integers(0, 10**60).map("{:,}".format),
    st.integers(1, 60).map(lambda count: "9" * count),
    st.integers(1, 20).map(lambda count: "1" + ",000" * count),
)
_ODD = st.one_of(
    _DIGITS,
    st.tuples(st.sampled_from(["", "-", "+", "¥", "−"]), _DIGITS, st.sampled_from(["", ".", ","]), _DIGITS).map(
        "".join
    ),
    st.text(alphabet=st.characters(), max_size=60),  # with NUL and lone surrogates
    st.text(alphabet="0123456789,.-+eE:/年月日TZ ０９²٣", max_size=60),
)


@pytest.mark.parametrize(
    "read",
    [fen_of, day_of, code_of, *(partial(decimal_of, places=places) for places in (0, 2, 3))],
    ids=["fen", "day", "code", "whole", "two decimals", "three decimals"],
)
@given(written=_ODD)
@example(written="100,000,000,000,000,000,000,000,000,000")
@example(written="999,999,999,999,999,999,999,999,999.999")
@example(written="9" * 18)
@example(written="2026-01-01T00:00+99:99")
def test_whatever_is_written_is_read_or_refused(read: Callable[[str], object], written: str) -> None:
    with suppress(Unreadable):
        read(written)


@given(written=_ODD)
@example(written="100,000,000,000,000,000,000,000,000,000")
def test_whatever_stands_in_a_cell_is_a_value_or_a_noted_mistake(written: str) -> None:
    written = clean(written)
    cells = Cells({"x": written})
    for read in (
        cells.maybe_whole, cells.whole, cells.maybe_fen, cells.fen, cells.maybe_day, cells.day, cells.maybe_moment,
        cells.maybe_code, cells.code, cells.county, cells.months, cells.flag, cells.name,
    ):  # fmt: skip
        noted = len(cells.mistakes)
        found = read("x")
        assert found not in (None, "") or written in BLANKS or len(cells.mistakes) > noted
    for places in range(4):
        figure = cells.maybe_decimal("x", places=places)
        assert figure is None or abs(figure) <= 10**18
