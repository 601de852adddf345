"""How far one person may move a price: up and down alike, and ten times on any list is too far."""

from hypothesis import given
from hypothesis import strategies as st

from catalog.price.limit import moves_too_far
from catalog.price.models import PRICE_LISTS

FEN = st.integers(0, 10**12)
LISTS = st.sampled_from(PRICE_LISTS)


@given(LISTS, FEN)
def test_the_same_price_never_waits(price_list: str, fen: int) -> None:
    assert not moves_too_far(price_list, fen, fen)


@given(LISTS, FEN, FEN)
def test_ten_times_waits_on_every_list_both_ways(price_list: str, old: int, more: int) -> None:
    new = old * 10 + more
    if new != old:
        assert moves_too_far(price_list, old, new)
        assert moves_too_far(price_list, new, old)


@given(FEN)
def test_three_tenths_pass_and_a_fen_more_waits(tens: int) -> None:
    old = 10 * tens + 10
    for way in (1, -1):
        limit = old + way * (3 * tens + 3)
        assert not moves_too_far("retail", old, limit)
        assert moves_too_far("retail", old, limit + way)
        assert not moves_too_far("member", old, limit + way)
