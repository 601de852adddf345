"""Whether a secret could be guessed by somebody who has time."""

from itertools import pairwise
from typing import Final

BYTES_MIN: Final = 32
STEPS_MIN: Final = 10
"""Different distances between neighbouring bytes: about 18 in 32 random hexadecimal digits, one in a repeated sign or
an alphabet, as many as it has letters in a repeated word."""
WORDS: Final = (
    "password", "passw0rd", "changeme", "change-me", "change_me", "secret", "example", "default", "development",
    "production", "insecure", "placeholder", "replace", "qwerty", "letmein", "bangfu", "bench", "admin", "dummy",
)  # fmt: skip
"""What is written where a secret should stand. Five letters at least, so that chance does not write them."""


def weakness(secret: str) -> str | None:
    """Why it is no secret, as the end of a sentence that begins with its name; None where nothing speaks against it."""
    written = secret.strip().encode()
    if len(written) < BYTES_MIN:
        return f"is shorter than {BYTES_MIN} bytes"
    if any(word in secret.lower() for word in WORDS):
        return "contains a word that everybody tries"
    if len({after - before for before, after in pairwise(written)}) < STEPS_MIN:
        return "repeats itself or runs in order"
    return None
