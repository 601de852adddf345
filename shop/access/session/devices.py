"""A browser in which somebody has signed in is known at the door: what strangers try elsewhere never counts there.

Nothing is stored: the cookie is a random name with a signature for each account that signed in with it, the last few.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import Final

from shop.core.keys import Keys

ACCOUNTS_MOST: Final = 8
"""Of one browser, e.g. in a canteen's office; the one that has not signed in for longest is forgotten."""
_WRITTEN: Final = re.compile(r"[0-9a-f]{32}(?:\.[0-9a-f]{32}){1,8}")


def known_device(cookie: str, keys: Keys, account: str) -> str | None:
    """The device's name where this account has signed in with it before; None for a stranger's or a forged cookie.

    account: an email, whether or not there is such an account.
    """
    if not _WRITTEN.fullmatch(cookie):
        return None
    name, *signatures = cookie.split(".")
    requested = [_signature(key, name, account) for key in keys.every("devices")]
    return name if any(hmac.compare_digest(own, one) for own in requested for one in signatures) else None


def introduced(cookie: str, keys: Keys, account: str) -> str:
    """The cookie for after this account signed in; a device keeps its name and the accounts it knew."""
    name, *signatures = cookie.split(".") if _WRITTEN.fullmatch(cookie) else [secrets.token_hex(16)]
    mine, *before = [_signature(key, name, account) for key in keys.every("devices")]
    others = [one for one in signatures if one != mine and one not in before]
    return ".".join([name, mine, *others[: ACCOUNTS_MOST - 1]])


def _signature(key: bytes, name: str, account: str) -> str:
    return hmac.digest(key, f"{name}:{account.strip().lower()}".encode(errors="replace"), sha256).hex()[:32]
