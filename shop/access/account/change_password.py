"""The owner of an account changes its password."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from shop.access.account.passwords import check_new_password, hash_password
from shop.access.account.prove_password import prove_password
from shop.access.account.set_password import set_password
from shop.access.account.tell_owner import tell_owner
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.keys import Keys
from shop.ui.i18n import Lang

_WHO: Final = text("""
SELECT a.email, p.name FROM user_account a JOIN person p ON p.id = a.person_id WHERE a.id = :user
""")


class ChangedMeanwhile(Problem):
    status = 409
    code = "account_changed"
    title = "账号刚刚有变化"


async def change_password(
    database: Database,
    *,
    actor: Actor,
    keys: Keys,
    current: str,
    new: str,
    address: str | None,
    lang: Lang,
    now: datetime,
) -> None:
    """Everybody else who is signed in with it is out, and the owner is told by mail. Opens its own short transactions.

    address: the caller's, for counting wrong attempts. Raises WeakPassword, WrongPassword, TooManyAttempts,
    ChangedMeanwhile.
    """
    async with database.reading() as session:
        who = (await session.execute(_WHO, {"user": actor.user_id})).one()
    check_new_password(new, email=who.email, name=who.name or "", pointer="/new_password")
    was = await prove_password(
        database, keys=keys, user_id=actor.user_id, password=current, address=address, wall=clock.wall()
    )
    password_hash = await hash_password(new)
    async with database.transaction() as session:
        done = await set_password(
            session,
            actor_id=actor.user_id,
            user_id=actor.user_id,
            password_hash=password_hash,
            was=was,
            keep_session=actor.session_id,
            action="user.password_changed",
            now=now,
        )
        if not done:
            raise ChangedMeanwhile("请刷新页面，核对后再试。")
        await tell_owner(session, actor.user_id, "password_changed", lang=lang, now=now)
