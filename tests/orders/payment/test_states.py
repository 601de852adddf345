"""Every state of the tables has its line in `states.py`, and what a guard says is what the lines say."""

from orders.payment.models import PAYMENT_STATES, REFUND_STATES
from orders.payment.states import MOVES, OPEN, REFUND_MOVES, before, refund_before


def test_each_state_has_its_line() -> None:
    assert set(MOVES) == set(PAYMENT_STATES)
    assert set(REFUND_MOVES) == set(REFUND_STATES)
    assert {there for moves in MOVES.values() for there in moves} <= set(MOVES)
    assert {there for moves in REFUND_MOVES.values() for there in moves} <= set(REFUND_MOVES)


def test_what_came_is_never_given_up_and_what_was_given_up_may_come() -> None:
    assert before("succeeded") == before("held") == OPEN | {"failed", "cancelled"}
    assert before("cancelled") == OPEN
    assert before("failed") == OPEN | {"succeeded", "held"}  # taken back by the bank


def test_a_refund_fails_even_after_it_had_succeeded_and_nothing_comes_after_that() -> None:
    assert refund_before("failed") == set(REFUND_STATES) - {"failed"}
    assert refund_before("succeeded") == {"requested", "submitted"}
    assert REFUND_MOVES["failed"] == frozenset()
