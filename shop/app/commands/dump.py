"""`shop backup` and `shop restore`: PostgreSQL's own dump."""

from pathlib import Path

from shop.app.commands.postgres_tools import run_tool
from shop.app.migrate import PREPARED, make_ready
from shop.core.database import owner_url
from shop.core.errors import Problem
from shop.core.postgres.connection import ShopConnection, the_server_itself
from shop.core.postgres.same_database import refuse_two_databases
from shop.core.settings import Settings


class StillConnected(Problem):
    code = "still_connected"
    title = "还有别的连接在使用这个数据库"


class NotOurs(Problem):
    code = "not_ours"
    title = "这不是本商城的备份"


class RestoreUnfinished(Problem):
    """What was there before it stands under another name, perhaps as the only copy: nothing is dropped for it."""

    code = "restore_unfinished"
    title = "上一次恢复没有做完"

    def __init__(self, schema: str, kept: str) -> None:
        super().__init__(
            f"恢复之前的数据还在模式 {kept} 里。要回到恢复之前，以属主身份运行："
            f'DROP SCHEMA IF EXISTS "{schema}" CASCADE; ALTER SCHEMA "{kept}" RENAME TO "{schema}"; '
            f'确认不再需要它：DROP SCHEMA "{kept}" CASCADE; 然后再恢复一次。'
        )


async def dump(settings: Settings, file: Path) -> None:
    """Write a dump in pg_dump's custom format, for its owner's eyes only (0600): it holds every name and phone. An
    existing file is replaced only once the new one is whole. Raises DumpFailed, ThroughPooler, TwoDatabases.
    """
    address = owner_url(settings)
    owner = await the_server_itself(address)
    try:
        await refuse_two_databases(owner, settings.database_url)
        version = owner.get_server_version().major
    finally:
        await owner.close()
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    what = ("--format=custom", f'--schema="{settings.database_schema}"', f"--file={unfinished}")
    await run_tool(address, "pg_dump", *what, server=version)
    unfinished.replace(file)


_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
"""  # an autovacuum is nobody
_EXISTS = "SELECT to_regnamespace(quote_ident($1)) IS NOT NULL"


async def restore(settings: Settings, file: Path) -> None:
    """Replace the schema by the dump's, then migrate it to this code. Where that fails, what was there is back; where
    it is killed, under another name (RestoreUnfinished).

    An empty database will do: rights are given anew, and in another cluster the order of commits goes on above the
    dump's numbers (`shop.core.commit_number`). Raises DumpFailed, KeysLocked, LocksBusy, NotOurs, RestoreUnfinished,
    StepFailed, StillConnected, ThroughPooler, TwoDatabases.
    """
    address = owner_url(settings)
    schema, kept = settings.database_schema, f"{settings.database_schema}_before_restore"
    owner = await the_server_itself(address)
    try:
        if others := await owner.fetchval(_OTHERS):
            raise StillConnected(f"请先停下网站和后台任务：还有 {others} 个连接。")
        await refuse_two_databases(owner, settings.database_url)  # after counting: its own connection is one, too
        if await owner.fetchval(_EXISTS, kept):
            raise RestoreUnfinished(schema, kept)
        there = await owner.fetchval(_EXISTS, schema)
        if there:
            await owner.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{kept}"')
        await owner.execute(";".join(PREPARED).format(schema=schema))
        try:
            what = (f"--schema={schema}", *_RESTORED, str(file))
            await run_tool(address, "pg_restore", *what, server=owner.get_server_version().major)
            await _refuse_others(owner, schema, file)
            await make_ready(settings, address, restored=True)
        except BaseException:
            await owner.execute(f'DROP SCHEMA "{schema}" CASCADE')
            if there:
                await owner.execute(f'ALTER SCHEMA "{kept}" RENAME TO "{schema}"')
            raise
        if there:
            await owner.execute(f'DROP SCHEMA "{kept}" CASCADE')
    finally:
        await owner.close()


async def _refuse_others(owner: ShopConnection, schema: str, file: Path) -> None:
    """pg_restore brings nothing of another schema, and is content."""
    if not await owner.fetchval("SELECT to_regclass($1) IS NOT NULL", f'"{schema}".alembic_version'):
        raise NotOurs(f"{file.name} 里没有模式 {schema} 的商城数据：请核对文件和 DATABASE_SCHEMA。")


_RESTORED = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
