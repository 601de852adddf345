"""`/healthz`: the process is alive. `/readyz`: it can serve."""

import asyncio
from typing import Final, Literal

from asyncpg import UndefinedTableError
from fastapi import APIRouter, Response
from pydantic import BaseModel

from orders.credit.ahead import FEWEST, LAST_PARTITION, months_ahead
from shop.app.migrate import newest_revision
from shop.core import clock
from shop.core.commit_number import AnotherCluster
from shop.core.database import Database
from shop.core.requests import TheDatabase

HEARTBEAT_SECONDS: Final = 30
PATIENCE_SECONDS: Final = 3

routes = APIRouter(tags=["health"])

BEAT_AGE: Final = "(SELECT extract(epoch FROM now() - max(beaten_at)) FROM heartbeat)"
"""SQL: seconds since any worker last said that it lives; NULL: none ever did."""
_FACTS: Final = f"""
SELECT pg_is_in_recovery() AS a_copy, (SELECT version_num FROM alembic_version) AS revision,
    {BEAT_AGE} AS beat_age, {LAST_PARTITION} AS last_month
"""  # noqa: S608  # our own constants


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """As stable codes. reasons: why it cannot serve: `database`, `another_cluster`, `migrations`; degraded: what
    somebody must look after while it serves: `worker`, `partitions`, `replica`.
    """

    ready: bool
    reasons: list[str] = []
    degraded: list[str] = []


@routes.get("/healthz")
async def get_healthz() -> Alive:
    """Alive: it answers."""
    return Alive()


@routes.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready, and why"}})
async def get_readyz(database: TheDatabase, response: Response) -> Readiness:
    """200 when the primary answers and its schema is at least the code's; else 503. What is only degraded stays 200:
    a proxy that took every web process away for it would close the shop.
    """
    found = await readiness(database)
    response.status_code = 503 if found.reasons else 200
    return found


async def readiness(database: Database) -> Readiness:
    """What is missing, worst first. Asked is the primary, on a connection that no report holds (a busy process is
    ready); of a replica only whether it answered lately.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            facts = await database.hot.fetchrow(_FACTS)
    except AnotherCluster:
        return _not_ready("another_cluster")
    except Exception as error:  # noqa: BLE001  # every way of not answering means the same
        return _not_ready("migrations" if _has_no_schema(error) else "database")
    assert facts is not None  # noqa: S101  # it has no FROM
    if facts["a_copy"]:
        return _not_ready("database")  # it was the primary once: nothing can be written
    if facts["revision"] < newest_revision():
        return _not_ready("migrations")
    degraded = []
    if facts["beat_age"] is None or facts["beat_age"] > HEARTBEAT_SECONDS:
        degraded.append("worker")
    if months_ahead(facts["last_month"], clock.now()) < FEWEST:
        degraded.append("partitions")
    if database.replica and not database.replica.well:
        degraded.append("replica")
    return Readiness(ready=True, degraded=degraded)


def _not_ready(reason: str) -> Readiness:
    return Readiness(ready=False, reasons=[reason])


def _has_no_schema(error: Exception) -> bool:
    return isinstance(error, UndefinedTableError)  # the database answered
