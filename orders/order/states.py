"""Which state an order may go to from where. Every change is one guarded UPDATE; this is what the guards say."""

MOVES: dict[str, frozenset[str]] = {
    "placed": frozenset({"confirmed", "cancelled", "expired"}),
    "confirmed": frozenset({"partially_shipped", "shipped", "cancelled", "placed"}),  # placed: what had paid it is gone
    "partially_shipped": frozenset({"shipped"}),
    "shipped": frozenset({"received"}),
    "received": frozenset({"completed"}),
    "expired": frozenset({"confirmed"}),  # paid late, and the goods are still there
    "completed": frozenset(),
    "cancelled": frozenset(),
}

GOODS_LEFT = frozenset({"partially_shipped", "shipped", "received", "completed"})


def before(state: str) -> tuple[str, ...]:
    """The states from which `state` may be reached, for `WHERE state = ANY(…)`."""
    return tuple(sorted(here for here, there in MOVES.items() if state in there))
