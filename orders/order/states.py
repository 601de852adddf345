"""Which state an order may go to from where, and which its payment. `move_on.py` is the only door."""

from collections.abc import Mapping
from typing import Final

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "placed": frozenset({"confirmed", "cancelled", "expired"}),
    # placed: what had paid it is gone. received: a kitchen's goods come without a parcel of ours.
    "confirmed": frozenset({"partially_shipped", "shipped", "received", "cancelled", "placed"}),
    "partially_shipped": frozenset({"shipped", "received"}),
    "shipped": frozenset({"received"}),
    "received": frozenset({"completed"}),
    "expired": frozenset({"confirmed"}),  # paid late, and the goods are still there
    "completed": frozenset(),
    "cancelled": frozenset(),
}
PAYMENT_MOVES: Final[Mapping[str, frozenset[str]]] = {
    "unpaid": frozenset({"pending", "paid", "overdue"}),
    "pending": frozenset({"unpaid", "paid"}),
    "paid": frozenset({"unpaid"}),
    "overdue": frozenset({"unpaid", "paid"}),
}
GOODS_LEFT: Final = frozenset({"partially_shipped", "shipped", "received", "completed"})


def before(state: str) -> frozenset[str]:
    """The states from which an order may reach `state`."""
    return frozenset(here for here, there in MOVES.items() if state in there)
