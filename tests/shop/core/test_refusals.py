"""A command that gets nowhere says so in one line: what an operator can mend is no traceback."""

import asyncio
import socket
from pathlib import Path

import pytest
from sqlalchemy import text

from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.refusals import told_in_a_line


async def ask(url: str, schema: str = "public") -> None:
    database = await Database.open(url, schema=schema)
    try:
        async with database.reading() as session:
            await session.execute(text("SELECT FROM shop_order"))
    finally:
        await database.close()


def test_what_an_operator_can_mend(database_url: str, postgres: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        silent = f"postgresql+asyncpg://app:hidden@127.0.0.1:{nobody.getsockname()[1]}/bangfu"
        tries = {
            "数据库没有应答：请核对 DATABASE_URL": (silent, "public"),
            '"nothing" does not exist': (embedded.url(postgres, "nothing", embedded.APP_ROLE), "public"),
            "请先运行 shop migrate": (database_url, "nowhere"),
        }
        for why, (url, schema) in tries.items():
            with pytest.raises(SystemExit) as ended, told_in_a_line():
                asyncio.run(ask(url, schema))
            said = capsys.readouterr().err
            assert (ended.value.code, said.count("\n"), why in said) == (1, 1, True), said
            assert "hidden" not in said


def test_what_is_ours_keeps_its_traceback(database_url: str) -> None:
    async def wrong() -> None:
        database = await Database.open(database_url)
        try:
            async with database.reading() as session:
                await session.execute(text("SELECT 1 / 0"))
        finally:
            await database.close()

    with pytest.raises(Exception, match="division by zero"), told_in_a_line():
        asyncio.run(wrong())
