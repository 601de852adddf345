"""What opens something and is told once, by a message. It is stored nowhere: whoever has the shop's keys derives it
from the id of the row that it opens, when the message is sent and when it comes back.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final
from uuid import UUID

from shop.core.keys import Keys

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{64}")  # of 16 bytes that name and 32 that prove
_CODE_DIGITS: Final = 6


def token_of(keys: Keys, row_id: UUID) -> str:
    """What a link carries: the row's id and the proof that it was told, in letters that an address may hold."""
    return urlsafe_b64encode(row_id.bytes + _proof(keys.newest("links"), row_id)).decode().rstrip("=")


def id_of(keys: Keys, token: str) -> UUID | None:
    """The row that a token opens; None for one that we never told."""
    if not _TOKEN.fullmatch(token):
        return None
    named = urlsafe_b64decode(token)
    row_id = UUID(bytes=named[:16])
    told = any(hmac.compare_digest(named[16:], _proof(key, row_id)) for key in keys.every("links"))
    return row_id if told else None


def code_of(keys: Keys, row_id: UUID) -> str:
    """Six digits to be typed. So few can be guessed: whoever checks them counts the attempts."""
    return _code(keys.newest("codes"), row_id)


def is_code_of(keys: Keys, row_id: UUID, typed: str) -> bool:
    typed_bytes = typed.strip().encode(errors="replace")
    return any(hmac.compare_digest(_code(key, row_id).encode(), typed_bytes) for key in keys.every("codes"))


def _code(key: bytes, row_id: UUID) -> str:
    return str(int.from_bytes(_proof(key, row_id)[:8]) % 10**_CODE_DIGITS).zfill(_CODE_DIGITS)


def _proof(key: bytes, row_id: UUID) -> bytes:
    return hmac.digest(key, row_id.bytes, sha256)
