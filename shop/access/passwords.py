"""Passwords: argon2id, off the event loop, and the same work whether or not the account exists."""

from functools import partial
from typing import Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from shop.core.errors import Detail, Invalid

# OWASP's parameters: 19 MiB and two passes; a process that verifies two at once stays inside its memory.
_HASHER: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$4Ga9BduS9xI6pRho0dUYAQ$k//Wa8WgNPp8qcvMiNZ9EVj/0w9+/MX57/Yv7P5Gteo"
)
_AT_ONCE: Final = 2
_limiter: Final[RunVar[CapacityLimiter]] = RunVar("password_limiter")

LENGTH_MIN, LENGTH_MAX = 10, 200


class WeakPassword(Invalid):
    code = "weak_password"
    title = "密码不符合要求"


def check_new_password(password: str, *, email: str = "") -> None:
    """Long enough, not endless, and not the account's own name. Raises WeakPassword."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        _refuse(f"密码需要 {LENGTH_MIN} 到 {LENGTH_MAX} 个字符。")
    mailbox = email.partition("@")[0].lower()
    if len(set(password)) < 4 or (len(mailbox) >= 4 and mailbox in password.lower()):
        _refuse("密码太容易猜到：请不要重复同几个字符，也不要包含邮箱名。")
    if not _encodable(password):
        _refuse("密码里有无法识别的字符，请重新输入。")


async def hash_password(password: str) -> str:
    """Takes some tens of milliseconds of another thread; call it before the transaction opens."""
    return await to_thread.run_sync(_HASHER.hash, password, limiter=_the_limiter())


async def verify_password(password: str, stored_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password fits, and a new hash when the stored one has older parameters.

    stored_hash: None for an account that does not exist; the same work is done, and the answer is no.
    """
    if not _encodable(password):
        password, stored_hash = "", None
    verify = partial(_HASHER.verify_and_update, password[: LENGTH_MAX + 1], stored_hash or _NOBODYS_HASH)
    fits, newer = await to_thread.run_sync(verify, limiter=_the_limiter())
    return (fits, newer) if stored_hash else (False, None)


def _the_limiter() -> CapacityLimiter:
    """At most two hashes at once, an event loop: more would only compete for the same cores and memory."""
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(made := CapacityLimiter(_AT_ONCE))
        return made


def _encodable(password: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in password)


def _refuse(detail: str) -> None:
    raise WeakPassword(detail, [Detail("/password", WeakPassword.code, detail)])
