"""A new password takes the place of the old one: by its owner, by a link or a code, or made void by administrators."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.access.account.links import end_links
from shop.access.session.sign_out import sign_out_everywhere
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession

_SET: Final = text("""
UPDATE user_account SET password_hash = :hash, password_version = password_version + 1
WHERE id = :user AND (CAST(:was AS text) IS NULL OR password_hash = :was) RETURNING id
""")


async def set_password(
    session: WriteSession,
    *,
    actor_id: UUID | None,
    user_id: UUID,
    password_hash: str | None,
    was: str | None = None,
    keep_session: UUID | None = None,
    action: str,
    reason: str | None = None,
    now: datetime,
) -> bool:
    """Whether it was done: not where there is no such account, or its password is no longer the one with the hash
    `was`. Every session but `keep_session` ends, and every open link to set a password with them.

    password_hash: None makes it void. action: as the audit names it.
    """
    if await session.scalar(_SET, {"user": user_id, "hash": password_hash, "was": was}) is None:
        return False
    wall = clock.wall()
    await sign_out_everywhere(session, user_id=user_id, but=keep_session, now=wall)
    await end_links(session, user_id, "reset_password", wall=wall)
    await record_change(
        session, actor_id=actor_id, action=action, subject=f"user_account:{user_id}", reason=reason, now=now
    )
    return True
