"""What the shop signs and hides with: a key for each purpose, of this programme and no other.

From SECRET_KEY, and from those before it while SECRET_KEY_FALLBACKS names them, follow the keys of what ends by itself:
the newest signs, each of them is recognised. What must stay the same for years (an auditor's pseudonym, the digest by
which an account is known again) has keys of its own in the database, wrapped: SECRET_KEY changes, they do not.
"""

import hmac
import secrets as random
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Final, Literal
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import ProgrammingError

from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.core.settings import Settings

Purpose = Literal["api tokens", "forms", "devices", "links", "codes", "attempts", "phones", "choices", "wrapping"]


class KeysLocked(Problem):
    """None of the secrets opens what the database keeps: it is another programme's, or the secret was changed alone."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "keys_locked"
    title: ClassVar[str] = "SECRET_KEY 打不开这个数据库的密钥"


class SecretNotLost(Problem):
    """It still opens what the database keeps: nothing is to be given up."""

    code: ClassVar[str] = "secret_not_lost"
    title: ClassVar[str] = "这个 SECRET_KEY 还打得开数据库的密钥"


class NoProgramme(Problem):
    status: ClassVar[int] = 503
    code: ClassVar[str] = "not_migrated"
    title: ClassVar[str] = "数据库还没有准备好"


@dataclass(frozen=True, slots=True)
class Keys:
    """programme: whose they are, whatever other programme has the same secret; began_at: when `shop migrate` began it.
    epoch: which of its copies this is (`shop.core.commit_number`). secrets: SECRET_KEY, then fallbacks.
    """

    programme: UUID
    epoch: str
    began_at: datetime
    secrets: tuple[str, ...] = field(repr=False)
    pseudonyms: bytes = field(repr=False)
    accounts: bytes = field(repr=False)

    def newest(self, purpose: Purpose) -> bytes:
        """32 bytes: what is made from now on is made with it."""
        return _derived(self.secrets[0], self.programme, purpose, self._only_here(purpose))

    def every(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The newest first: what any of them made is ours."""
        here = self._only_here(purpose)
        return tuple(_derived(one, self.programme, purpose, here) for one in self.secrets) + self._handed_on(purpose)

    def _only_here(self, purpose: Purpose) -> str:
        """Roles stand in a token: whoever administers a restored copy must not make one for the shop itself."""
        return self.epoch if purpose == "api tokens" else ""

    def _handed_on(self, purpose: Purpose) -> tuple[bytes, ...]:
        """Tokens and open forms of the last release (7d50459), for the day of the upgrade from it."""
        upgraded = any(self.accounts == secret.encode() for secret in self.secrets)
        if purpose not in _HANDED_ON or not upgraded or clock.wall() > self.began_at + _UPGRADE_LASTS:
            return ()
        return tuple(hmac.digest(secret.encode(), purpose.encode(), sha256) for secret in self.secrets)


_HANDED_ON: Final = frozenset({"api tokens", "forms"})
_UPGRADE_LASTS: Final = timedelta(days=1)


@lru_cache(maxsize=256)
def _derived(secret: str, programme: UUID, purpose: Purpose, epoch: str = "") -> bytes:
    return hmac.digest(secret.encode(), b"bangfu " + programme.bytes + f"{purpose}{epoch}".encode(), sha256)


_READ: Final = text("""
SELECT p.*, e.cluster || ' ' || e.number AS epoch
FROM programme p CROSS JOIN (SELECT * FROM commit_epoch ORDER BY number DESC LIMIT 1) e
""")
_BEGIN: Final = text("""
INSERT INTO programme (id, began_at, pseudonym_key, account_key) VALUES (:id, now(), :pseudonyms, :accounts)
""")
_WRAP: Final = text("UPDATE programme SET pseudonym_key = :pseudonyms, account_key = :accounts WHERE id = :id")


