"""Every row of every table, as text, and whose it is by the ids that it names: what an act of somebody's touched."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url

UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAMES: Final = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1
"""
Rows = Mapping[str, Counter[str]]
"""Table → its rows as JSON text."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Rows that went (deleted, or as they stood before a change) and rows that came."""

    table: str
    gone: list[str]
    came: list[str]


@dataclass
class Tables:
    """The database behind a running shop, read by a connection of its own."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    schema: str

    @classmethod
    async def open(cls, url: str, schema: str) -> "Tables":
        at = make_url(url)
        connection = await asyncpg.connect(
            host=str(at.query["host"]), user=at.username, database=at.database, server_settings={"search_path": schema}
        )
        return cls(connection, schema)

    async def ask(self, sql: str, *values: object) -> list[Any]:
        return list(await self.connection.fetch(sql, *values))

    async def names(self) -> list[str]:
        return [row[0] for row in await self.ask(_NAMES, self.schema)]

    async def rows(self, names: Iterable[str]) -> Rows:
        return {
            name: Counter(row[0] for row in await self.ask(f'SELECT to_jsonb(t)::text FROM "{name}" t'))
            for name in names
        }

    async def versions(self, names: Iterable[str]) -> dict[str, tuple[int, int]]:
        """How many rows, and which transaction wrote the youngest: in one statement."""
        asked = " UNION ALL ".join(
            f"SELECT '{name}', count(*), coalesce(max(t.xmin::text::bigint), 0) FROM \"{name}\" t" for name in names
        )
        return {row[0]: (row[1], row[2]) for row in await self.ask(asked)}


@dataclass
class Watch:
    """What changes from one look to the next. journals are not looked at."""

    tables: Tables
    journals: frozenset[str]
    seen: dict[str, Counter[str]] = field(default_factory=dict)
    versions: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def begin(self) -> None:
        names = [name for name in await self.tables.names() if name not in self.journals]
        self.seen = dict(await self.tables.rows(names))
        self.versions = await self.tables.versions(names)

    async def look(self) -> list[Touched]:
        """Since the look before."""
        now = await self.tables.versions(self.seen)
        found = []
        for name in [one for one, said in now.items() if said != self.versions[one]]:
            rows = (await self.tables.rows([name]))[name]
            before = self.seen[name]
            found.append(Touched(name, list((before - rows).elements()), list((rows - before).elements())))
            self.seen[name] = rows
        self.versions = now
        return found


@dataclass
class Owner:
    """A company by its ids: what names one of them is the company's, and so is what names that."""

    ids: set[str]

    def learn(self, rows: Rows, *, but: frozenset[str]) -> None:
        """Follow the ids through all rows, until nothing new is the company's. but: tables of nobody's."""
        known: dict[str, tuple[set[str], str | None]] = {}
        for name, found in rows.items():
            for row in found if name not in but else ():
                known[row] = set(UUID_TEXT.findall(row)), own_id(row)
        growing = True
        while growing:
            more = {mine for named, mine in known.values() if mine and mine not in self.ids and named & self.ids}
            self.ids |= more
            growing = bool(more)

    def named_by(self, row: str) -> bool:
        return not self.ids.isdisjoint(UUID_TEXT.findall(row))


_ID: Final = re.compile(r'"id": "([0-9a-f-]{36})"')


def own_id(row: str) -> str | None:
    found = _ID.search(row)
    return found[1] if found else None
