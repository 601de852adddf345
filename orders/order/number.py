"""An order's number: its day, and eight letters that can be read aloud."""

import secrets
from datetime import date
from typing import Final

_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read for something else


def new_number(day: date) -> str:
    return f"{day:%y%m%d}" + "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(8))
