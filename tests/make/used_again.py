"""One database for many tests, put back after each to what the migrations made, on connections that stay.

To copy the template, to open connections, to plan and to compile everything anew took more than most tests themselves.
Rows and sequences are put back; whatever changed a table, a right or a function has the database thrown away.
"""

import asyncio
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
from sqlalchemy import event

from shop.core.database import Database
from shop.core.postgres import embedded

READS: Final = 15
USES: Final = 60
"""Then a fresh copy is taken: what was deleted still takes room, and makes every question slower."""
_TABLES: Final = """
SELECT c.oid::regclass::text AS named, quote_ident(c.relname) AS bare,
       string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '') AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = $1::regnamespace
GROUP BY c.oid ORDER BY c.oid
"""
_SEQUENCES: Final = """
SELECT quote_ident(schemaname) || '.' || quote_ident(sequencename) AS named,
       coalesce(last_value, start_value) AS value, last_value IS NOT NULL AS called
FROM pg_sequences WHERE schemaname = $1
"""
_WATCH: Final = """
CREATE SCHEMA as_migrated;
CREATE SEQUENCE as_migrated.changed;
CREATE TABLE as_migrated.since (number bigint);
INSERT INTO as_migrated.since VALUES (0);
CREATE FUNCTION as_migrated.see() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE schema_name IS DISTINCT FROM 'pg_temp') THEN
    PERFORM nextval('as_migrated.changed');
  END IF;
END$$;
CREATE FUNCTION as_migrated.see_dropped() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN
  IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary) THEN
    PERFORM nextval('as_migrated.changed');
  END IF;
END$$
"""
_EVENTS: Final = """
CREATE EVENT TRIGGER changed ON ddl_command_end EXECUTE FUNCTION as_migrated.see();
CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION as_migrated.see_dropped()
"""
_OTHERS_GO: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (pid <> ALL($1::int[]) OR state <> 'idle'
       OR EXISTS (SELECT FROM pg_locks AS held WHERE held.pid = pg_stat_activity.pid))
"""


async def watched(superuser: "asyncpg.Connection[asyncpg.Record]", schema: str) -> None:
    """A fresh copy remembers what it was; `as_migrated.put_back()` makes it so again."""
    await superuser.execute(_WATCH)
    back = []
    for table in await superuser.fetch(_TABLES, schema):
        named, kept = table["named"], f"as_migrated.{table['bare']}"
        count = await superuser.fetchval(f"SELECT count(*) FROM {named}")
        if not count:
            back.append(f"DELETE FROM {named};")
            continue
        await superuser.execute(f"CREATE TABLE {kept} AS TABLE {named}")
        back.append(f"""
            IF (SELECT count(*) <> {count} OR max(xmin::text::bigint) > last FROM {named}) THEN
              DELETE FROM {named};
              INSERT INTO {named} ({table["columns"]}) OVERRIDING SYSTEM VALUE SELECT {table["columns"]} FROM {kept};
            END IF;""")
    sequences = await superuser.fetch(_SEQUENCES, schema)
    back += [f"PERFORM setval('{one['named']}', {one['value']}, {one['called']});" for one in sequences]
    await superuser.execute(f"""
        CREATE FUNCTION as_migrated.put_back() RETURNS boolean LANGUAGE plpgsql AS $body$
        DECLARE last bigint := (SELECT number FROM as_migrated.since);
        BEGIN
          IF (SELECT is_called FROM as_migrated.changed) OR EXISTS (
            SELECT FROM pg_database AS d LEFT JOIN pg_db_role_setting AS told ON told.setdatabase = d.oid
            WHERE d.datname = current_database()
              AND (d.datconnlimit <> -1 OR NOT d.datallowconn OR told.setdatabase IS NOT NULL)
          ) THEN RETURN false; END IF;
          {"".join(back)}
          UPDATE as_migrated.since SET number = pg_current_xact_id()::text::bigint;
          RETURN true;
        END$body$""")
    await superuser.execute("UPDATE as_migrated.since SET number = pg_current_xact_id()::text::bigint")
    await superuser.execute(_EVENTS)
    await superuser.execute("SET session_replication_role = replica")


class Cellar:
    """A worker's databases, by a superuser whose connections stay: to start psql for one statement takes as long as to
    copy the template.
    """

    def __init__(self, postgres: Path, schema: str, runner: asyncio.Runner) -> None:
        self.postgres, self.schema, self.runner = postgres, schema, runner
        self.again: dict[str, UsedAgain] = {}
        self.left: list[UsedAgain] = []
        self.unused: list[str] = []
        self.superuser = runner.run(self._connected("postgres"))

    async def _connected(self, name: str) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(embedded.url(self.postgres, name, embedded.SUPERUSER).replace("+asyncpg", ""))

    def copy_of(self, template: str) -> str:
        name = f"test_{uuid4().hex}"
        copy = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY OWNER {embedded.OWNER_ROLE}"
        self.runner.run(self.superuser.execute(copy))
        return name

    def drop(self, name: str) -> None:
        self.runner.run(self.superuser.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    def take(self, template: str) -> "UsedAgain":
        while self.unused:
            self.drop(self.unused.pop())
        if template not in self.again:
            name = self.copy_of(template)
            superuser = self.runner.run(self._connected(name))
            self.runner.run(watched(superuser, self.schema))
            self.again[template] = UsedAgain(name, superuser)
        return self.again[template]

    def give_back(self, template: str) -> None:
        if not self.runner.run(self.again[template].put_back()):
            self.left.append(self.again.pop(template))

    async def close_left(self) -> None:
        """In the loop of the tests, to which their connections belong."""
        while self.left:
            one = self.left.pop()
            if one.database is not None:
                await one.database.close()
            one.superuser.terminate()
            self.unused.append(one.name)

    async def close_all(self) -> None:
        """After the last test."""
        self.left += self.again.values()
        self.again = {}
        await self.close_left()

    def close(self) -> None:
        for one in [*self.left, *self.again.values()]:
            one.superuser.terminate()
        self.runner.run(self.superuser.close())


class UsedAgain:
    """name: of the database now in use. pids: whose connections stay."""

    def __init__(self, name: str, superuser: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.name = name
        self.superuser = superuser
        self.uses = 0
        self.database: Database | None = None
        self.pids: set[int] = set()

    async def put_back(self) -> bool:
        """Whether the next test may have it."""
        self.uses += 1
        stay = list(self.pids)
        if self.database is not None:
            if self.database.hot.closed:
                return False
            stay += [one.get_server_pid() for one, _ in self.database.hot.idle if not one.is_closed()]
        try:
            await self.superuser.fetch(_OTHERS_GO, stay)
            return self.uses < USES and bool(await self.superuser.fetchval("SELECT as_migrated.put_back()"))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # a test dropped it, or has its server stopped
            return False

    async def opened(self, url: str, schema: str) -> Database:
        """The test's own, on the connections of those before it."""
        if self.database is None:
            self.database = await Database.open(url, schema=schema)
            event.listen(self.database.writer.sync_engine, "connect", self._seen)
        first = self.database
        return Database(first.writer, first.reader, first.hot, asyncio.Semaphore(READS))

    def _seen(self, adapted: Any, _: object) -> None:
        self.pids.add(adapted.driver_connection.get_server_pid())
