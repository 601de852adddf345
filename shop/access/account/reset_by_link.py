"""A link or a code sets a new password, once."""

from datetime import datetime

from shop.access.account.links import end_link, opened
from shop.access.account.passwords import check_new_password, hash_password
from shop.access.account.set_password import set_password
from shop.access.account.tell_owner import tell_owner
from shop.access.account.verify_email import verify
from shop.access.users import lock_account
from shop.core import clock
from shop.core.database import Database
from shop.core.keys import Keys
from shop.ui.i18n import Lang


async def reset_by_link(database: Database, *, keys: Keys, told: str, password: str, lang: Lang, now: datetime) -> str:
    """Every session of the account ends, and its owner is told. Who could read the link's mail has the address: where
    it was not verified yet, it is now. told: the link's token, or a code. Gives the account's e-mail. Opens its own
    short transactions.

    Raises LinkDead, WeakPassword, EmailTaken.
    """
    wall = clock.wall()
    async with database.reading() as session:
        link = await opened(session, "reset_password", told, keys=keys, wall=wall)
    check_new_password(password, email=link.name, name=link.person_name or "")
    password_hash = await hash_password(password)
    async with database.transaction() as session:
        await lock_account(session, link.user_id)
        await end_link(session, link.id, wall=wall)
        await set_password(
            session,
            actor_id=link.user_id,
            user_id=link.user_id,
            password_hash=password_hash,
            action="user.password_reset",
            now=now,
        )
        if link.email_verified_at is None and link.email is not None:
            await verify(session, link.user_id, link.email, now=now)
        await tell_owner(session, link.user_id, "password_changed", lang=lang, now=now)
    return str(link.name or link.email)
