"""Splits are exact, mirror themselves, and favour nobody by more than one fen."""

from hypothesis import given
from hypothesis import strategies as st

from shop.core.money import half_up, split

weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any)
totals = st.integers(-(10**13), 10**13)


@given(totals, weights)
def test_parts_add_up_and_stay_within_one(total: int, weights: list[int]) -> None:
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
        assert weight or not part


@given(totals, weights)
def test_a_negative_total_mirrors_the_positive(total: int, weights: list[int]) -> None:
    assert split(-total, weights) == [-part for part in split(total, weights)]


def test_left_over_fen_go_to_the_largest_remainders_ties_to_the_earlier() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(5, [3, 3, 4]) == [2, 1, 2]
    assert split(2, [0, 0]) == [1, 1]


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_half_up_is_the_nearest(numerator: int, denominator: int) -> None:
    rounded = half_up(numerator, denominator)
    assert abs(2 * (rounded * denominator - numerator)) <= denominator
    assert half_up(-numerator, denominator) == -rounded


def test_halves_go_away_from_zero() -> None:
    assert [half_up(n, 2) for n in (1, 3, -1, -3)] == [1, 2, -1, -2]
