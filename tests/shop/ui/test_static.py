import asyncio
import gzip

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from shop.ui.assets import assets, static_app, static_url


def ask(method: str, path: str, **headers: str) -> httpx.Response:
    """One request to the files as the shop mounts them; header names are written with underscores."""

    async def go() -> httpx.Response:
        shop = httpx.ASGITransport(Starlette(routes=[Mount("/static", app=static_app)]))
        async with httpx.AsyncClient(transport=shop, base_url="http://shop.test") as browser:
            return await browser.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("name", "content_type"), [("app.css", "text/css"), ("app.js", "text/javascript"), ("favicon.svg", "image/svg+xml")]
)
def test_a_file_under_its_hash_may_be_kept_for_ever(name: str, content_type: str) -> None:
    answer = ask("GET", static_url(name), accept_encoding="identity")
    assert answer.status_code == 200
    assert answer.content == assets()[name].body
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = ask("GET", static_url(name), if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    assert again.content == b""


def test_a_file_travels_gzipped_when_the_browser_can_read_that() -> None:
    answer = ask("GET", static_url("app.css"), accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(assets()["app.css"].body) / 2
    assert answer.content == gzip.decompress(assets()["app.css"].gzipped) == assets()["app.css"].body


def test_a_page_of_another_release_is_dressed_but_not_for_ever() -> None:
    answer = ask("GET", "/static/00000000/app.css")
    assert answer.status_code == 200
    assert "immutable" not in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/static/00000000/nothing.css", "/static/../pages.py", "/static/", "/static/x/%2e%2e"]
)
def test_there_is_nothing_else(path: str) -> None:
    assert ask("GET", path).status_code == 404


def test_head_and_other_methods() -> None:
    head = ask("HEAD", static_url("app.js"))
    assert (head.status_code, head.content) == (200, b"")
    assert ask("POST", static_url("app.js")).status_code == 405
