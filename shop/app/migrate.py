"""Bring a schema up to date: migrations, partitions of months ahead, and the application role's rights."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from shop.app.catch_up import CATCH_UP
from shop.core import clock
from shop.core.commit_number import begin_epoch
from shop.core.errors import Problem
from shop.core.keys import begin_programme
from shop.core.locks import Lock
from shop.core.postgres.connection import Options, the_server_itself
from shop.core.postgres.same_database import refuse_two_databases
from shop.core.settings import Settings

MONTHS_AHEAD = 24
TRIES = 120
PAUSE_SECONDS = 0.5
"""Between two tries. What is waited for with a lock in hand is a tenth of a second (migrations/env.py)."""
VACUUM_LEAVES_SECONDS = 3
_BUSY = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected
TABLES = (
    "shop.core", "shop.adapters", "shop.messages", "shop.access", "shop.organisation", "shop.app",
    "catalog.county", "catalog.producer", "catalog.product", "catalog.price", "catalog.stock", "catalog.review",
    "catalog.campaign", "catalog.listing", "catalog.upload",
    "orders.funds", "orders.budget", "orders.spending", "orders.evidence", "orders.cart", "orders.month",
    "orders.credit", "orders.seal", "orders.correction", "orders.order", "orders.payment", "orders.payment_desk",
    "orders.allowance", "orders.aftersales", "orders.invoice", "orders.acceptance", "orders.banking",
    "orders.banking.statement", "orders.bulk", "orders.canteen",
    "orders.intake", "orders.roll", "orders.balance", "orders.integrity", "orders.report", "orders.filing",
    "orders.audit", "orders.privacy",
)  # fmt: skip
SCRIPTS = Path(__file__).resolve().parents[2] / "migrations"

# The application may not make tables; this function of the owner's makes these and no others. Each month since January
# two years before the shop was set up has a partition of its own; what only imports reach, back to January 2020, is in
# one. A table that is made first and attached then stops neither readers nor writers. The path is pinned, with
# temporary tables last, so that nobody calls it on tables of his own.
MAKE_MONTHS = r"""
CREATE OR REPLACE FUNCTION make_credit_months(until integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "{schema}", pg_temp AS $$
DECLARE
    month integer;
    first_month integer;
    made integer := 0;
BEGIN
    IF until IS NULL OR until NOT BETWEEN 202001 AND 209912 OR until % 100 NOT BETWEEN 1 AND 12 THEN
        RAISE EXCEPTION 'there is no accounting month %', until USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock({lock});
    SELECT min(substring(c.relname FROM '\d{{6}}$')::int) INTO first_month
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'credit_entry'::regclass;
    first_month := least(first_month, (extract(year FROM now())::int - 2) * 100 + 1);
    IF to_regclass('"{schema}".credit_entry_2020') IS NULL THEN
        CREATE TABLE credit_entry_2020 (LIKE credit_entry INCLUDING ALL);
        EXECUTE format('ALTER TABLE credit_entry ATTACH PARTITION credit_entry_2020 FOR VALUES FROM (202001) TO (%s)',
            first_month);
        made := made + 1;
    END IF;
    month := first_month;
    WHILE month <= until LOOP
        IF to_regclass('"{schema}".credit_entry_' || month) IS NULL THEN
            EXECUTE format('CREATE TABLE credit_entry_%s (LIKE credit_entry INCLUDING ALL)', month);
            EXECUTE format('ALTER TABLE credit_entry ATTACH PARTITION credit_entry_%s FOR VALUES FROM (%s) TO (%s)',
                month, month, month + 1);
            made := made + 1;
        END IF;
        month := month + CASE WHEN month % 100 = 12 THEN 89 ELSE 1 END;
    END LOOP;
    RETURN made;
END
$$
"""

PREPARED = (
    'CREATE SCHEMA IF NOT EXISTS "{schema}"',
    "CREATE SCHEMA IF NOT EXISTS extensions",
    "CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA extensions",
)
"""What must be there before any table."""


_ANYBODY = text("SELECT EXISTS (SELECT FROM user_account)")
_NOT_VALID = text("""
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE NOT convalidated AND connamespace = current_schema()::regnamespace AND conislocal ORDER BY 1, 2
""")

_HELD = text("""
WITH of_ours AS (SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace),
held AS (
    SELECT relname, '' AS attname, (aclexplode(relacl)).* FROM of_ours
    UNION ALL SELECT c.relname, t.attname, (aclexplode(t.attacl)).*
    FROM of_ours c JOIN pg_attribute t ON t.attrelid = c.oid
)
SELECT relname, privilege_type, attname FROM held
WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = :role)
""")
"""What a role may do with each table or column."""

_VACUUMED = text("""
SELECT DISTINCT l.relation::regclass::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.granted
    AND l.mode = 'ShareUpdateExclusiveLock' AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
