"""Which step may follow which. A reminder changes nothing, and is refused once a filing is signed."""

from collections.abc import Mapping
from typing import Final

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "waiting": frozenset({"confirmed"}),
    "confirmed": frozenset({"confirmed", "signed", "sent_back"}),
    "sent_back": frozenset({"confirmed"}),
    "signed": frozenset({"sent_back"}),
}
"""Confirmed again: the figure as it is known now. Sent back after signing: it is confirmed and signed again."""


def may_become(state: str) -> list[str]:
    """The states from which a filing may get there."""
    return sorted(before for before, after in MOVES.items() if state in after)
