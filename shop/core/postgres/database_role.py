"""Production serves with the application's role: a privilege that is missing binds only whoever owns nothing."""

from typing import Final

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shop.core.database import Database, ReadSession
from shop.core.errors import Problem

_RIGHTS: Final = text("""
SELECT current_user AS name,
    EXISTS (SELECT FROM pg_roles held WHERE (held.rolsuper OR held.rolbypassrls)
        AND pg_has_role(current_user, held.oid, 'MEMBER')) AS commands,
    EXISTS (SELECT FROM pg_class held JOIN pg_namespace place ON place.oid = held.relnamespace
        WHERE place.nspname = current_schema() AND held.relkind IN ('r', 'p')
        AND pg_has_role(current_user, held.relowner, 'MEMBER')) AS owns
""")


class RoleTooStrong(Problem):
    status = 500
    code = "role_too_strong"
    title = "数据库角色的权限过大"


class DatabaseSilent(Problem):
    status = 503
    code = "database_silent"
    title = "数据库没有应答"


async def refuse_strong_role(database: Database) -> None:
    """On the writing and the reading side. Raises RoleTooStrong; DatabaseSilent: who cannot ask does not know."""
    try:
        async with database.transaction() as session:
            found = [await too_strong(session)]
        async with database.reading() as reading:
            found.append(await too_strong(reading))
    except (DBAPIError, OSError) as error:
        if isinstance(getattr(getattr(error, "orig", None), "__cause__", None), asyncpg.PostgresError):
            raise  # it answered: it does not let us in
        kind = type(getattr(error, "orig", None) or error).__name__
        raise DatabaseSilent(f"请核对 DATABASE_URL，并确认 PostgreSQL 已启动（{kind}）。") from error
    if why := next(filter(None, found), None):
        raise RoleTooStrong(why)


async def too_strong(session: ReadSession) -> str | None:
    """Why this connection's role may do more than the application's, and what to do; None where it may not."""
    role = (await session.execute(_RIGHTS)).one()
    if role.commands:
        return f"DATABASE_URL 用的角色 {role.name} 是超级用户或可绕过行级权限：请改用应用角色（bangfu_app）。"
    if role.owns:
        return f"DATABASE_URL 用的角色 {role.name} 拥有数据表：网站和后台进程请改用应用角色（bangfu_app）。"
    return None
