"""A backup brings everything back, rights included."""

from pathlib import Path

import pytest
from sqlalchemy import text

from shop.app.commands.dump import dump, restore
from shop.app.commands.postgres_tools import DumpFailed
from shop.core.database import Database
from shop.core.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def own_database() -> bool:
    return True


COUNT = text("SELECT (SELECT count(*) FROM county), has_table_privilege('credit_entry', 'UPDATE')")


async def counts(database: Database) -> tuple[int, bool]:
    async with database.reading() as session:
        counties, may_update = (await session.execute(COUNT)).one()
    return counties, may_update


async def test_there_and_back(settings: Settings, database: Database, tmp_path: Path) -> None:
    add = text("INSERT INTO county (code, name, province, source) VALUES (:code, '示例县', '示例省', 'test')")
    async with database.transaction() as session:
        await session.execute(add, {"code": "999991"})
    await dump(settings, tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600, "it holds every name and phone"
    async with database.transaction() as session:
        await session.execute(add, {"code": "999992"})
    assert await counts(database) == (2, False)
    await database.close()
    await restore(settings, tmp_path / "backup")
    again = await Database.open(settings.database_url or "", schema=settings.database_schema)
    assert await counts(again) == (1, False)
    await again.close()


async def test_what_is_no_backup_changes_nothing(settings: Settings, database: Database, tmp_path: Path) -> None:
    before = await counts(database)
    (tmp_path / "backup").write_text("x")
    await database.close()
    with pytest.raises(DumpFailed):
        await restore(settings, tmp_path / "backup")
    again = await Database.open(settings.database_url or "", schema=settings.database_schema)
    assert await counts(again) == before
    await again.close()
