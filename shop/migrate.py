"""Bring a schema up to date: migrations, accounting months ahead, and the application role's rights."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from shop.core import clock
from shop.core.settings import Settings

MONTHS_AHEAD = 6
LOCK = 8_320_001  # any number that nothing else uses
TABLES = (
    "shop.core", "shop.access", "shop.organisation",
    "catalog.county", "catalog.producer", "catalog.product", "catalog.price", "catalog.stock", "catalog.campaign",
    "catalog.listing", "catalog.upload",
    "orders.funds", "orders.budget", "orders.spending", "orders.evidence", "orders.cart", "orders.credit",
    "orders.seal", "orders.correction", "orders.order", "orders.payment", "orders.allowance", "orders.invoice",
    "orders.acceptance", "orders.banking", "orders.bulk", "orders.canteen", "orders.intake", "orders.roll",
    "orders.balance", "orders.integrity", "orders.report", "orders.filing", "orders.audit",
)  # fmt: skip
SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


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


async def migrate(owner_url: str, *, schema: str, app_role: str, revision: str = "head") -> None:
    """Upgrade `schema` to `revision` as the owner, make the months ahead, and grant the application its rights."""
    import_tables()
    engine = create_async_engine(
        owner_url, connect_args={"server_settings": {"search_path": f'"{schema}", extensions', "timezone": "UTC"}}
    )
    async with engine.connect() as connection:
        await connection.execute(select(func.pg_advisory_lock(LOCK)))  # held by the connection: two never run at once
        await connection.commit()
        await connection.run_sync(_prepare, schema)
        await connection.run_sync(_upgrade, revision)
        await connection.run_sync(_add_months)
        await connection.run_sync(_grant, schema, app_role)
    await engine.dispose()


def role_of(url: str) -> str:
    return make_url(url).username or ""


def _prepare(connection: Connection, schema: str) -> None:
    connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    connection.exec_driver_sql("CREATE SCHEMA IF NOT EXISTS extensions")
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA extensions")
    connection.commit()


def _upgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # only who migrates needs it in memory  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _add_months(connection: Connection) -> None:
    """A partition of credit entries for every month from two years back to half a year ahead of both clocks."""
    first = clock.add_months(clock.month_of(clock.business_day(clock.wall())), -24)
    last = clock.add_months(clock.month_of(clock.today()), MONTHS_AHEAD)
    month = first
    while month <= last:
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS credit_entry_{month} PARTITION OF credit_entry "
            f"FOR VALUES FROM ({month}) TO ({month + 1})"
        )
        month = clock.add_months(month, 1)
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
    connection.commit()
