"""A whole shop on loopback, web and worker, with the demo's people and goods; and a browser that looks at it."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from shop.app.demo.seed import seed
from shop.app.main import served
from shop.app.worker import work
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
PASSWORD = "demo-password-2026"


class Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, ready: threading.Event, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Shop(threading.Thread):
    """Web and worker of one process, as `shop serve` has them in two, on a free port."""

    def __init__(self, database_url: str, owner_url: str, schema: str) -> None:
        super().__init__(name="shop", daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.settings = Settings(
            _env_file=None,
            shop_env="development",
            database_url=database_url,
            database_owner_url=owner_url,
            database_schema=schema,
            public_url=self.url,
        )
        self.ready = threading.Event()
        self.server = Server(self.ready, uvicorn.Config(served(self.settings), log_config=None, access_log=False))
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._open())
        except BaseException as trouble:  # noqa: BLE001  # told to whoever waits for the shop
            self.trouble = trouble
        finally:
            self.ready.set()

    async def _open(self) -> None:
        assert self.settings.database_url
        database = await Database.open(self.settings.database_url, schema=self.settings.database_schema)
        await seed(database, demo=True)
        await database.close()
        stop = asyncio.Event()
        working = asyncio.create_task(work(self.settings, stop))
        await self.server.serve(sockets=[self.listener])
        stop.set()
        await working

    def close(self) -> None:
        self.server.should_exit = True
        self.join(30)


@pytest.fixture(scope="session")
def shop_url(postgres: Path, empty_template: str, schema: str) -> Iterator[str]:
    name = f"browser_{uuid4().hex}"
    embedded.clone_database(postgres, empty_template, name)
    roles = embedded.APP_ROLE, embedded.OWNER_ROLE
    opened = Shop(*(embedded.url(postgres, name, role) for role in roles), schema)
    opened.start()
    opened.ready.wait(120)
    if opened.trouble:
        raise opened.trouble
    yield opened.url
    opened.close()


@pytest.fixture(scope="session")
def chromium(shop_url: str) -> Iterator[Browser]:
    """After the shop: while it drives a browser, this thread can run no event loop of ours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def phone(chromium: Browser, shop_url: str) -> Iterator[Page]:
    """390 px wide, and no script runs."""
    with chromium.new_context(base_url=shop_url, viewport=PHONE, java_script_enabled=False, locale="zh-CN") as context:
        yield context.new_page()


@pytest.fixture
def desk(chromium: Browser, shop_url: str) -> Iterator[Page]:
    """A wide screen, with scripts."""
    with chromium.new_context(base_url=shop_url, viewport=DESK, locale="zh-CN") as context:
        yield context.new_page()
