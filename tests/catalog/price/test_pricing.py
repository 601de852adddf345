"""Sums that a buyer, a seller and an auditor must each find the same."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from catalog.price.pricing import Discount, PriceStep, PricingLine, Rate, freight_of, price, step_for

A, B = UUID(int=1), UUID(int=2)
RATE = Rate(served=True, first_grams=1_000, first_fen=600, step_grams=500, step_fen=150, free_from_fen=9_900)
lines = st.lists(
    st.builds(PricingLine, st.sampled_from([A, B]), st.integers(0, 10**9), st.integers(1, 10**7)),
    min_size=1,
    max_size=20,
)
discounts = st.lists(
    st.integers(1, 10**6).flatmap(lambda t: st.builds(Discount, st.just(t), st.integers(1, t))), max_size=4
)


@given(lines, discounts)
def test_no_line_falls_below_zero_and_the_discount_is_given_whole(
    requested: list[PricingLine], offered: list[Discount]
) -> None:
    priced = price(requested, {A: offered}, {A: RATE, B: RATE})
    mine = [(line, off) for line, off in zip(requested, priced.discount_fen, strict=True) if line.supplier_id == A]
    gross = sum(line.gross_fen for line, _ in mine)
    assert sum(off for _, off in mine) == max((d.discount_fen for d in offered if d.threshold_fen <= gross), default=0)
    assert all(0 <= off <= line.gross_fen for line, off in mine)
    assert not any(off for line, off in zip(requested, priced.discount_fen, strict=True) if line.supplier_id == B)


def test_freight_grows_by_started_steps_and_ends_at_the_threshold() -> None:
    weights = (1, 1_000, 1_001, 1_500, 1_501)
    assert [freight_of(RATE, grams=g, goods_fen=0) for g in weights] == [600, 600, 750, 750, 900]
    assert freight_of(RATE, grams=9_000, goods_fen=9_900) == 0


def test_a_parcel_per_supplier_and_nobody_sends_where_nobody_goes() -> None:
    no = Rate(served=False, first_grams=1, first_fen=0, step_grams=1, step_fen=0, free_from_fen=None)
    priced = price([PricingLine(A, 100, 600), PricingLine(A, 100, 600), PricingLine(B, 100, 1)], {}, {A: RATE, B: no})
    assert priced.freight_fen == {A: 750}
    assert priced.cannot_arrive == {B}
    assert price([PricingLine(A, 1, 1)], {}, {}).cannot_arrive == {A}


def test_the_highest_step_that_is_reached() -> None:
    steps = [PriceStep(A, 1, 100), PriceStep(A, 10, 90), PriceStep(A, 100, 80)]
    found = [step_for(steps, quantity, ("retail",)) for quantity in (1, 9, 10, 5_000)]
    assert [step.fen if step else None for step in found] == [100, 100, 90, 80]
    assert step_for(steps[1:], 9, ("retail",)) is None
