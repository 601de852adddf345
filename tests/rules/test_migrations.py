"""The schema: one line of migrations, and rights that the database itself keeps."""

import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import SQLModel

from shop.app.migrate import SCRIPTS, import_tables, make_ready, migrate
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.superuser import planted

import_tables()


def test_one_head() -> None:
    assert len(ScriptDirectory(str(SCRIPTS)).get_heads()) == 1


# What squawk says and we do not mind: a position is an int, a month a small one, timeouts are set in env.py, and the
# one row of the sandbox's clock could count.
NOT_MINDED = (
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-text-field",
    "require-lock-timeout", "require-statement-timeout",
)  # fmt: skip


def test_no_migration_locks_what_a_running_shop_needs(tmp_path: Path) -> None:
    script, written = ScriptDirectory(str(SCRIPTS)), StringIO()
    opts = {
        "as_sql": True,
        "output_buffer": written,
        "script": script,
        "fn": lambda revision, _: script._upgrade_revs("head", revision),
    }
    context = MigrationContext.configure(dialect_name="postgresql", opts=opts)
    with Operations.context(context):
        context.run_migrations()
    # A step that ends its transaction half-way, for an index of a large table, says why in its own file.
    said = re.sub(r"^(BEGIN|COMMIT);$", "", written.getvalue(), flags=re.MULTILINE)
    (tmp_path / "migrations.sql").write_text(said)
    squawk = Path(sys.executable).with_name("squawk")
    command = [squawk, "--assume-in-transaction", "--pg-version", "15", "--exclude", ",".join(NOT_MINDED)]
    done = subprocess.run([*command, tmp_path / "migrations.sql"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.anyio
async def test_no_table_carries_a_trigger(database: Database) -> None:
    async with database.reading() as session:
        found = await session.scalars(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))
        assert found.all() == []


@pytest.mark.anyio
async def test_the_application_only_adds_to_what_is_append_only(database: Database) -> None:
    kept = sorted(table.name for table in SQLModel.metadata.sorted_tables if table.info.get("append_only"))
    assert {"audit_event", "credit_entry", "transfer"} <= set(kept)
    rights = text(
        "SELECT has_table_privilege(name, 'INSERT'), has_table_privilege(name, 'UPDATE, DELETE, TRUNCATE') "
        "FROM unnest(CAST(:names AS text[])) AS name"
    )
    async with database.reading() as session:
        assert {tuple(row) for row in await session.execute(rights, {"names": kept})} == {(True, False)}


@pytest.mark.anyio
async def test_rights_that_somebody_changed_are_what_they_were(database: Database, settings: Settings) -> None:
    asked = text("""SELECT has_table_privilege('transfer', 'UPDATE'), has_table_privilege('cart_line', 'DELETE'),
        has_column_privilege('dispatch', 'truck_plate', 'UPDATE'),
        has_column_privilege('dispatch', 'sent_at', 'UPDATE')""")
    owner = settings.database_owner_url or ""

    async def may() -> tuple[bool, ...]:
        async with database.reading() as session:
            return tuple((await session.execute(asked)).one())

    before = await may()
    for change in (
        "GRANT UPDATE ON transfer TO bangfu_app", "REVOKE DELETE ON cart_line FROM bangfu_app",
        "REVOKE UPDATE (truck_plate) ON dispatch FROM bangfu_app",
        "GRANT UPDATE (sent_at) ON dispatch TO bangfu_app",
    ):  # fmt: skip
        await planted(owner, settings.database_schema, change)
    assert await may() == tuple(not one for one in before)
    await make_ready(settings, owner)
    assert await may() == before == (False, True, True, False)


@pytest.mark.anyio
async def test_a_programme_lives_in_a_schema_of_its_own(postgres: Path, database_name: str) -> None:
    owner = embedded.url(postgres, database_name, embedded.OWNER_ROLE)
    await migrate(owner, schema="programme_two", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    await migrate(
        owner, schema="programme_two", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET]
    )  # again is success
    opened = await Database.open(embedded.url(postgres, database_name, embedded.APP_ROLE), schema="programme_two")
    async with opened.reading() as session:
        here = await session.scalar(text("SELECT to_regclass('credit_entry')::text"))
        there = await session.scalar(
            text("SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'credit_entry'::regclass")
        )
    await opened.close()
    assert (here, there) == ("credit_entry", "programme_two")
