"""How far a price of goods on the shelf may move by one person's word. Pure."""

from typing import Final

RETAIL_BASIS_POINTS: Final = 3_000
"""Of the old price, either way: a retail price that moves further waits for a second person."""
TENFOLD: Final = 10
"""On any list (DOMAIN rule 36): a price ten times as high or a tenth and less is a slip, or worse."""


def moves_too_far(price_list: str, old_fen: int, new_fen: int) -> bool:
    """Whether the change waits for a second person. Between nothing and something lies more than any limit."""
    if old_fen == new_fen:
        return False
    tenfold = new_fen >= TENFOLD * old_fen or old_fen >= TENFOLD * new_fen
    return tenfold or (price_list == "retail" and abs(new_fen - old_fen) * 10_000 > old_fen * RETAIL_BASIS_POINTS)
