from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.ui import filters

FEN = st.integers(min_value=-(2**63), max_value=2**63 - 1)


def number(written: str) -> Fraction:
    return Fraction(written.replace("−", "-").replace("¥", "").replace(",", "").removesuffix(" 万元"))


@pytest.mark.parametrize(
    ("fen", "written"),
    [(1250, "¥12.50"), (0, "¥0.00"), (5, "¥0.05"), (-5, "−¥0.05"), (-123456789, "−¥1,234,567.89"), (None, "—")],
)
def test_fen_are_written_as_yuan(fen: int | None, written: str) -> None:
    assert filters.yuan(fen) == written


@given(FEN)
def test_yuan_loses_no_fen(fen: int) -> None:
    assert number(filters.yuan(fen)) * 100 == fen


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (0, "0.00 万元"),
        (4_999, "0.00 万元"),
        (5_000, "0.01 万元"),
        (-4_999, "0.00 万元"),
        (-5_000, "−0.01 万元"),
        (1_787_120_000, "1,787.12 万元"),
        (None, "—"),
    ],
)
def test_wan_is_rounded_half_up_by_itself(fen: int | None, written: str) -> None:
    assert filters.wan(fen) == written


@given(FEN)
def test_wan_is_the_nearest_hundredth_and_halves_go_away_from_zero(fen: int) -> None:
    shown, true = number(filters.wan(fen)), Fraction(fen, 1_000_000)
    assert abs(shown - true) <= Fraction(1, 200)
    if abs(shown - true) == Fraction(1, 200):
        assert abs(shown) > abs(true)
    assert number(filters.wan(fen, unit=False)) == shown


@pytest.mark.parametrize(
    ("weight", "zh", "en"),
    [
        (500, "500 克", "500 g"),
        (2500, "2.5 千克", "2.5 kg"),
        (1000, "1 千克", "1 kg"),
        (12_345_678, "12,345.678 千克", "12,345.678 kg"),
    ],
)
def test_grams(weight: int, zh: str, en: str) -> None:
    assert filters.grams(weight) == zh
    assert filters.grams(weight, lang="en") == en


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_every_gram_is_kept(weight: int) -> None:
    figure, unit = filters.grams(weight).split(" ")
    assert number(figure) * (1000 if unit == "千克" else 1) == weight


@pytest.mark.parametrize(
    ("basis_points", "written"), [(14094, "140.94%"), (2301, "23.01%"), (0, "0.00%"), (-5, "−0.05%"), (None, "—")]
)
def test_percent(basis_points: int | None, written: str) -> None:
    assert filters.percent(basis_points) == written


def test_a_moment_is_told_on_shanghais_clock() -> None:
    last_hour = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)
    assert filters.moment(last_hour) == "2026年12月31日 23:30"
    assert filters.moment(last_hour, lang="en") == "31 Dec 2026 23:30"
    assert filters.day(last_hour + timedelta(hours=1)) == "2027年1月1日"
    assert filters.day(datetime(2026, 11, 22, 1, tzinfo=timezone(timedelta(hours=-5)))) == "2026年11月22日"
    assert filters.day(date(2026, 11, 22)) == "2026年11月22日"
    with pytest.raises(ValueError, match="time zone"):
        filters.moment(datetime(2026, 11, 22, 9))  # noqa: DTZ001  # the point of the test


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("13812341234", "138****1234"),
        ("+86 138 1234 1234", "138****1234"),
        ("8613812341234", "138****1234"),
        ("110", "****"),
        ("", "—"),
        (None, "—"),
    ],
)
def test_a_phone_is_masked(phone: str | None, shown: str) -> None:
    assert filters.masked_phone(phone) == shown


@given(st.text(alphabet="0123456789+- ", max_size=20))
def test_a_mask_never_shows_more_than_seven_digits(phone: str) -> None:
    assert sum(letter.isdigit() for letter in filters.masked_phone(phone)) <= 7


@pytest.mark.parametrize(("name", "shown"), [("张三", "张*"), ("欧阳娜娜", "欧*"), (" ", "—"), (None, "—")])
def test_a_name_is_masked_and_its_length_too(name: str | None, shown: str) -> None:
    assert filters.masked_name(name) == shown
