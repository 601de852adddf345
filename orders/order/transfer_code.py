"""The code that a payer writes into a bank transfer, so that its money finds its share. Pure.

`BF`, nine signs that follow from the share's id, and a check sign (ISO 7064, mod 33/32): a slip of the pen is no code.
"""

import re
import unicodedata
from hashlib import sha256
from typing import Final
from uuid import UUID

from stdnum.iso7064 import mod_37_36

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
_CANDIDATE: Final = re.compile(r"(?=BF([0-9A-Z]{10}))")
_BETWEEN: Final = re.compile(r"[\s\-_.·,:]+")


def transfer_code(share_id: UUID) -> str:
    """The code of a payer share: twelve signs, none of them easily taken for another."""
    number = int.from_bytes(sha256(b"transfer code " + share_id.bytes).digest()[:8], "big")
    signs = ""
    for _ in range(9):
        number, place = divmod(number, 32)
        signs += _SIGNS[place]
    return f"BF{signs}{mod_37_36.calc_check_digit(signs, _SIGNS)}"


def codes_in(remark: str) -> list[str]:
    """Codes written in a remark, each once: full width or half, any case, spaces or dashes between, O for 0."""
    plain = _BETWEEN.sub("", unicodedata.normalize("NFKC", remark).upper())
    found = (match[1].translate(_READ_AS) for match in _CANDIDATE.finditer(plain))
    return list(dict.fromkeys(f"BF{signs}" for signs in found if mod_37_36.is_valid(signs, _SIGNS)))
