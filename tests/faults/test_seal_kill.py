"""Who seals is killed in the middle: nothing is half-sealed, and whoever comes next seals everything once."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from orders.seal.seal import seal_new
from orders.seal.verify import verify
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.credit import Sale, enter
from tests.make.processes import PROJECT
from tests.make.report import KEY

pytestmark = pytest.mark.anyio

ENTRIES, BATCH = 60, 20
# It seals in batches, as a large day is sealed; told to, it stops within the second one, when the seal itself and its
# members are written and nothing of them is committed.
_SEALER = f"""
import asyncio, sys
from orders.seal import seal as sealing
from shop.core import clock
from shop.core.database import Database
from tests.make.report import KEY

sealing.BATCH = {BATCH}
write, batches = sealing._members, []

async def stopped(session, number, leaves):
    await write(session, number, leaves)
    batches.append(number)
    if len(batches) == 2:
        print("written", flush=True)
        await asyncio.sleep(600)

async def main():
    database = await Database.open(sys.argv[1], schema=sys.argv[2])
    sealing._members = stopped
    await sealing.seal_new(database, KEY, now=clock.now())

asyncio.run(main())
"""


async def sealed(database: Database) -> tuple[int, int]:
    async with database.reading() as session:
        row = (
            await session.execute(text("SELECT (SELECT count(*) FROM seal), (SELECT count(*) FROM seal_member)"))
        ).one()
        return row[0], row[1]


def killed(url: str, schema: str, folder: Path) -> None:
    """A process that seals, ended by SIGKILL when its second batch is written."""
    command = [sys.executable, "-c", _SEALER, url, schema]
    with subprocess.Popen(
        command, cwd=folder, env={"PYTHONPATH": str(PROJECT)}, stdout=subprocess.PIPE, text=True
    ) as sealer:
        said = sealer.stdout.readline() if sealer.stdout else ""
        sealer.send_signal(signal.SIGKILL)
    assert said == "written\n", "it ended before it could be killed"


async def test_killed_within_its_second_batch(
    database: Database, settings: Settings, schema: str, tmp_path: Path
) -> None:
    today = clock.today()
    for _ in range(ENTRIES // BATCH):
        await enter(database, *(Sale(on=today, fen=100 + n) for n in range(BATCH)))
    await asyncio.to_thread(killed, settings.database_url or "", schema, tmp_path)
    await enter(database, Sale(on=today, fen=7))  # nobody who writes waits for the dead
    seen = await verify(database, public_keys=[KEY.public_hex])
    assert (seen.holds, seen.seals, seen.entries, seen.unsealed) == (True, 1, BATCH, ENTRIES - BATCH + 1)
    assert await sealed(database) == (1, BATCH)
    done = await asyncio.wait_for(seal_new(database, KEY, now=clock.now()), 60)
    assert done.entries == ENTRIES - BATCH + 1
    seen = await verify(database, public_keys=[KEY.public_hex])
    assert (seen.holds, seen.seals, seen.entries, seen.unsealed) == (True, 2, ENTRIES + 1, 0)
    assert (await seal_new(database, KEY, now=clock.now())).entries == 0
