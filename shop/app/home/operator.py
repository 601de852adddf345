"""What only the operator reads: `/metrics`, on a port of its own, beside `/healthz` and `/readyz`.

The web process has it on OPERATOR_PORT, the worker on WORKER_OPERATOR_PORT.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.datastructures import State
from starlette.types import ASGIApp, Receive, Scope, Send

from shop.app.home.gauges import gauges
from shop.app.home.health import routes as health
from shop.core import telemetry
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.core.settings import Settings

routes = APIRouter()


@routes.get("/metrics")
async def get_metrics(database: TheDatabase) -> Response:
    """For Prometheus: what this process counted, then what the database says now."""
    asked = CollectorRegistry()
    asked.register(_Answered(await gauges(database)))
    return Response(generate_latest() + generate_latest(asked), media_type=CONTENT_TYPE_LATEST)


class _Answered(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


class DoorShared(Problem):
    status = 500
    code = "door_shared"
    title = "端口重复"


def operators_app(state: State) -> FastAPI:
    """state: the process' own, with its `database` and `settings`; whoever opened them closes them."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=telemetry.NOT_THE_FRAMEWORKS)
    app.state = state
    for router in (routes, health):
        app.router.routes.extend(router.routes)
    return app


class OperatorsDoor:
    """Pure ASGI, outermost. Which door it is, the server's own socket says, never a header."""

    def __init__(self, shop: ASGIApp, operators: ASGIApp, *, port: int) -> None:
        self.shop = shop
        self.operators = operators
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = scope["type"] == "http" and scope["server"][1] == self.port
        await (self.operators if door else self.shop)(scope, receive, send)


@asynccontextmanager
async def operators_door(settings: Settings, database: Database, *, port: int) -> AsyncIterator[None]:
    """Of a process that serves nothing else, while the block runs."""
    from shop.core.server import served_beside  # a worker without the port needs no server  # noqa: PLC0415

    app = operators_app(State({"database": database, "settings": settings}))
    async with served_beside(app, settings, host=settings.operator_host, port=port):
        yield
