"""Which state a payment may go to from where, and which a refund. `move_on.py` and `move_refund.py` are the doors."""

from collections.abc import Mapping
from typing import Final

_GIVEN_UP: Final = frozenset({"succeeded", "held"})  # its page may be paid at the provider all the same
_OPENED: Final = frozenset({"succeeded", "held", "failed", "cancelled"})
MOVES: Final[Mapping[str, frozenset[str]]] = {
    "created": _OPENED | {"pending"},
    "pending": _OPENED | {"pending"},  # pending: two who opened its page at once got the same one
    "failed": _GIVEN_UP,
    "cancelled": _GIVEN_UP,
    "succeeded": frozenset({"failed"}),  # the bank took back what had paid
    "held": frozenset({"failed"}),  # the same, before it had paid anything
}
OPEN: Final = frozenset({"created", "pending"})
REFUND_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "requested": frozenset({"submitted", "succeeded", "failed"}),
    "submitted": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),  # the provider takes it back, or the bank could not deliver it
    "failed": frozenset(),
}


def before(state: str) -> frozenset[str]:
    """The states from which a payment may reach `state`."""
    return frozenset(here for here, there in MOVES.items() if state in there)


def refund_before(state: str) -> frozenset[str]:
    """The states from which a refund may reach `state`."""
    return frozenset(here for here, there in REFUND_MOVES.items() if state in there)
