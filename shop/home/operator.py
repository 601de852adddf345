"""What only the operator reads: `/metrics`, on a port of its own (OPERATOR_PORT), beside `/healthz` and `/readyz`."""

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from shop.core import telemetry
from shop.core.errors import Problem
from shop.core.requests import TheDatabase
from shop.home.health import prepared_months
from shop.home.health import routes as health

routes = APIRouter()


@routes.get("/metrics")
async def get_metrics(database: TheDatabase) -> Response:
    """For Prometheus. `shop_months_ahead` is not a number while the database does not answer."""
    telemetry.MONTHS_AHEAD.set(await prepared_months(database))
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


class DoorShared(Problem):
    status = 500
    code = "door_shared"
    title = "端口重复"


def operators_app(shop: FastAPI) -> FastAPI:
    """It stands on the shop's own database and settings: the shop opens and closes them."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, telemetry=telemetry.NOT_THE_FRAMEWORKS)
    app.state = shop.state
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
