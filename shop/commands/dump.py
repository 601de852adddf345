"""`shop backup` and `shop restore`: PostgreSQL's own dump."""

from pathlib import Path

from shop.commands.postgres_tools import run_tool
from shop.core.connection import the_server_itself
from shop.core.database import owner_url
from shop.core.errors import Problem
from shop.core.settings import Settings
from shop.migrate import PREPARED, make_ready


class StillConnected(Problem):
    code = "still_connected"
    title = "还有别的连接在使用这个数据库"


async def dump(settings: Settings, file: Path) -> None:
    """Write a dump in pg_dump's custom format, for its owner's eyes only (0600): it holds every name and phone. An
    existing file is replaced only once the new one is whole. Raises DumpFailed, ThroughPooler.
    """
    address = owner_url(settings)
    owner = await the_server_itself(address)
    version = owner.get_server_version().major
    await owner.close()
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    what = ("--format=custom", f"--schema={settings.database_schema}", f"--file={unfinished}")
    run_tool(address, "pg_dump", *what, server=version)
    unfinished.replace(file)


_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def restore(settings: Settings, file: Path) -> None:
    """Replace the schema by the dump's, then migrate it to this code. Where that fails, what was there is back.

    An empty database will do: rights are given anew, and in another cluster the order of commits goes on above the
    dump's numbers (`shop.core.commit_number`). What is there is kept under another name until the dump is in.
    Raises DumpFailed, StillConnected, ThroughPooler.
    """
    address = owner_url(settings)
    schema, kept = settings.database_schema, f"{settings.database_schema}_before_restore"
    owner = await the_server_itself(address)
    try:
        if others := await owner.fetchval(_OTHERS):
            raise StillConnected(f"请先停下网站和后台任务：还有 {others} 个连接。")
        there = await owner.fetchval("SELECT to_regnamespace($1) IS NOT NULL", f'"{schema}"')
        await owner.execute(f'DROP SCHEMA IF EXISTS "{kept}" CASCADE')
        if there:
            await owner.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{kept}"')
        await owner.execute(";".join(PREPARED).format(schema=schema))
        try:
            what = (f"--schema={schema}", *_RESTORED, str(file))
            run_tool(address, "pg_restore", *what, server=owner.get_server_version().major)
            await make_ready(settings, address)
        except BaseException:
            await owner.execute(f'DROP SCHEMA "{schema}" CASCADE')
            if there:
                await owner.execute(f'ALTER SCHEMA "{kept}" RENAME TO "{schema}"')
            raise
        await owner.execute(f'DROP SCHEMA IF EXISTS "{kept}" CASCADE')
    finally:
        await owner.close()


_RESTORED = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
