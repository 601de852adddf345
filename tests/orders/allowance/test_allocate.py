"""Which allowance bears how much of which line."""

from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from orders.allowance.allocate import Purse, allocate

RICE, TEA, SALT = UUID(int=1), UUID(int=2), UUID(int=3)


def purse(fen: int, *skus: UUID, number: int = 1) -> Purse:
    return Purse(UUID(int=number), UUID(int=9), 2026, fen, date(2027, 1, 1), frozenset(skus))


def test_by_line_net_over_eligible_lines_only() -> None:
    allocated = allocate(1_000, [purse(5_000, RICE, TEA)], [(RICE, 1_000), (SALT, 9_000), (TEA, 3_000)])
    assert [(one.line, one.fen) for one in allocated] == [(0, 250), (2, 750)]


def test_never_more_than_the_purse_or_the_goods() -> None:
    assert sum(one.fen for one in allocate(9_000, [purse(700, RICE)], [(RICE, 1_000)])) == 700
    assert sum(one.fen for one in allocate(9_000, [purse(5_000, RICE)], [(RICE, 1_000)])) == 1_000
    assert allocate(9_000, [purse(5_000, TEA)], [(RICE, 1_000)]) == []


def test_a_second_purse_bears_what_the_first_left() -> None:
    allocated = allocate(1_500, [purse(800, RICE), purse(5_000, RICE, TEA, number=2)], [(RICE, 1_000), (TEA, 600)])
    assert [(one.line, one.purse.allowance_id.int, one.fen) for one in allocated] == [
        (0, 1, 800),
        (0, 2, 175),
        (1, 2, 525),
    ]


skus = st.sampled_from([RICE, TEA, SALT])


@given(
    amount=st.integers(1, 10_000),
    purses=st.lists(st.tuples(st.integers(1, 4_000), st.frozensets(skus, min_size=1)), max_size=3),
    lines=st.lists(st.tuples(skus, st.integers(0, 3_000)), max_size=4),
)
def test_it_adds_up(amount: int, purses: list[tuple[int, frozenset[UUID]]], lines: list[tuple[UUID, int]]) -> None:
    made = [purse(fen, *over, number=i) for i, (fen, over) in enumerate(purses)]
    allocated = allocate(amount, made, lines)
    assert sum(one.fen for one in allocated) <= amount
    assert all(one.fen > 0 and lines[one.line][0] in one.purse.sku_ids for one in allocated)
    for one in made:
        assert sum(part.fen for part in allocated if part.purse is one) <= one.fen
    for i, (_, net_fen) in enumerate(lines):
        assert sum(part.fen for part in allocated if part.line == i) <= net_fen
