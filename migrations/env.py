"""Alembic's door: one connection, given by `shop.app.migrate`, with time limits."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from shop.app.migrate import import_tables


def of_ours(_: Any, name: str | None, kind: str, __: bool, ___: Any) -> bool:
    """Partitions come and go with the months; only their parent is a table of the model."""
    return not (kind == "table" and name is not None and name.startswith("credit_entry_2"))


def plainly(kind: str, thing: Any, _: Any) -> str | Literal[False]:
    """Migrations name SQL's types, not ours: they must run long after ours have changed."""
    if kind == "type" and isinstance(thing, AutoString):
        return f"sa.String({thing.length or ''})"
    if kind == "type" and type(thing).__name__ == "TransactionId":
        return "TransactionId()"
    return False


def run(connection: Connection) -> None:
    # Short: whoever waits for a table's whole lock makes everybody behind him wait. Far shorter than the second after
    # which PostgreSQL looks for deadlocks: it is always the migration that gives way, never a purchase that waits for
    # it. `shop.app.migrate` tries again.
    connection.exec_driver_sql("SET lock_timeout = '100ms'")
    connection.exec_driver_sql("SET statement_timeout = '10min'")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_object=of_ours,
        transaction_per_migration=True,
        compare_type=True,
        render_item=plainly,
        on_version_apply=context.config.attributes.get("on_step"),
    )
    with context.begin_transaction():
        context.run_migrations()


import_tables()
run(context.config.attributes["connection"])