""")


class LocksBusy(Problem):
    """Nothing is broken: the shop goes on with the schema as it is."""

    status = 503
    code = "locks_busy"
    title = "有一步迁移没有拿到锁"


class StepFailed(RuntimeError):
    """A fault of ours, or a schema that no release has left like this: its traceback is kept."""


@dataclass(frozen=True, slots=True)
class Step:
    """seconds: of the try that succeeded, for the first step with reading the scripts; nobody was held up for longer.
    tries: with those that gave way to others.
    """

    name: str
    seconds: float
    tries: int


def import_tables() -> None:
    """Make every table known to the metadata."""
    for room in TABLES:
        import_module(f"{room}.models")


def newest_revision() -> str:
    """The newest revision that this code knows: files are named after their revisions, which sort."""
    return "_".join(max(path.stem for path in (SCRIPTS / "versions").glob("2*.py")).split("_")[:2])


async def make_ready(settings: Settings, owner_url: str, *, restored: bool = False) -> list[Step]:
    """Migrate what the settings name. Where no role of the application is known, the owner keeps all rights.

    Raises what `migrate` raises, and TwoDatabases.
    """
    from shop.core.postgres.embedded import APP_ROLE  # noqa: PLC0415

    owner = await the_server_itself(owner_url)
    try:
        await refuse_two_databases(owner, settings.database_url)
    finally:
        await owner.close()
    role = role_of(settings.database_url) if settings.database_url else APP_ROLE
    return await migrate(
        owner_url, schema=settings.database_schema, app_role=role, secrets=settings.secrets, restored=restored
    )


async def migrate(
    owner_url: str,
    *,
    schema: str,
    app_role: str,
    secrets: Sequence[str],
    revision: str = "head",
    tries: int = TRIES,
    restored: bool = False,
) -> list[Step]:
    """Upgrade `schema` to `revision` as the owner, make the months ahead, and grant the application its rights.

    secrets: SECRET_KEY and those before it; what they wrap is wrapped for the first. restored: from a backup, just now.
    Raises KeysLocked.
    Each step is one transaction: done whole or not at all. One that does not get its locks beside a running shop is
    tried again; raises LocksBusy after so many tries, with everything before it done and nothing of it. Of an earlier
    revision than the newest one, only the tables: its months and rights were made by its own code.
    Raises ThroughPooler.
    """
    import_tables()
    options = Options({"search_path": f'"{schema}", extensions', "timezone": "'UTC'"})
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=partial(the_server_itself, owner_url, options), poolclass=NullPool
    )
    steps = _Steps(tries)
    try:
        async with engine.connect() as connection:
            # Held by the connection, until it is closed below: two never run at once.
            await connection.execute(select(func.pg_advisory_lock(Lock.MIGRATE)))
            await connection.commit()
            await connection.run_sync(_prepare, schema)
            await steps.upgrade(connection, revision)
            if revision == "head":
                await steps.take(connection, "epoch", _go_on, restored)
                await steps.take(connection, "keys", _keep_keys, secrets)
                await steps.take(connection, "months ahead", _add_months, schema)
                await steps.take(connection, "checks", _look_at_the_rows)
                await steps.take(connection, "rights", _grant, schema, app_role)
                await steps.take(connection, "catch up", _catch_up)
    finally:
        await engine.dispose()
    return steps.taken


class _Steps:
    """Takes one after the other, each again and again until it gets its locks."""

    def __init__(self, tries: int) -> None:
        self.taken: list[Step] = []
        self._most = tries
        self._tries = 1
        self._began = perf_counter()

    async def upgrade(self, connection: AsyncConnection, revision: str) -> None:
        await self._insist(connection, lambda one: _upgrade(one, revision, self._took))

    async def take(self, connection: AsyncConnection, name: str, step: Callable[..., None], *facts: object) -> None:
        await self._insist(connection, lambda one: step(one, *facts))
        self._took(name)

    async def _insist(self, connection: AsyncConnection, step: Callable[[Connection], None]) -> None:
        """Raises LocksBusy, StepFailed."""
        while True:
            self._began = perf_counter()
            try:
                await connection.run_sync(step)
            except DBAPIError as busy:
                await connection.rollback()
                if getattr(busy.orig, "sqlstate", None) not in _BUSY:
                    raise StepFailed("nothing of this step was kept; what came before it stays") from busy
                if self._tries >= self._most:
                    raise LocksBusy(
                        "它等的表一直有人用。做完的步骤留着，没做完的一步没有留下任何改动；请再运行一次。"
                    ) from busy
                self._tries += 1
                await connection.run_sync(_send_vacuum_away)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    def _took(self, name: str) -> None:
        now = perf_counter()
        self.taken.append(Step(name, now - self._began, self._tries))
        self._tries, self._began = 1, now


def role_of(url: str) -> str:
    return make_url(url).username or ""


def _prepare(connection: Connection, schema: str) -> None:
    for statement in PREPARED:
        connection.exec_driver_sql(statement.format(schema=schema))
    connection.commit()


def _upgrade(connection: Connection, revision: str, took: Callable[[str], None]) -> None:
    from alembic import command  # only who migrates needs it in memory  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection

    def on_step(*, step: Any, **_: Any) -> None:
        took(step.up_revision_id)

    config.attributes["on_step"] = on_step
    command.upgrade(config, revision)


def _go_on(connection: Connection, restored: bool) -> None:  # a step's fact
    """In a cluster that the shop does not know yet, it goes on above the numbers of the one before."""
    begin_epoch(connection, SQLModel.metadata, restored=restored, now=clock.wall())
    connection.commit()


def _keep_keys(connection: Connection, secrets: Sequence[str]) -> None:
    begin_programme(connection, secrets, has_people=bool(connection.scalar(_ANYBODY)))
    connection.commit()


def _add_months(connection: Connection, schema: str) -> None:
    """A partition of credit entries for every month up to two years ahead of both clocks; a job goes on from there."""
    until = clock.add_months(
        max(clock.month_of(clock.business_day(of)) for of in (clock.now(), clock.wall())), MONTHS_AHEAD
    )
    connection.exec_driver_sql(MAKE_MONTHS.format(schema=schema, lock=int(Lock.CREDIT_MONTHS)))
    connection.exec_driver_sql("REVOKE ALL ON FUNCTION make_credit_months(integer) FROM PUBLIC")
    connection.execute(text("SELECT make_credit_months(:until)"), {"until": until})
    connection.commit()


def _send_vacuum_away(connection: Connection) -> None:
    """PostgreSQL's own vacuum may be at a large table for minutes, and leaves for whoever has waited for a second:
    longer than a step waits. So somebody waits here whom nobody else has to wait for.
    """
    for table in connection.scalars(_VACUUMED).all():
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{VACUUM_LEAVES_SECONDS}s'")
        try:
            connection.exec_driver_sql(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
        except DBAPIError:  # it is somebody else, or a vacuum that must not be put off: the next try will tell
            connection.rollback()
    connection.commit()


def _each(rights: str) -> set[tuple[str, str]]:
    """`SELECT, UPDATE (a, b)` → (SELECT, ""), (UPDATE, a), (UPDATE, b)."""
    return {
        (right, column.strip())
        for right, columns in re.findall(r"([A-Z]+)(?: \(([^)]*)\))?", rights)
        for column in columns.split(",")
    }


def _look_at_the_rows(connection: Connection) -> None:
    """A check or key that was added NOT VALID holds for new rows; here the old ones are looked at, and nobody waits."""
    for table, name in connection.execute(_NOT_VALID).all():
        connection.exec_driver_sql(f'ALTER TABLE {table} VALIDATE CONSTRAINT "{name}"')
        connection.commit()
    connection.commit()


def _catch_up(connection: Connection) -> None:
    for step in CATCH_UP:
        step(connection)
        connection.commit()


def _grant(connection: Connection, schema: str, role: str) -> None:
    """The application reads and inserts everywhere; it changes and deletes only where a table is not append-only."""
    owner = connection.scalar(text("SELECT current_user"))
    if role in ("", owner):
        return
    connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA "{schema}", extensions TO "{role}"')
    held: dict[str, set[tuple[str, str]]] = {}
    for name, right, column in connection.execute(_HELD, {"role": role}):
        held.setdefault(name, set()).add((right, column))
    for table in SQLModel.metadata.sorted_tables:
        usual = "SELECT, INSERT" if table.info.get("append_only") else "SELECT, INSERT, UPDATE, DELETE"
        rights = table.info.get("rights", usual)
        if held.get(table.name) == _each(rights):
            continue  # whoever uses the table need not plan anew
        connection.exec_driver_sql(f'REVOKE ALL ON "{table.name}" FROM "{role}"')
        connection.exec_driver_sql(f'GRANT {rights} ON "{table.name}" TO "{role}"')
    connection.exec_driver_sql(f'GRANT SELECT ON alembic_version TO "{role}"')
    connection.exec_driver_sql(f'GRANT EXECUTE ON FUNCTION make_credit_months(integer) TO "{role}"')
    connection.commit()
