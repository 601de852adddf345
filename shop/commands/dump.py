"""`shop backup` and `shop restore`: PostgreSQL's own dump, with the embedded server's tools or the server's own."""

import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import URL, make_url

from shop.core import embedded
from shop.core.database import owner_url
from shop.core.errors import Problem
from shop.core.settings import Settings


class DumpFailed(Problem):
    code = "dump_failed"
    title = "备份或恢复没有完成"


def dump(settings: Settings, file: Path) -> None:
    """Write a dump in pg_dump's custom format; an existing file is replaced only once the new one is whole."""
    unfinished = file.with_name(f"{file.name}.part")
    _run(settings, "pg_dump", "--format=custom", f"--file={unfinished}")
    unfinished.replace(file)


def restore(settings: Settings, file: Path) -> None:
    """Replace what the dump holds, in one transaction: all of it, or nothing changes. Rights come back with it."""
    _run(settings, "pg_restore", "--clean", "--if-exists", "--single-transaction", "--exit-on-error", str(file))


def _run(settings: Settings, tool: str, *arguments: str) -> None:
    address = make_url(owner_url(settings))
    program = shutil.which(tool) if settings.database_url else None
    command = [program or str(embedded.binary(tool)), *_connection(address), *arguments]
    password = {"PGPASSWORD": str(address.password)} if address.password else {}
    done = subprocess.run(command, env=os.environ | password, capture_output=True, text=True, check=False)
    if done.returncode:
        hint = "" if program else "自带的工具不支持 TLS：服务器要求 TLS 时，请安装与服务器同版本的 PostgreSQL 客户端。"
        said = done.stderr.strip().splitlines() or ["未知原因"]
        raise DumpFailed(f"{tool}：{said[-1]}。{hint}")


def _connection(address: URL) -> list[str]:
    host = address.host or str(address.query.get("host", ""))
    return [
        f"--dbname={address.database}",
        f"--username={address.username}",
        *([f"--host={host}"] if host else []),
        *([f"--port={address.port}"] if address.port else []),
    ]
