"""Two administrators make a password void: its owner sets a new one by a link, or by a code that is handed over."""

from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from sqlalchemy import text

from shop.access.account.links import RESET_LASTS, make_code, make_link
from shop.access.account.set_password import set_password
from shop.access.users import lock_account
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.messages.queue_message import queue_message
from shop.messages.wording import OPENS

By = Literal["mail", "code"]
_NAME: Final = text("SELECT email FROM user_account WHERE id = :user AND email_verified_at IS NOT NULL")


class EmailNotVerified(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "email_not_verified"
    title: ClassVar[str] = "这个账号的邮箱还没有确认"


async def void_password(
    session: WriteSession, *, asked_by: UUID, user_id: UUID, by: By, reason: str, now: datetime
) -> str | None:
    """Who asked stands as its author. Everybody who is signed in with it is out. Returns the code, told once, where one
    is to be handed over. Raises NoSuchUser, EmailNotVerified.
    """
    await lock_account(session, user_id)
    name = await session.scalar(_NAME, {"user": user_id})
    if name is None:
        raise EmailNotVerified("没有确认过的邮箱不能登录，设了新密码也没有用。请本人先打开确认邮件里的链接。")
    await set_password(
        session,
        actor_id=asked_by,
        user_id=user_id,
        password_hash=None,
        action="user.password_voided",
        reason=reason,
        now=now,
    )
    wall = clock.wall()
    if by == "code":
        return await make_code(session, user_id=user_id, wall=wall)
    link, until = await make_link(
        session, user_id=user_id, purpose="reset_password", email=name, lasts=RESET_LASTS, wall=wall
    )
    await queue_message(
        session,
        channel="mail",
        to=name,
        template="password_voided",
        values={OPENS: str(link)},
        expires_at=until,
        now=now,
    )
    return None
