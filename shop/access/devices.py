"""A browser in which somebody has signed in is known at the door: what strangers try elsewhere never counts there.

Nothing is stored: the cookie is a random name with a signature for each account that signed in with it, the last few.
"""

import hmac
import re
import secrets
from hashlib import sha256
from typing import Final

ACCOUNTS_MOST: Final = 8
"""Of one browser, e.g. in a canteen's office; the one that has not signed in for longest is forgotten."""
_WRITTEN: Final = re.compile(r"[0-9a-f]{32}(?:\.[0-9a-f]{32}){1,8}")


def known_device(cookie: str, secret_key: str, account: str) -> str | None:
    """The device's name where this account has signed in with it before; None for a stranger's or a forged cookie.

    account: an email, whether or not there is such an account.
    """
    if not _WRITTEN.fullmatch(cookie):
        return None
    name, *signatures = cookie.split(".")
    wanted = _signature(secret_key, name, account)
    return name if any(hmac.compare_digest(wanted, one) for one in signatures) else None


def introduced(cookie: str, secret_key: str, account: str) -> str:
    """The cookie for after this account signed in; a device keeps its name and the accounts it knew."""
    name, *signatures = cookie.split(".") if _WRITTEN.fullmatch(cookie) else [secrets.token_hex(16)]
    mine = _signature(secret_key, name, account)
    return ".".join([name, mine, *[one for one in signatures if one != mine][: ACCOUNTS_MOST - 1]])


def _signature(secret_key: str, name: str, account: str) -> str:
    key = hmac.digest(secret_key.encode(), b"known devices", sha256)
    return hmac.digest(key, f"{name}:{account.strip().lower()}".encode(errors="replace"), sha256).hex()[:32]
