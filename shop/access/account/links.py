"""Links and codes that open one thing, once, for a while."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Row, text

from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id
from shop.core.keys import Keys
from shop.messages.secret import id_of

Purpose = Literal["verify_email", "reset_password"]
VERIFY_LASTS: Final = timedelta(days=7)
RESET_LASTS: Final = timedelta(minutes=30)
CODE_LASTS: Final = timedelta(hours=24)
"""Longer than a link: it is handed over by a person."""
_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that are taken for each other
_CODE_LENGTH: Final = 24  # 120 bits: nobody finds one by its digest either


class LinkDead(NotFound):
    """Forged, used, too old, or of a password that is no more: a stranger is told the same."""

    code = "link_dead"
    title = "这个链接已失效"

    def __init__(self) -> None:
        super().__init__("链接只能用一次，也会过期。请重新申请一个。")


_MAKE: Final = text("""
INSERT INTO account_link (id, user_id, purpose, email, code_sha256, password_version, created_at, expires_at)
SELECT :id, id, :purpose, :email, :code, password_version, :wall, :until FROM user_account WHERE id = :user
""")
_OPEN: Final = """
SELECT l.id, l.user_id, l.email, a.email AS name, a.email_verified_at, a.password_hash, p.name AS person_name
FROM account_link l JOIN user_account a ON a.id = l.user_id JOIN person p ON p.id = a.person_id
WHERE {which} AND l.purpose = :purpose AND l.ended_at IS NULL AND l.expires_at > :wall AND a.state = 'active'
    AND l.password_version = a.password_version
"""
_BY_ID, _BY_CODE = text(_OPEN.format(which="l.id = :id")), text(_OPEN.format(which="l.code_sha256 = :code"))
_END: Final = text("UPDATE account_link SET ended_at = :wall WHERE id = :id AND ended_at IS NULL RETURNING id")
_END_ALL: Final = text("""
UPDATE account_link SET ended_at = :wall
WHERE user_id = :user AND ended_at IS NULL AND (CAST(:purpose AS text) IS NULL OR purpose = :purpose)
""")


async def make_link(
    session: WriteSession, *, user_id: UUID, purpose: Purpose, email: str, lasts: timedelta, wall: datetime
) -> tuple[UUID, datetime]:
    """Its id, which a message tells as `opens`, and its end. wall: the machine's time, as for all of these."""
    link = new_id()
    until = wall + lasts
    await session.execute(
        _MAKE,
        {"id": link, "user": user_id, "purpose": purpose, "email": email, "code": None, "wall": wall, "until": until},
    )
    return link, until


async def make_code(session: WriteSession, *, user_id: UUID, wall: datetime) -> str:
    """A code to be handed over by a person, which sets a new password: told now and never again."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    await session.execute(
        _MAKE,
        {
            "id": new_id(), "user": user_id, "purpose": "reset_password", "email": None, "code": _digest(letters),
            "wall": wall, "until": wall + CODE_LASTS,
        },
    )  # fmt: skip
    return "-".join(letters[at : at + 4] for at in range(0, _CODE_LENGTH, 4))


async def opened(session: ReadSession, purpose: Purpose, told: str, *, keys: Keys, wall: datetime) -> Row[Any]:
    """What a token or a code opens: id, user_id, email it was sent to, the account's name (an e-mail) with
    email_verified_at, password_hash and person_name. Raises LinkDead.
    """
    link = id_of(keys, told)
    code = None if link else _digest(told.upper().replace("-", "").replace(" ", "")[: _CODE_LENGTH * 2])
    found = await session.execute(
        _BY_ID if link else _BY_CODE, {"id": link, "code": code, "purpose": purpose, "wall": wall}
    )
    row = found.one_or_none()
    if row is None:
        raise LinkDead
    return row


async def end_link(session: WriteSession, link: UUID, *, wall: datetime) -> None:
    """It opens once: of two at the same moment one. Raises LinkDead."""
    if await session.scalar(_END, {"id": link, "wall": wall}) is None:
        raise LinkDead


async def end_links(session: WriteSession, user_id: UUID, purpose: Purpose | None = None, *, wall: datetime) -> None:
    """All that an account has open, or those of a purpose."""
    await session.execute(_END_ALL, {"user": user_id, "purpose": purpose, "wall": wall})


def _digest(code: str) -> bytes:
    return sha256(code.encode(errors="replace")).digest()
