"""Accounts from the command line: people are named by email, and nobody is signed in who does it."""

from uuid import UUID

from shop.access import users
from shop.access.account.passwords import check_new_password, hash_password
from shop.access.permissions import Grant
from shop.access.users import create_user, grant_role, person_id_of, reset_password, revoke_role, user_id_of
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.organisation.members import leave as leave_unit


class WorksNowhere(NotFound):
    code = "works_nowhere"
    title = "这个账号今天不在任何单位"


class NotHeld(NotFound):
    code = "role_not_held"
    title = "这个账号没有这个角色"


async def create(database: Database, *, email: str, name: str, phone: str | None, password: str) -> UUID:
    """Returns the account's id. Whoever runs the shop vouches for the address: it is a name at once.

    Raises WeakPassword and what `create_user` raises.
    """
    check_new_password(password, email=email, name=name)
    password_hash = await hash_password(password)
    async with database.transaction() as session:
        made = await create_user(
            session, actor=None, email=email, name=name, phone=phone, password_hash=password_hash, now=clock.now()
        )
    return made.user_id


async def grant(database: Database, *, email: str, grant: Grant) -> None:
    """From today on. Raises NoSuchUser, BadScope."""
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        await grant_role(
            session,
            actor_id=None,
            user_id=user_id,
            grant=grant,
            valid_from=clock.today(),
            reason="cli",
            now=clock.now(),
        )


async def reset(database: Database, *, email: str, password: str) -> None:
    """Whoever was signed in is signed out. Raises NoSuchUser, WeakPassword."""
    check_new_password(password, email=email)
    password_hash = await hash_password(password)
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        await reset_password(session, actor=None, user_id=user_id, password_hash=password_hash, now=clock.now())


async def revoke(database: Database, *, email: str, grant: Grant, reason: str) -> None:
    """From today on, so at once. Raises NoSuchUser; NotHeld where there is nothing to end, e.g. another scope."""
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        ended = await revoke_role(
            session, actor=None, user_id=user_id, grant=grant, day=clock.today(), reason=reason, now=clock.now()
        )
    if not ended:
        raise NotHeld("请核对角色和范围：要与授予时写的一样。")


async def suspend(database: Database, *, email: str, reason: str) -> None:
    """Whoever was signed in is signed out. Raises NoSuchUser."""
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        await users.suspend(session, actor=None, user_id=user_id, reason=reason, now=clock.now())


async def leave(database: Database, *, email: str) -> None:
    """Works at no unit from today on, and holds no role there. Raises NoSuchUser, WorksNowhere."""
    async with database.transaction() as session:
        person_id = await person_id_of(session, email)
        if not await leave_unit(session, actor=None, person_id=person_id, day=clock.today(), now=clock.now()):
            raise WorksNowhere("没有可以结束的任职。")


async def reinstate(database: Database, *, email: str, reason: str) -> None:
    """At the owner's shell one person suffices. Raises NoSuchUser, NotSuspended."""
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        await users.reinstate(session, actor_id=None, user_id=user_id, reason=reason, now=clock.now())
