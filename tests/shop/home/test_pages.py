"""Help for people, the list of calls for programs: nothing on them comes from elsewhere."""

import re

import httpx
import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/help", "/docs"])
async def test_a_page_that_loads_only_from_here(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path, headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.headers["content-language"] == "zh-CN"
    assert re.findall(r"(?:src|href)=\"(?!/|#)[^\"]*\"", page.text) == []
    assert "unsafe-inline" not in page.headers["content-security-policy"]


async def test_every_documented_call_is_listed(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page


async def test_errors_speak_the_callers_language(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/nothing", headers={"accept-language": "en"})).json()
    assert (told["code"], told["title"]) == ("not_found", "Not found")
    assert (await client.get("/api/v1/nothing")).json()["title"] == "没有找到"
    assert "How to order" in (await client.get("/help?lang=en")).text
