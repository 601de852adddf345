"""Partitions ahead without end: made by the owner's function, called by the application, and by nothing else."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from orders.credit.ahead import keep_ahead, kept_months, months_ahead
from orders.credit.check import differences
from orders.month.add import add_ahead
from orders.month.models import SHOP
from shop.app.migrate import migrate
from shop.core import clock
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.credit import Sale, enter
from tests.make.units import unit

pytestmark = pytest.mark.anyio

THIS = clock.month_of(clock.today())


def at(year: int) -> datetime:
    return datetime(year, 3, 10, 1, tzinfo=UTC)


async def test_two_years_are_ahead_of_both_clocks(database: Database) -> None:
    async with database.reading() as session:
        assert await kept_months(session) == (202001, clock.add_months(THIS, 24)), "made by migrating"
    assert await keep_ahead(database, now=clock.now()) == 0
    assert await keep_ahead(database, now=at(2021)) == 0, "a clock that was set back takes nothing away"
    made = await asyncio.gather(*(keep_ahead(database, now=at(2033)) for _ in range(3)))
    assert sorted(made)[:2] == [0, 0], "of three workers one makes them"
    async with database.reading() as session:
        assert await kept_months(session) == (202001, 203503)
    clock.set_ahead(at(2035) - clock.wall())
    assert await keep_ahead(database, now=clock.now()) == 2 * 12
    await enter(database, *(Sale(on=date(year, 12, 31), fen=year) for year in (2020, 2023, 2024, 2031, 2036)))
    async with database.reading() as session:
        assert await differences(session) == []
        assert months_ahead((await kept_months(session))[1], clock.now()) == 24
        assert await session.scalar(text("SELECT count(*) FROM credit_entry WHERE period_month = 203612")) == 1


async def test_no_month_is_made_beyond_the_last_there_is(database: Database) -> None:
    with pytest.raises(DBAPIError, match="there is no accounting month"):
        async with database.transaction() as session:
            await session.execute(text("SELECT make_credit_months(210001)"))
    for month in ("NULL", "201912", "202613", "2026", "-202601"):
        with pytest.raises(DBAPIError, match="there is no accounting month"):
            async with database.transaction() as session:
                await session.execute(text(f"SELECT make_credit_months({month})"))


async def test_the_application_calls_it_and_may_make_nothing_else(database: Database, settings: Settings) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE credit_entry_203501 (LIKE credit_entry)"))
    async with database.transaction() as session:  # a table of his own under that name is not taken for it
        await session.execute(text("CREATE TEMPORARY TABLE credit_entry (period_month int) ON COMMIT DROP"))
        await session.execute(text("SELECT make_credit_months(203001)"))
    owner = await asyncpg.connect(driver_urls(settings.database_owner_url or "")[0])
    await owner.execute(f'SET search_path = "{settings.database_schema}"')
    rights = await owner.fetchrow(
        """SELECT has_table_privilege($1, 'credit_entry_203001', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE'),
            has_table_privilege($1, 'credit_entry', 'INSERT'),
            has_table_privilege($1, 'credit_entry', 'UPDATE, DELETE'),
            has_function_privilege($1, 'make_credit_months(integer)', 'EXECUTE'),
            has_function_privilege('pg_monitor', 'make_credit_months(integer)', 'EXECUTE')""",
        embedded.APP_ROLE,
    )
    assert tuple(rights or ()) == (False, True, False, True, False)
    # What a later migration changes of the parent, it changes of the partitions that the function made.
    await owner.execute("ALTER TABLE credit_entry DROP CONSTRAINT ck_credit_entry_kind_known")
    left = await owner.fetchval(
        """SELECT count(*) FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
        WHERE conname = 'ck_credit_entry_kind_known' AND t.relname LIKE 'credit_entry%'"""
    )
    indexes = await owner.fetch(
        """SELECT c.relname, count(i.indexrelid) FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
        WHERE c.relname IN ('credit_entry', 'credit_entry_2020', 'credit_entry_203001') GROUP BY 1"""
    )
    await owner.close()
    assert left == 0
    assert len({row[1] for row in indexes}) == 1
    assert len(indexes) == 3


async def test_making_months_stops_nobody_who_writes(database: Database, settings: Settings) -> None:
    """Entries are on their way in an open transaction while the months of ten years are made, and the other way."""
    async with database.transaction() as writing:
        await writing.execute(text("SELECT count(*) FROM credit_entry"))
        await writing.execute(text("LOCK TABLE credit_entry IN ROW EXCLUSIVE MODE"))
        async with asyncio.timeout(20):
            await keep_ahead(database, now=at(2031))
    async with database.transaction() as making:
        await making.execute(text("SELECT make_credit_months(203501)"))
        async with asyncio.timeout(5):
            await enter(database, Sale(on=clock.today(), fen=1))


async def test_the_same_in_another_schema_and_after_migrating_again(postgres: Path, database_name: str) -> None:
    owner = embedded.url(postgres, database_name, embedded.OWNER_ROLE)
    for _ in range(2):
        await migrate(owner, schema="programme_two", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    opened = await Database.open(embedded.url(postgres, database_name, embedded.APP_ROLE), schema="programme_two")
    assert await keep_ahead(opened, now=at(2032)) > 0
    async with opened.reading() as session:
        where = await session.scalar(
            text("SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'credit_entry_203403'::regclass")
        )
    await opened.close()
    assert where == "programme_two"


async def test_rows_of_months_are_ahead_for_each_top_unit_and_the_shop(database: Database) -> None:
    bank = await unit(database, "BANK")
    branch = await unit(database, "B01", under=bank)
    for _ in range(2):
        await add_ahead(database, now=clock.now())
    async with database.reading() as session:
        rows = await session.execute(
            text(
                """SELECT unit_id, min(month), max(month), count(*) FROM unit_month WHERE month >= :this
                GROUP BY 1"""
            ),
            {"this": THIS},
        )
        found = {row[0]: tuple(row[1:]) for row in rows}
    assert found[bank] == (THIS, clock.add_months(THIS, 24), 25)
    assert found[SHOP][1] >= clock.add_months(THIS, 24)
    assert branch not in found


def test_months_ahead_are_counted_over_the_years() -> None:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    assert [months_ahead(last, now) for last in (202611, 202702, 202811, 202610)] == [0, 3, 24, -1]
    assert months_ahead(None, now) < 0
    assert timedelta(0) == clock.ahead()
