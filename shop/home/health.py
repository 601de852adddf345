"""`/healthz`: the process is alive. `/readyz`: it can serve."""

import asyncio
import math
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from orders.credit.ahead import FEWEST, LAST_PARTITION, last_partition, months_ahead
from shop.core import clock
from shop.core.database import Database
from shop.core.requests import TheDatabase
from shop.migrate import newest_revision

HEARTBEAT_SECONDS = 30
PATIENCE_SECONDS = 3

routes = APIRouter(tags=["health"])

_FACTS = text(
    f"""
SELECT (SELECT version_num FROM alembic_version) AS revision,
       (SELECT extract(epoch FROM now() - max(beaten_at)) FROM heartbeat) AS beat_age_seconds,
       {LAST_PARTITION} AS last_month
"""  # noqa: S608  # our own constant
)


class Alive(BaseModel):
    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """reasons: why not, as stable codes: `database`, `migrations`, `worker`, `partitions`."""

    ready: bool
    reasons: Annotated[list[str], Field(default_factory=list)]


@routes.get("/healthz")
async def get_healthz() -> Alive:
    """Alive: it answers."""
    return Alive()


@routes.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready, and why"}})
async def get_readyz(database: TheDatabase, response: Response) -> Readiness:
    """200 when the database answers at the code's revision, a worker is alive and months are prepared; else 503."""
    reasons = await why_not_ready(database)
    response.status_code = 503 if reasons else 200
    return Readiness(ready=not reasons, reasons=reasons)


async def prepared_months(database: Database) -> float:
    """How many months after this one have a partition; not a number when the database does not say."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.reading() as session:
            return months_ahead(await last_partition(session), clock.now())
    except Exception:  # noqa: BLE001  # whatever is wrong, the other figures are told
        return math.nan


async def why_not_ready(database: Database) -> list[str]:
    """Codes of what is missing, worst first."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.reading() as session:
            facts = (await session.execute(_FACTS)).one()
    except Exception as error:  # noqa: BLE001  # every way of not answering means the same
        return ["migrations"] if _has_no_schema(error) else ["database"]
    reasons = []
    if facts.revision != newest_revision():
        reasons.append("migrations")
    if facts.beat_age_seconds is None or facts.beat_age_seconds > HEARTBEAT_SECONDS:
        reasons.append("worker")
    if months_ahead(facts.last_month, clock.now()) < FEWEST:
        reasons.append("partitions")
    return reasons


def _has_no_schema(error: Exception) -> bool:
    return isinstance(error, ProgrammingError)  # the database answered: it does not know a table
