"""An address becomes an account's name once a link that was sent to it has been opened by whoever knows the account."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shop.access.account.links import VERIFY_LASTS, end_link, end_links, make_link, opened
from shop.access.account.prove_password import prove_password
from shop.access.permissions import Actor
from shop.access.users import EmailTaken, lock_account
from shop.access.who import is_named
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import Database, WriteSession
from shop.core.keys import Keys
from shop.messages.queue_message import queue_message
from shop.messages.wording import OPENS
from shop.ui.i18n import Lang

_ANOTHERS: Final = text(
    f"SELECT EXISTS (SELECT FROM user_account WHERE {is_named('')} AND id <> :user)"  # noqa: S608  # our own words
)
_VERIFY: Final = text("UPDATE user_account SET email = :email, email_verified_at = :now WHERE id = :user")


async def offer_email(session: WriteSession, *, user_id: UUID, email: str, lang: Lang, now: datetime) -> None:
    """Ask the address whether it is the account's: it gets a link. Where it is another account's name it is told so
    instead, and whoever typed it sees no difference. email: as `checked_email` gives it.
    """
    wall = clock.wall()
    anothers = await session.scalar(_ANOTHERS, {"email": email, "user": user_id})
    await end_links(session, user_id, "verify_email", wall=wall)
    link, until = await make_link(
        session, user_id=user_id, purpose="verify_email", email=email, lasts=VERIFY_LASTS, wall=wall
    )
    await queue_message(
        session,
        channel="mail",
        to=email,
        template="email_taken" if anothers else "email_verify",
        values={} if anothers else {OPENS: str(link)},
        lang=lang,
        expires_at=until,
        now=now,
    )


async def confirm_email(
    database: Database,
    *,
    keys: Keys,
    token: str,
    actor: Actor | None,
    password: str,
    address: str | None,
    now: datetime,
) -> None:
    """Whoever opens the link shows that the account is his as well: he is signed in to it, or knows its password. So
    nobody makes another's account his own name by a careless click. Opens its own short transactions.

    Raises LinkDead, WrongPassword, TooManyAttempts, EmailTaken.
    """
    wall = clock.wall()
    async with database.reading() as session:
        link = await opened(session, "verify_email", token, keys=keys, wall=wall)
    if actor is None or actor.user_id != link.user_id:
        await prove_password(database, keys=keys, user_id=link.user_id, password=password, address=address, wall=wall)
    async with database.transaction() as session:
        await lock_account(session, link.user_id)
        await end_link(session, link.id, wall=wall)
        await verify(session, link.user_id, link.email, now=now)


async def verify(session: WriteSession, user_id: UUID, email: str, *, now: datetime) -> None:
    """It is the account's name from now on; what the former one was sent opens nothing any more. Raises EmailTaken."""
    try:
        async with session.begin_nested():
            await session.execute(_VERIFY, {"user": user_id, "email": email, "now": now})
    except IntegrityError as error:
        raise EmailTaken("这个邮箱刚刚成了另一个账号的登录名，请用它登录。") from error
    await end_links(session, user_id, wall=clock.wall())
    await record_change(
        session, actor_id=user_id, action="user.email_verified", subject=f"user_account:{user_id}", now=now
    )
