"""`shop backup` and `shop restore`: PostgreSQL's own dump, with the embedded server's tools or the server's own."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL, make_url

from shop.core import embedded
from shop.core.connection import the_server_itself
from shop.core.database import owner_url
from shop.core.database_url import for_tools
from shop.core.errors import Problem
from shop.core.settings import Settings
from shop.migrate import PREPARED, make_ready


class DumpFailed(Problem):
    code = "dump_failed"
    title = "备份或恢复没有完成"


class StillConnected(Problem):
    code = "still_connected"
    title = "还有别的连接在使用这个数据库"


async def dump(settings: Settings, file: Path) -> None:
    """Write a dump in pg_dump's custom format, for its owner's eyes only (0600): it holds every name and phone. An
    existing file is replaced only once the new one is whole. Raises DumpFailed, ThroughPooler.
    """
    await (await the_server_itself(owner_url(settings))).close()
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    _run(settings, "pg_dump", "--format=custom", f"--schema={settings.database_schema}", f"--file={unfinished}")
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
            _run(settings, "pg_restore", f"--schema={schema}", *_RESTORED, str(file))
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


def _run(settings: Settings, tool: str, *arguments: str) -> None:
    """The wheel's tool is the newest, but has no TLS: where it gets nowhere, the machine's own is asked."""
    url = owner_url(settings)
    address = make_url(url)
    told = for_tools(url) | ({"PGPASSWORD": str(address.password)} if address.password else {})
    said: list[str] = []
    programs = list(filter(None, (_wheels(tool), shutil.which(tool))))
    if not programs:
        raise DumpFailed(f"这台机器上没有 {tool}：请安装与服务器同版本的 PostgreSQL 客户端，或 bangfu[embedded]。")
    for program in programs:
        command = [program, *_connection(address), *arguments]
        done = subprocess.run(command, env=os.environ | told, capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        said.append(_reason(done.stderr))
    hint = "自带的工具不支持 TLS：请安装与服务器同版本的 PostgreSQL 客户端。" if "SSL" in "".join(said) else ""
    raise DumpFailed(f"{'；'.join(dict.fromkeys(said))}。{hint}")


def _wheels(tool: str) -> str | None:
    try:
        return str(embedded.binary(tool))
    except embedded.PostgresBinariesMissing:
        return None


def _reason(told: str) -> str:
    """The first line that says what is wrong; the statement in which it happened stands below it."""
    lines = told.strip().splitlines()
    return next((line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()), "".join(lines[-1:]))


def _connection(address: URL) -> list[str]:
    host = address.host or str(address.query.get("host", ""))
    return [
        f"--dbname={address.database}",
        f"--username={address.username}",
        *([f"--host={host}"] if host else []),
        *([f"--port={address.port}"] if address.port else []),
    ]
