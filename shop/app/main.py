"""The web process: every layer around the routes, in order."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from catalog.listing.cache import ListingCache
from catalog.listing.straight import StraightToList
from shop.access.forms import Forms
from shop.access.guard import SignInFirst, sign_in_first
from shop.access.headers import SecurityHeaders, security_headers
from shop.access.session.door import watched
from shop.adapters.files.open import open_files
from shop.adapters.stripe.gateway import PaymentGateway
from shop.adapters.stripe.open import open_payments
from shop.app.home.body_limit import BodyLimit
from shop.app.home.heavy_reads import HeavyReads
from shop.app.home.no_nul import NoNul
from shop.app.home.openapi import describe
from shop.app.home.operator import DoorShared, OperatorsDoor, operators_app
from shop.app.home.problems import answer, answer_problems, crashed
from shop.app.migrate import import_tables
from shop.app.routers import routers
from shop.core import clock, logging, telemetry
from shop.core.database import Database, open_database
from shop.core.keys import keys_of
from shop.core.observed import Observed
from shop.core.postgres.connection import WEB_SECONDS
from shop.core.postgres.database_role import refuse_strong_role
from shop.core.postgres.replica import replica_watched
from shop.core.refusals import told_in_a_line
from shop.core.sandbox_clock import followed
from shop.core.settings import Settings
from shop.messages.senders import check_addresses
from shop.ui.assets import static_app
from shop.ui.keep_lang import KeepLang


def create_app(settings: Settings, database: Database | None = None, gateway: PaymentGateway | None = None) -> FastAPI:
    """The application. What is not handed in is opened from the settings when it starts, and closed when it stops."""
    import_tables()  # a row's foreign keys are looked up by name when it is written
    app = FastAPI(
        title="帮扶商城 Bangfu",
        version="1",
        description="Money is whole fen, times RFC 3339, days are business days in Asia/Shanghai.",
        lifespan=_alive,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=telemetry.NOT_THE_FRAMEWORKS,
    )
    app.state.settings = settings
    app.state.database = database
    app.state.gateway = gateway
    app.state.files = None
    app.state.keys = None
    app.openapi = describe(app)  # type: ignore[method-assign]  # the documented way
    answer_problems(app)
    app.add_exception_handler(SignInFirst, sign_in_first)
    # Their routes as they stand: included, the framework would build each of them anew for every application.
    for router in routers(production=settings.production):
        app.router.routes.extend(router.routes)
    app.mount("/static", static_app)
    # The last added stands outermost.
    app.add_middleware(HeavyReads, answer=answer)
    app.add_middleware(NoNul)
    app.add_middleware(BodyLimit)
    app.add_middleware(Forms)
    app.add_middleware(KeepLang)
    app.add_middleware(Observed, crashed=crashed)
    app.add_middleware(SecurityHeaders, production=settings.production)
    return app


@asynccontextmanager
async def _alive(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    async with AsyncExitStack() as stack:
        if app.state.database is None:
            opened = await open_database(settings, patience=WEB_SECONDS)
            stack.push_async_callback(opened.close)
            app.state.database = opened
        database: Database = app.state.database
        if app.state.keys is None:
            app.state.keys = await keys_of(database, settings)
        if app.state.files is None:
            app.state.files = open_files(settings)
        if app.state.gateway is None:
            payments = await stack.enter_async_context(open_payments(settings, database, now=clock.now, door=app))
            app.state.gateway, app.state.sandbox = payments.gateway, payments.sandbox
        await stack.enter_async_context(replica_watched(database))
        await stack.enter_async_context(watched(app))
        if not settings.production:
            await stack.enter_async_context(followed(database))
        yield


def served(settings: Settings) -> ASGIApp:
    """What a server runs: the application behind the cache of the shop window."""
    return windowed(create_app(settings))


def windowed(app: FastAPI) -> ASGIApp:
    """The cache of the shop window, then the short way to its list, then everything else."""
    settings: Settings = app.state.settings
    headers = security_headers(production=settings.production)

    def crashed_safely(request: Request, error: Exception) -> Response:
        answer = crashed(request, error)
        answer.raw_headers += headers
        return answer

    return ListingCache(StraightToList(app, partial(Observed, crashed=crashed_safely), headers))


def main() -> None:
    """`python -m shop.app.main`: the web process alone."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    asked = parser.parse_args()
    with told_in_a_line():
        settings = Settings()
        logging.configure(production=settings.production)
        asyncio.run(_look_before(settings))
        _serve(settings, asked.host, asked.port)


async def _look_before(settings: Settings) -> None:
    """Before the door opens: what would stop it is said in a line. Raises RoleTooStrong, DatabaseSilent, KeysLocked,
    NoProgramme, AddressWrong.
    """
    database = await open_database(settings)
    try:
        if settings.production:
            await refuse_strong_role(database)
        await keys_of(database, settings)
        check_addresses(settings)
        open_files(settings)
    finally:
        await database.close()


def _serve(settings: Settings, host: str, port: int) -> None:
    """Until told to stop: the shop on its port, and /metrics on the operator's."""
    import uvicorn  # noqa: PLC0415  # tests need no server

    from shop.core.server import config_of, door_of  # noqa: PLC0415

    if port == settings.operator_port:
        raise DoorShared(f"OPERATOR_PORT 与网站同为 {port}：请另选一个端口，外人才看不到 /metrics。")
    shop = create_app(settings)
    app, doors = windowed(shop), [(host, port)]
    if settings.operator_port is not None:
        app = OperatorsDoor(app, operators_app(shop.state), port=settings.operator_port)
        doors.append((settings.operator_host, settings.operator_port))
    stop_tracing = telemetry.trace_to_collector("bangfu-web")
    try:
        config = config_of(app, settings, host=host, port=port)
        sockets = [door_of(config_of(app, settings, host=at, port=number)) for at, number in doors]
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            server.run(sockets)
        if not server.started:
            sys.exit(3)
    finally:
        stop_tracing()


if __name__ == "__main__":
    main()
