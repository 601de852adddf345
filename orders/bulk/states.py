"""Which state a purchase may go to from where. A step is left out only where a rule says so, with its reason."""

from typing import Literal

ChangeKind = Literal["late_joiners", "substitution", "spare_moved", "cancellation"]
"""What an ordered purchase still becomes, when two people want it."""

MOVES: dict[str, frozenset[str]] = {
    "draft": frozenset({"quoting", "cancelled"}),
    "quoting": frozenset({"draft", "submitted", "cancelled"}),
    "submitted": frozenset({"approved", "rejected", "draft", "quoting", "cancelled"}),
    "approved": frozenset({"noticed", "draft", "quoting", "cancelled"}),
    "rejected": frozenset({"draft", "quoting", "cancelled"}),
    "noticed": frozenset({"ordered", "draft", "quoting", "cancelled"}),
    "ordered": frozenset({"shipped", "cancelled"}),
    "shipped": frozenset({"accepted"}),
    "accepted": frozenset({"distributed"}),
    "distributed": frozenset({"archived"}),
    "archived": frozenset(),
    "cancelled": frozenset(),
}
SKIPS: dict[tuple[str, str], str] = {("draft", "submitted"): "quoting", ("approved", "ordered"): "noticed"}
"""(from, to) → the step between them that a spending rule may leave out: asking for quotes, the public notice."""
OPEN_TO_CHANGE = frozenset({"draft", "quoting", "submitted", "approved", "rejected", "noticed"})
"""States in which the plan's content may still change; from `submitted` on that voids what was decided."""
WAY = (
    "draft", "quoting", "submitted", "approved", "noticed", "ordered", "shipped", "accepted", "distributed", "archived",
)  # fmt: skip
"""The steps in their order, as a page shows them."""


def before(state: str) -> tuple[str, ...]:
    """The states from which `state` may be reached, for `WHERE state = ANY(…)`."""
    return tuple(sorted(here for here, there in MOVES.items() if state in there))


def before_skipping(state: str) -> tuple[str | None, str | None]:
    """(from, step left out): where `state` may be reached from when a rule left out the step between."""
    return next(((here, step) for (here, there), step in SKIPS.items() if there == state), (None, None))
