"""DATABASE_URL and DATABASE_OWNER_URL are two roles of one database: the backup of another one helps nobody."""

from typing import ClassVar, Final

import asyncpg

from shop.core.errors import Problem
from shop.core.postgres.connection import Options, ShopConnection, connected

_SECONDS: Final = 10.0
_WHICH: Final = "SELECT system_identifier || ' ' || current_database() FROM pg_control_system()"


class TwoDatabases(Problem):
    code: ClassVar[str] = "two_databases"
    title: ClassVar[str] = "DATABASE_URL 和 DATABASE_OWNER_URL 指的不是同一个数据库"


async def refuse_two_databases(owner: ShopConnection, database_url: str | None) -> None:
    """Where the application's role may not come in yet, there is nothing to compare. Raises TwoDatabases."""
    if not database_url:
        return
    try:
        application = await connected(database_url, Options({}), patience=_SECONDS)
    except (OSError, asyncpg.PostgresError):
        return
    try:
        there = await application.fetchval(_WHICH)
    finally:
        await application.close()
    if there != await owner.fetchval(_WHICH):
        raise TwoDatabases("请核对两个地址：主机、端口和数据库名要一样，只有角色不同。")
