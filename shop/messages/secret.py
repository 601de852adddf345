"""What opens something and is told once, by a message. It is stored nowhere: whoever has the shop's secret derives it
from the id of the row that it opens, when the message is sent and when it comes back.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final
from uuid import UUID

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{64}")  # of 16 bytes that name and 32 that prove
_CODE_DIGITS: Final = 6


def token_of(secret_key: str, row_id: UUID) -> str:
    """What a link carries: the row's id and the proof that it was told, in letters that an address may hold."""
    return urlsafe_b64encode(row_id.bytes + _proof(secret_key, "token", row_id)).decode().rstrip("=")


def id_of(secret_key: str, token: str) -> UUID | None:
    """The row that a token opens; None for one that we never told."""
    if not _TOKEN.fullmatch(token):
        return None
    named = urlsafe_b64decode(token)
    row_id = UUID(bytes=named[:16])
    return row_id if hmac.compare_digest(named[16:], _proof(secret_key, "token", row_id)) else None


def code_of(secret_key: str, row_id: UUID) -> str:
    """Six digits to be typed. So few can be guessed: whoever checks them counts the attempts."""
    return str(int.from_bytes(_proof(secret_key, "code", row_id)[:8]) % 10**_CODE_DIGITS).zfill(_CODE_DIGITS)


def _proof(secret_key: str, kind: str, row_id: UUID) -> bytes:
    return hmac.digest(secret_key.encode(), f"message:{kind}:{row_id}".encode(), sha256)
