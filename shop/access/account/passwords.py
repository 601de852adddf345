"""Passwords: which ones are accepted; argon2id, off the event loop, the same work with or without an account."""

from functools import partial
from typing import Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from zxcvbn_rs_py import zxcvbn

from shop.core.errors import Detail, Invalid

# OWASP's parameters: 19 MiB and two passes; a process that verifies two at once stays inside its memory.
_HASHER: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),))
_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$4Ga9BduS9xI6pRho0dUYAQ$k//Wa8WgNPp8qcvMiNZ9EVj/0w9+/MX57/Yv7P5Gteo"
)
_AT_ONCE: Final = 2
_limiter: Final[RunVar[CapacityLimiter]] = RunVar("password_limiter")

LENGTH_MIN, LENGTH_MAX = 10, 200
_GOOD_ENOUGH: Final = 3
"""Of the package's scores 0 to 4: it knows 30,000 common passwords, names, words, keyboards and dates, and what people
make of them (P@ssword123!); below this, some hundred million guesses find it."""
_SHOP: Final = ("bangfu", "帮扶")
_COMMON_HERE: Final = (
    "woaini", "woaini1314", "woaini520", "5201314", "1314520", "woaiwojia", "zhongguo", "nihao", "我爱你", "你好",
)  # fmt: skip
"""What is common among our readers, and is not in the package's list."""


class WeakPassword(Invalid):
    code = "weak_password"
    title = "密码不符合要求"


def check_new_password(password: str, *, email: str = "", name: str = "", pointer: str = "/password") -> None:
    """Wherever a password is set: long enough, not endless, without the account's own name or the shop's, and not among
    the common ones or easily made from them. Any letters do. Raises WeakPassword, pointing at the field.
    """
    mailbox, low = email.partition("@")[0].strip().lower(), password.lower()
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        said = f"密码需要 {LENGTH_MIN} 到 {LENGTH_MAX} 个字符。"
    elif not _encodable(password):
        said = "密码里有无法识别的字符，请重新输入。"
    elif any(part in low for part in _SHOP) or (len(mailbox) >= 4 and mailbox in low):
        said = "密码里不要有邮箱名，也不要有商城的名字。"
    elif int(zxcvbn(password, [*_COMMON_HERE, *_own(mailbox, name)]).score) < _GOOD_ENOUGH:
        said = "这个密码很常见或容易猜到，请换一个，例如几个不相干的词连在一起。"
    else:
        return
    raise WeakPassword(said, [Detail(pointer, WeakPassword.code, said)])


async def hash_password(password: str) -> str:
    """Takes some tens of milliseconds of another thread; call it before the transaction opens."""
    return await to_thread.run_sync(_HASHER.hash, password, limiter=_the_limiter())


async def verify_password(password: str, stored_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password fits, and a new hash when the stored one has older parameters.

    stored_hash: None for an account that does not exist or has no password; the same work is done, the answer is no.
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


def _own(*words: str) -> list[str]:
    return [word[:64] for word in words if _encodable(word)]


def _encodable(password: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in password)
