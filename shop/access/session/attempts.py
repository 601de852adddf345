"""Failed attempts are counted in the database, so that the limit holds across processes."""

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ARRAY, BigInteger, DateTime, LargeBinary, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.errors import TooMany
from shop.core.ids import new_id
from shop.core.keys import Keys

WINDOW: Final = timedelta(minutes=5)
ACCOUNT_MOST, ADDRESS_MOST = 10, 50
"""Failures in the window: of one account at one address, and of one address (a whole office may sit behind it)."""
EVERYWHERE_MOST = 100
"""Of one account, from wherever: many addresses guess no quicker than ten."""
DEVICE_MOST = 10
"""Of one account in a browser in which it has signed in before. Nothing else is counted there."""

_KEYS = bindparam("keys", type_=ARRAY(LargeBinary))
# Callers of the same key queue here; keys come sorted, so they never wait in a ring.
_LOCK = text("SELECT pg_advisory_xact_lock(number) FROM unnest(:numbers) AS number").bindparams(
    bindparam("numbers", type_=ARRAY(BigInteger))
)
_COUNT = text(
    "SELECT key_sha256, count(*) AS attempts, min(at) AS first FROM sign_in_attempt "
    "WHERE key_sha256 = ANY(:keys) AND at > :since GROUP BY key_sha256"
).bindparams(_KEYS, bindparam("since", type_=DateTime(timezone=True)))
_ADD = text(
    "INSERT INTO sign_in_attempt (id, key_sha256, at) SELECT id, key, :now FROM unnest(:ids, :keys) AS added (id, key)"
).bindparams(_KEYS, bindparam("ids", type_=ARRAY(Uuid)), bindparam("now", type_=DateTime(timezone=True)))
_FORGET = text("DELETE FROM sign_in_attempt WHERE key_sha256 = :key")
_TAKE_BACK = text(
    "DELETE FROM sign_in_attempt "
    "WHERE id = (SELECT id FROM sign_in_attempt WHERE key_sha256 = :key ORDER BY at DESC LIMIT 1)"
)


class TooManyAttempts(TooMany):
    """`extra["retry_after_s"]`: seconds until the next attempt is heard; the header Retry-After says the same."""

    code = "too_many_attempts"
    title = "尝试次数太多"


def key_of(keys: Keys, kind: str, value: str) -> bytes:
    """A keyed digest: an address or an email cannot be read back, nor guessed, from the table. With another newest key
    the counting of the last minutes begins anew.
    """
    return hmac.digest(keys.newest("attempts"), f"{kind}:{value}".encode(errors="replace"), sha256)


async def reserve(session: WriteSession, most: Mapping[bytes, int], *, now: datetime) -> None:
    """Note an attempt before it is judged, so that a hundred at once count as a hundred.

    most: key → attempts allowed in the window. now: the machine's time.
    Raises TooManyAttempts, having noted nothing: whoever waits is heard again.
    """
    keys = sorted(most)
    await session.execute(_LOCK, {"numbers": sorted(int.from_bytes(key[:8], "big", signed=True) for key in keys)})
    rows = await session.execute(_COUNT, {"keys": keys, "since": now - WINDOW})
    full = [row.first for row in rows if row.attempts >= most[bytes(row.key_sha256)]]
    if full:
        wait = max(1, *(int((first + WINDOW - now).total_seconds()) + 1 for first in full))
        raise TooManyAttempts("为了账号安全，请过几分钟再试。", extra={"retry_after_s": wait})
    await session.execute(_ADD, {"ids": [new_id() for _ in keys], "keys": keys, "now": now})


async def forget(session: WriteSession, *, all_of: Iterable[bytes], one_of: Iterable[bytes] = ()) -> None:
    """It succeeded. all_of: keys that start afresh; one_of: keys that get this one attempt back, since what others
    failed at stays counted.
    """
    for key in all_of:
        await session.execute(_FORGET, {"key": key})
    for key in one_of:
        await session.execute(_TAKE_BACK, {"key": key})