async def keys_of(database: Database, settings: Settings) -> Keys:
    """Of a programme that `shop migrate` has begun, read once. Raises NoProgramme, KeysLocked."""
    known: Keys | None = database.kept.get(Keys)
    if known is not None and known.secrets == settings.secrets:
        return known
    try:
        async with database.transaction() as session:  # the primary's: a replica may be away
            row = (await session.execute(_READ)).one_or_none()
    except ProgrammingError as unknown:
        raise NoProgramme("请先运行 shop migrate。") from unknown
    if row is None:
        raise NoProgramme("请先运行 shop migrate。")
    opened = database.kept[Keys] = _opened(row, settings.secrets)
    return opened


def begin_programme(connection: Connection, secrets: Sequence[str], *, has_people: bool) -> None:
    """As the owner: its row once, then at each call what is kept is wrapped for the newest secret. Raises KeysLocked.

    Without a row, a shop that has people was begun before there were keys of its own: theirs were made from its
    SECRET_KEY.
    """
    row = connection.execute(_READ).one_or_none()
    if row is None:
        programme, old = new_id(), secrets[-1].encode()
        kept = [random.token_bytes(32), random.token_bytes(32)]
        if has_people:
            kept = [hmac.digest(old, b"pseudonyms", sha256), old]
        pseudonyms, accounts = kept
    else:
        keys = _opened(row, secrets)
        programme, pseudonyms, accounts = keys.programme, keys.pseudonyms, keys.accounts
    connection.execute(_BEGIN if row is None else _WRAP, _wrapped(secrets, programme, pseudonyms, accounts))


async def replace_lost_keys(session: WriteSession, settings: Settings, *, reason: str, now: datetime) -> None:
    """As the owner, where every secret that opens them is lost: auditors see other pseudonyms from now on, and payers'
    accounts are to be remembered again. Raises NoProgramme, SecretNotLost.
    """
    row = (await session.execute(_READ)).one_or_none()
    if row is None:
        raise NoProgramme("请先运行 shop migrate。")
    with suppress(KeysLocked):
        _opened(row, settings.secrets)
        raise SecretNotLost(
            "要更换它：先写进 SECRET_KEY_FALLBACKS，换上新的 SECRET_KEY，再运行 shop migrate；化名都会留着。"
        )
    await session.execute(_WRAP, _wrapped(settings.secrets, row.id, random.token_bytes(32), random.token_bytes(32)))
    await record_change(
        session,
        actor_id=None,
        action="programme.keys_replaced",
        subject=f"programme:{row.id}",
        after={},
        reason=reason,
        now=now,
    )


async def is_wrapped_anew(database: Database, settings: Settings) -> bool:
    """Whether SECRET_KEY alone opens what is kept, so that the fallbacks may go. Raises NoProgramme, KeysLocked."""
    await keys_of(database, settings)
    async with database.transaction() as session:
        row = (await session.execute(_READ)).one()
    try:
        _opened(row, settings.secrets[:1])
    except KeysLocked:
        return False
    return True


def _opened(row: Row[Any], secrets: Sequence[str]) -> Keys:
    """row: of `programme`. Raises KeysLocked."""
    wrapping = _wrapping(secrets, row.id)
    try:
        pseudonyms, accounts = wrapping.decrypt(row.pseudonym_key), wrapping.decrypt(row.account_key)
        return Keys(row.id, row.epoch, row.began_at, tuple(secrets), pseudonyms, accounts)
    except InvalidToken as locked:
        said = "请把备份或改动之前的 SECRET_KEY 写进 SECRET_KEY_FALLBACKS；真的找不到了，用 shop replace-secret。"
        raise KeysLocked(said) from locked


def _wrapped(secrets: Sequence[str], programme: UUID, pseudonyms: bytes, accounts: bytes) -> dict[str, Any]:
    newest = _wrapping(secrets[:1], programme)
    return {"id": programme, "pseudonyms": newest.encrypt(pseudonyms), "accounts": newest.encrypt(accounts)}


def _wrapping(secrets: Sequence[str], programme: UUID) -> MultiFernet:
    keys = (_derived(secret, programme, "wrapping") for secret in secrets)
    return MultiFernet([Fernet(urlsafe_b64encode(key)) for key in keys])
