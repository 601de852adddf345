"""A setting that nobody reads because its name is not quite right would be missed in silence: it is named instead."""

from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Final

CLOSE: Final = 0.85
"""Of 1: how alike a misspelt name is. `DATABASE_URI` is one (0.92), `TEST_SCHEMA` is not (0.69)."""


OURS_OTHERWISE: Final = {
    "secret_key_before": "secret_key_fallbacks",
    "seal_key_fallbacks": "seal_key_before",
    "database_pool_size": "database_pool",
    "shop_secret_key": "secret_key",
    "stripe_webhook_key": "stripe_webhook_secret",
}
"""Not alike, and meant all the same."""


def misspelt(written: Iterable[str], known: Collection[str]) -> Iterator[str]:
    """Said of each written name that is nearly one of the known ones. All in lower case."""
    for name in sorted({one.lower() for one in written} - set(known)):
        for meant in [OURS_OTHERWISE[name]] if name in OURS_OTHERWISE else get_close_matches(name, known, 1, CLOSE):
            yield f"{name.upper()} is no setting; {meant.upper()} is"
