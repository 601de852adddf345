"""The code that a payer writes into a bank transfer, so that its money finds its share. Pure.

`BF`, nine signs at random, and a check sign (ISO 7064, mod 33/32): a slip of the pen is no code.
"""

import re
import secrets
import unicodedata
from datetime import timedelta
from typing import Final

from stdnum.iso7064 import mod_37_36

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nothing that is read for something else
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_CANDIDATE: Final = re.compile(r"(?=BF([0-9A-Z]{10}))")
_BETWEEN: Final = re.compile(r"[\s\-_.·,:]+")

HOLD: Final = timedelta(days=3)
"""How long a person's order waits for a bank transfer: as long as one may take over a weekend."""


def new_transfer_code() -> str:
    """Twelve signs for a new payer share, none of them easily taken for another."""
    signs = "".join(_SIGNS[byte & 31] for byte in secrets.token_bytes(9))
    return f"BF{signs}{mod_37_36.calc_check_digit(signs, _SIGNS)}"


def codes_in(remark: str) -> list[str]:
    """Codes written in a remark, each once: full width or half, any case, spaces or dashes between, O for 0."""
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", remark).upper())
    found = (match[1].translate(_READ_AS) for match in _CANDIDATE.finditer(plain))
    return list(dict.fromkeys(f"BF{signs}" for signs in found if mod_37_36.is_valid(signs, _SIGNS)))
