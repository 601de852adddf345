"""`shop user …`: accounts from the command line. Passwords are asked for, or taken from the environment."""

from uuid import UUID

from shop.access.passwords import hash_password
from shop.access.permissions import Grant
from shop.access.users import create_user, grant_role, reset_password, user_id_of
from shop.core import clock
from shop.core.database import Database


async def create(database: Database, *, email: str, name: str, phone: str | None, password: str) -> UUID:
    """Returns the account's id. Raises what `create_user` raises."""
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
    """Whoever was signed in is signed out. Raises NoSuchUser."""
    password_hash = await hash_password(password)
    async with database.transaction() as session:
        user_id = await user_id_of(session, email)
        await reset_password(session, actor=None, user_id=user_id, password_hash=password_hash, now=clock.now())
