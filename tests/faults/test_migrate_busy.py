"""A migration beside a running shop: it waits its turn, or gives up whole and can be run again."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from shop.app.migrate import LocksBusy, migrate, newest_revision
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.processes import processes

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
    await migrate(
        owner, schema=schema, app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET], revision=revision, tries=tries
    )


async def connected(owner: str, schema: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(driver_urls(owner)[0], server_settings={"search_path": f'"{schema}"'})


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


async def test_a_step_that_was_killed_while_it_built_an_index_runs_again(
    owner: str, schema: str, tmp_path: Path
) -> None:
    await upgrade(owner, schema, "20261130_0040")
    slow = await connected(owner, schema)
    held = slow.transaction(isolation="repeatable_read")
    await held.start()
    await slow.fetch("SELECT 1")  # an index that is built beside the shop waits for whoever has begun before
    watching = await connected(owner, schema)
    settings = Settings(_env_file=None, shop_env="development", database_owner_url=owner, database_schema=schema)
    with processes(settings, tmp_path) as running:
        running.start("migrate")
        while not await watching.fetchval(
            "SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indexrelid = to_regclass('ix_audit_event_xid')"
        ):
            assert running.running["migrate"].poll() is None
            await asyncio.sleep(0.1)
        running.kill("migrate")
    await held.rollback()
    await watching.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%'"
    )
    await upgrade(owner, schema)
    assert (await changed(slow))[0] == newest_revision()
    assert await slow.fetchval("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
    await watching.close()
    await slow.close()


async def test_vacuum_leaves_for_it(schema: str) -> None:
    """PostgreSQL's own, at a table for minutes, which nobody may be made to wait for."""
    with embedded.throwaway(autovacuum="on", autovacuum_naptime="1s") as socket:
        embedded.prepare(socket, "bangfu")
        owner = embedded.url(socket, "bangfu", embedded.OWNER_ROLE)
        await upgrade(owner, schema, BEFORE)
        watching = await connected(owner, schema)
        await watching.execute(
            """INSERT INTO audit_event (id, actor_id, action, subject, at)
            SELECT gen_random_uuid(), NULL, 'x', 'x', now() FROM generate_series(1, 50000);
            ALTER TABLE audit_event SET (autovacuum_vacuum_insert_threshold = 1, autovacuum_vacuum_cost_delay = 100,
                autovacuum_vacuum_cost_limit = 1)"""
        )
        async with asyncio.timeout(60):
            while not await watching.fetchval("SELECT count(*) FROM pg_stat_progress_vacuum"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await upgrade(owner, schema, tries=4)
        assert (await changed(watching))[0] == newest_revision()
        await watching.close()
