"""A running shop with the demo's people and goods, for whoever speaks HTTP to it."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shop.core.settings import Settings
from tests.make.processes import Processes, processes


@pytest.fixture
def template(shop_template: str) -> str:
    return shop_template


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> Iterator[Processes]:
    with processes(settings, tmp_path) as shop:
        shop.start("web", "worker")
        deadline = time.monotonic() + 60
        while not is_ready(shop.url):
            assert time.monotonic() < deadline, (tmp_path / "web.log").read_text()
            time.sleep(0.1)
        yield shop


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False
