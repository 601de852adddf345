"""Any history of refunds: what an auditor adds up must be what was paid, to the fen and the gram."""

from collections import Counter
from dataclasses import replace
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from orders.aftersales.rules import Part, Remaining, of_amount, of_everything, of_pieces

components = st.tuples(st.integers(0, 5_000), st.integers(0, 3_000), st.integers(1, 4))  # fen, grams, pieces in a box
shares = st.lists(components, min_size=1, max_size=4)
lines = st.tuples(st.integers(1, 9), st.lists(shares, min_size=1, max_size=3))


def sold(line: tuple[int, list[list[tuple[int, int, int]]]]) -> tuple[int, list[Remaining]]:
    quantity, payers = line
    line_id = uuid4()
    return quantity, [
        Remaining(line_id, share_id, uuid4(), fen, grams, pieces * quantity * 1_000)
        for share_id, origins in ((uuid4(), payer) for payer in payers)
        for fen, grams, pieces in origins
    ]


def left_after(remaining: list[Remaining], parts: list[Part]) -> list[Remaining]:
    taken = {part.component_id: part for part in parts}
    left = [
        replace(
            one,
            fen=one.fen - taken[one.component_id].fen,
            grams=one.grams - taken[one.component_id].grams,
            quantity_milli=one.quantity_milli - taken[one.component_id].quantity_milli,
        )
        if one.component_id in taken
        else one
        for one in remaining
    ]
    assert all(one.fen >= 0 and one.grams >= 0 and one.quantity_milli >= 0 for one in left), "more than there was"
    return left


@given(st.lists(lines, min_size=1, max_size=4), st.data())
def test_any_sequence_of_refunds_ends_at_exactly_nothing(
    order: list[tuple[int, list[list[tuple[int, int, int]]]]], data: st.DataObject
) -> None:
    bought = [sold(line) for line in order]
    pieces = {parts[0].line_id: quantity for quantity, parts in bought}
    first = remaining = [part for _, parts in bought for part in parts]
    returned: Counter[tuple[UUID, str]] = Counter()

    def give_back(parts: list[Part]) -> None:
        nonlocal remaining
        for part in parts:
            assert min(part.fen, part.grams, part.quantity_milli) >= 0, "a fen was taken back"
            returned[part.component_id, "fen"] += part.fen
            returned[part.component_id, "grams"] += part.grams
            returned[part.component_id, "milli"] += part.quantity_milli
        remaining = left_after(remaining, parts)

    while any(pieces.values()):
        left_fen = sum(part.fen for part in remaining)
        if left_fen and data.draw(st.booleans(), label="by amount"):
            amount = data.draw(st.integers(1, left_fen), label="fen")
            parts = of_amount(remaining, amount_fen=amount)
            assert sum(part.fen for part in parts) == amount
            assert not any(part.grams or part.quantity_milli for part in parts)
        else:
            line_id = data.draw(st.sampled_from([line for line, left in pieces.items() if left]), label="line")
            back = data.draw(st.integers(1, pieces[line_id]), label="pieces")
            line = [part for part in remaining if part.line_id == line_id]
            parts = of_pieces(line, pieces=back, unrefunded=pieces[line_id])
            pieces[line_id] -= back
        give_back(parts)
    assert all(part.fen == part.grams == part.quantity_milli == 0 for part in remaining)
    for part in first:
        assert returned[part.component_id, "fen"] == part.fen
        assert returned[part.component_id, "grams"] == part.grams
        assert returned[part.component_id, "milli"] == part.quantity_milli


@given(lines, st.data())
def test_one_refund_of_pieces_is_the_line_s_own_share(
    line: tuple[int, list[list[tuple[int, int, int]]]], data: st.DataObject
) -> None:
    quantity, parts = sold(line)
    back = data.draw(st.integers(1, quantity))
    total = sum(part.fen for part in parts)
    given_back = sum(part.fen for part in of_pieces(parts, pieces=back, unrefunded=quantity))
    assert abs(given_back * quantity - total * back) < quantity  # within a fen of the exact share


@given(st.lists(lines, min_size=1, max_size=3))
def test_everything_is_everything(order: list[tuple[int, list[list[tuple[int, int, int]]]]]) -> None:
    remaining = [part for line in order for part in sold(line)[1]]
    assert all(one.fen == one.grams == 0 for one in left_after(remaining, of_everything(remaining)))


def test_a_box_of_three_origins_by_hand() -> None:
    """100 yuan of three origins, two boxes; one comes back, then the other."""
    line_id, share_id = uuid4(), uuid4()
    box = [Remaining(line_id, share_id, uuid4(), fen, 500, 2_000) for fen in (3_333, 3_333, 3_334)]
    one = of_pieces(box, pieces=1, unrefunded=2)
    assert [part.fen for part in one] == [1_667, 1_666, 1_667]  # of 5,000: the left-over fen goes to the earlier part
    other = of_pieces(left_after(box, one), pieces=1, unrefunded=1)
    assert [part.fen for part in other] == [1_666, 1_667, 1_667]
