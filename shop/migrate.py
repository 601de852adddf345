"""Bring a schema up to date: migrations, partitions of months ahead, and the application role's rights."""

import asyncio
from functools import partial
from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from shop.core import clock
from shop.core.commit_number import begin_epoch
from shop.core.connection import Options, the_server_itself
from shop.core.errors import Problem
from shop.core.locks import Lock
from shop.core.settings import Settings

MONTHS_AHEAD = 24
TRIES = 30
PAUSE_SECONDS = 2.0
"""Between two tries, each of which holds up the others for at most a second."""
_BUSY = frozenset({"55P03", "40P01"})  # lock_not_available, deadlock_detected
TABLES = (
    "shop.core", "shop.messages", "shop.access", "shop.organisation",
    "catalog.county", "catalog.producer", "catalog.product", "catalog.price", "catalog.stock", "catalog.review",
    "catalog.campaign", "catalog.listing", "catalog.upload",
    "orders.funds", "orders.budget", "orders.spending", "orders.evidence", "orders.cart", "orders.month",
    "orders.credit", "orders.seal", "orders.correction", "orders.order", "orders.payment", "orders.payment_desk",
    "orders.allowance", "orders.invoice", "orders.acceptance", "orders.banking", "orders.banking.statement",
    "orders.bulk", "orders.canteen",
    "orders.intake", "orders.roll", "orders.balance", "orders.integrity", "orders.report", "orders.filing",
    "orders.audit", "orders.privacy",
)  # fmt: skip
SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"

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


class LocksBusy(Problem):
    """Nothing is broken: the shop goes on with the schema as it is."""

    status = 503
    code = "locks_busy"
    title = "有一步迁移没有拿到锁"


def import_tables() -> None:
    """Make every table known to the metadata."""
    for room in TABLES:
        import_module(f"{room}.models")


def newest_revision() -> str:
    """The newest revision that this code knows: files are named after their revisions, which sort."""
    return "_".join(max(path.stem for path in (SCRIPTS / "versions").glob("2*.py")).split("_")[:2])


async def make_ready(settings: Settings, owner_url: str) -> None:
    """Migrate what the settings name. Where no role of the application is known, the owner keeps all rights."""
    from shop.core.embedded import APP_ROLE  # noqa: PLC0415

    role = role_of(settings.database_url) if settings.database_url else APP_ROLE
    await migrate(owner_url, schema=settings.database_schema, app_role=role)


async def migrate(owner_url: str, *, schema: str, app_role: str, revision: str = "head", tries: int = TRIES) -> None:
    """Upgrade `schema` to `revision` as the owner, make the months ahead, and grant the application its rights.

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
    try:
        async with engine.connect() as connection:
            # Held by the connection, until it is closed below: two never run at once.
            await connection.execute(select(func.pg_advisory_lock(Lock.MIGRATE)))
            await connection.commit()
            await connection.run_sync(_prepare, schema)
            await _upgraded(connection, revision, tries)
            if revision == "head":
                await connection.run_sync(_go_on)
                await connection.run_sync(_add_months, schema)
                await connection.run_sync(_grant, schema, app_role)
    finally:
        await engine.dispose()


async def _upgraded(connection: AsyncConnection, revision: str, tries: int) -> None:
    for left in reversed(range(tries)):
        try:
            await connection.run_sync(_upgrade, revision)
        except DBAPIError as busy:
            await connection.rollback()
            if getattr(busy.orig, "sqlstate", None) not in _BUSY:
                raise
            if not left:
                raise LocksBusy(
                    "它等的表一直有人用。做完的步骤留着，没做完的一步没有留下任何改动；请再运行一次。"
                ) from busy
            await asyncio.sleep(PAUSE_SECONDS)
        else:
            return


def role_of(url: str) -> str:
    return make_url(url).username or ""


def _prepare(connection: Connection, schema: str) -> None:
    for statement in PREPARED:
        connection.exec_driver_sql(statement.format(schema=schema))
    connection.commit()


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # only who migrates needs it in memory  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _go_on(connection: Connection) -> None:
    """In a cluster that the shop does not know yet, it goes on above the numbers of the one before."""
    begin_epoch(connection, SQLModel.metadata, now=clock.wall())
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


def _grant(connection: Connection, schema: str, role: str) -> None:
    """The application reads and inserts everywhere; it changes and deletes only where a table is not append-only."""
    owner = connection.scalar(text("SELECT current_user"))
    if role in ("", owner):
        return
    connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA "{schema}", extensions TO "{role}"')
    for table in SQLModel.metadata.sorted_tables:
        usual = "SELECT, INSERT" if table.info.get("append_only") else "SELECT, INSERT, UPDATE, DELETE"
        rights = table.info.get("rights", usual)
        connection.exec_driver_sql(f'REVOKE ALL ON "{table.name}" FROM "{role}"')
        connection.exec_driver_sql(f'GRANT {rights} ON "{table.name}" TO "{role}"')
    connection.exec_driver_sql(f'GRANT SELECT ON alembic_version TO "{role}"')
    connection.exec_driver_sql(f'GRANT EXECUTE ON FUNCTION make_credit_months(integer) TO "{role}"')
    connection.commit()
