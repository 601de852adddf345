"""A migration beside a running shop: it waits its turn, or gives up whole and can be run again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shop.core import embedded
from shop.core.database_url import driver_url
from shop.migrate import LocksBusy, migrate, newest_revision

pytestmark = pytest.mark.anyio
BEFORE = "20261130_0043"
"""The next one changes `credit_entry`, among others."""


@pytest.fixture
def owner(postgres: Path) -> Iterator[str]:
    """Of an empty database."""
    name = f"test_{uuid4().hex}"
    embedded.prepare(postgres, name)
    yield embedded.url(postgres, name, embedded.OWNER_ROLE)
    embedded.drop_database(postgres, name)


async def upgrade(owner: str, schema: str, revision: str = "head", tries: int = 2) -> None:
    await migrate(owner, schema=schema, app_role=embedded.APP_ROLE, revision=revision, tries=tries)


async def connected(owner: str, schema: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(driver_url(owner), server_settings={"search_path": f'"{schema}"'})


async def changed(connection: "asyncpg.Connection[asyncpg.Record]") -> tuple[str, set[str]]:
    """The revision, and what the tables of the step have for a default."""
    revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    rows = await connection.fetch(
        """SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a
            ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) JOIN pg_class c ON c.oid = d.adrelid
        WHERE a.attname = 'xid' AND c.relname IN ('audit_event', 'flag', 'period_event')"""
    )
    return str(revision), {row[0] for row in rows}


async def test_it_gives_up_whole_and_can_be_run_again(owner: str, schema: str) -> None:
    await upgrade(owner, schema, BEFORE)
    reader = await connected(owner, schema)
    before = await changed(reader)
    async with reader.transaction():
        await reader.fetch("SELECT FROM period_event")  # the last table of the step: what came before it is undone
        with pytest.raises(LocksBusy) as refused:
            await upgrade(owner, schema)
    assert "请再运行一次" in (refused.value.detail or "")
    assert await changed(reader) == before
    await upgrade(owner, schema)
    assert await changed(reader) == (newest_revision(), {"commit_number()"})
    await reader.close()


async def test_it_goes_on_as_soon_as_it_may(owner: str, schema: str) -> None:
    await upgrade(owner, schema, BEFORE)
    reader = await connected(owner, schema)
    held = reader.transaction()
    await held.start()
    await reader.fetch("SELECT FROM credit_entry")
    upgrading = asyncio.create_task(upgrade(owner, schema, tries=30))
    await asyncio.sleep(1.5)
    assert not upgrading.done()
    other = await connected(owner, schema)
    await asyncio.wait_for(other.fetch("SELECT FROM credit_entry"), 3)  # nobody is kept waiting for long meanwhile
    await held.commit()
    await upgrading
    assert (await changed(reader))[0] == newest_revision()
    await other.close()
    await reader.close()
