"""Web and worker through PgBouncer in transaction mode, where no transaction knows which process serves it."""

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from shop.app.migrate import migrate
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.connection import ThroughPooler
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET, Settings
from tests.make.pgbouncer import pgbouncer, through
from tests.make.running_shop import running_shop
from tests.shop.core.test_encrypted import shop

pytestmark = [pytest.mark.anyio, pytest.mark.drill]
_HOLDS = text("""
SELECT current_schema(), current_setting('timezone'), current_setting('jit'), current_setting('transaction_read_only'),
       current_setting('enable_seqscan'), current_setting('plan_cache_mode'), (SELECT name FROM county)
""")
_COUNTY = text("INSERT INTO county (code, name, province, source) VALUES ('999991', :name, '示例省', 'test')")
PROGRAMMES = ("programme_one", "programme_two")
TURNS = 300
READS = ("reading", "snapshot")
PLANS = {"hot": "force_generic_plan"}


@pytest.fixture(scope="module")
def port(postgres: Path) -> Iterator[int]:
    with pgbouncer(postgres, size=8) as found:
        yield found


async def test_a_whole_shop_lives_behind_it(
    postgres: Path, shop_template: str, schema: str, tmp_path: Path, port: int
) -> None:
    """It is furnished by its own people: bought, paid, credited, reviewed, a union's purchases, a canteen, a bank."""
    with running_shop(postgres, shop_template, schema, tmp_path, way=lambda url: through(url, port)) as running:
        made = running.shop
        unit = made.ids["unit_id"]
        period = f"from=2026-01-01&to=2027-01-01&group_by=county&unit={unit}"
        report = made.ask("auditor", "GET", f"/reports/sales?{period}")
        assert report["totals"]["credited_fen"] > 0
        again = made.ask("auditor", "GET", f"/reports/sales?{period}&known_at={report['known_at']}")
        assert again["totals"] == report["totals"]
        ready = made.http.get(f"{made.url}/readyz").json()
        assert (ready["ready"], ready["degraded"]) == (True, [])
        found = json.loads((await shop(running.settings, "doctor", "--json"))[1])
        assert {one["name"]: one["said"] for one in found}["connection"].endswith("through a pooler")
        there = await Database.open(running.settings.database_url or "", schema=schema)
        async with there.hot.acquire() as connection:
            assert not connection.own
        await there.close()
        for log in ("web", "worker"):
            said = (tmp_path / f"{log}.log").read_text()
            assert "job_failed" not in said
            assert "Traceback" not in said


async def test_two_programmes_never_see_each_other_whatever_strangers_leave_behind(
    postgres: Path, database_name: str, settings: Settings
) -> None:
    owner = settings.database_owner_url or ""
    for programme in PROGRAMMES:
        await migrate(owner, schema=programme, app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    with pgbouncer(postgres, size=2) as port:
        url = through(settings.database_url, port)
        opened = {name: await Database.open(url, schema=name, size=3, hot_size=2) for name in PROGRAMMES}
        for name, there in opened.items():
            async with there.transaction() as session:
                await session.execute(_COUNTY, {"name": name})
        stranger = await asyncpg.connect(driver_urls(url)[0], statement_cache_size=0)
        dice = random.Random(8)
        ways = [
            (opened[dice.choice(PROGRAMMES)], dice.choice(("hot", "reading", "transaction", "snapshot")))
            for _ in range(TURNS)
        ]
        found = await asyncio.gather(_disturb(stranger), *(_asked(*one) for one in ways))
        for (there, way), seen in zip(ways, found[1:], strict=True):
            name = next(name for name, one in opened.items() if one is there)
            writes, at_will = "off" if way in {"transaction", "hot"} else "on", "on" if way in READS else "off"
            assert seen == [(name, "UTC", "off", writes, at_will, PLANS.get(way, "auto"), name)] * 2
        with pytest.raises(ThroughPooler):
            await migrate(
                through(owner, port), schema=PROGRAMMES[0], app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET]
            )
        for command in (("migrate",), ("backup", "/nowhere/backup")):
            led = settings.model_copy(update={"database_owner_url": through(owner, port)})
            code, _, said = await shop(led, *command)
            assert (code, said.count("\n"), "DATABASE_OWNER_URL" in said) == (1, 1, True), said
        await stranger.close()
        for there in opened.values():
            await there.close()


async def _asked(there: Database, way: str) -> list[tuple[object, ...]]:
    """What holds, twice in a row."""
    if way == "hot":
        async with there.hot.acquire() as connection:
            return [tuple(await connection.fetchrow(_HOLDS.text) or ()) for _ in range(2)]
    async with getattr(there, way)() as session:
        return [tuple((await session.execute(_HOLDS)).one()) for _ in range(2)]


async def _disturb(stranger: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Says to the process that it happens to have what ours must not hear."""
    for turn in range(TURNS // 10):
        await stranger.execute(
            f"SET search_path TO {PROGRAMMES[turn % 2]}; SET timezone TO 'Asia/Tokyo'; SET jit TO on;"
            "SET default_transaction_read_only TO on; SET enable_seqscan TO off"
        )
        await asyncio.sleep(0.01)
