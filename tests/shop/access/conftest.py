"""A small application of the door alone: its routes and middleware, and a few routes that only answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Form, Request, UploadFile
from fastapi.responses import PlainTextResponse

import shop.access.account.api
import shop.access.account.link_pages
import shop.access.account.pages
import shop.access.phone.api
import shop.access.session.api
import shop.access.session.pages
import shop.app.home.api
import shop.organisation.pages
import shop.organisation.phone.api
from shop.access.forms import Forms
from shop.access.guard import SignInFirst, maybe_actor, requires, sign_in_first
from shop.access.headers import SecurityHeaders
from shop.access.limits import limit_search
from shop.access.permissions import Actor, Permission
from shop.access.session.door import watched
from shop.app.home.problems import answer_problems
from shop.core.database import Database
from shop.core.keys import Keys
from shop.core.settings import Settings
from shop.ui.pages import render


def door_app(database: Database, keys: Keys, *, public_url: str = "http://shop.test", **told: Any) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with watched(app):
            yield

    app = FastAPI(lifespan=lifespan)
    app.state.database = database
    app.state.keys = keys
    app.state.settings = Settings(_env_file=None, **({"public_url": public_url} | told))
    answer_problems(app)
    app.add_exception_handler(SignInFirst, sign_in_first)
    app.add_middleware(Forms)
    app.add_middleware(SecurityHeaders, production=False)
    for room in (
        shop.access.session.api, shop.access.session.pages, shop.access.account.api, shop.access.account.pages,
        shop.access.account.link_pages, shop.access.phone.api, shop.app.home.api, shop.organisation.pages,
        shop.organisation.phone.api,
    ):  # fmt: skip
        app.include_router(room.routes)
    _probes(app)
    return app


def _probes(app: FastAPI) -> None:
    place = Annotated[Actor, Depends(requires(Permission.ORDER_PLACE))]

    @app.get("/")
    async def front(request: Request) -> object:
        return render(request, "problem.html", problem={"status": 200, "title": "首页", "detail": ""})

    @app.get("/basket")
    async def basket(actor: place) -> PlainTextResponse:
        return PlainTextResponse(str(actor.user_id))

    @app.post("/basket")
    async def put(actor: place, note: Annotated[str, Form()]) -> PlainTextResponse:
        return PlainTextResponse(note)

    @app.post("/upload")
    async def upload(actor: place, file: UploadFile) -> PlainTextResponse:
        return PlainTextResponse(str(len(await file.read())))

    @app.post("/api/v1/things")
    async def things(actor: place) -> dict[str, str]:
        return {"by": str(actor.user_id)}

    @app.get("/api/v1/maybe")
    async def maybe(actor: Annotated[Actor | None, Depends(maybe_actor)]) -> dict[str, bool]:
        return {"known": actor is not None}

    @app.get("/api/v1/list", dependencies=[Depends(limit_search)])
    async def listed() -> dict[str, int]:
        return {"items": 0}

    @app.post("/hooks/stripe")
    async def hook(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def app(database: Database, keys: Keys) -> FastAPI:
    return door_app(database, keys)
