"""HMAC-SHA256 over what is asked and when: a stranger can neither ask in our name nor answer in the channel's."""

import hmac
from datetime import datetime
from hashlib import sha256
from typing import Final

SIGNATURE: Final = "X-Signature"
TIMESTAMP: Final = "X-Timestamp"
SKEW_SECONDS: Final = 300


def sign(key: str, timestamp: str, *parts: bytes) -> str:
    message = b"\n".join((timestamp.encode(), *(sha256(part).hexdigest().encode() for part in parts)))
    return hmac.new(key.encode(), message, sha256).hexdigest()


def is_signed(key: str, signature: str, timestamp: str, *parts: bytes, now: datetime) -> bool:
    """Signed with the key over these parts, no longer than five minutes ago."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    fresh = abs(now.timestamp() - int(timestamp)) <= SKEW_SECONDS
    return fresh and hmac.compare_digest(signature.encode(), sign(key, timestamp, *parts).encode())
