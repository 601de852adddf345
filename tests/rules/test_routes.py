"""Every route declares what it takes to call it, or stands on the short public list."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from shop.access.guard import Guard
from shop.access.permissions import PUBLIC_ROUTES
from shop.app.home.heavy_reads import HEAVY
from shop.app.main import create_app
from shop.core.settings import Settings
from tests.make.production import SAFE

SNAPSHOT = Path(__file__).with_name("openapi.json")


@pytest.fixture(scope="module")
def development() -> FastAPI:
    return create_app(Settings(_env_file=None, shop_env="development"))


@pytest.fixture(scope="module")
def production() -> FastAPI:
    return create_app(Settings(_env_file=None, **SAFE))


def calls(app: FastAPI) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """(method, path) of every route, and the permissions that its dependencies ask for."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, Mount):
            continue
        permissions = set(guards(route.dependant)) if hasattr(route, "dependant") else set()
        for method in sorted(set(route.methods or ()) - {"HEAD"}):  # type: ignore[attr-defined]
            yield (method, context.path or ""), permissions


def guards(dependant: Dependant) -> Iterator[str]:
    if isinstance(dependant.call, Guard):
        yield str(dependant.call.permission)
    for inner in dependant.dependencies:
        yield from guards(inner)


def test_every_route_declares_a_permission_or_is_public(production: FastAPI) -> None:
    found = dict(calls(production))
    assert len(found) > 20
    undeclared = {call for call, permissions in found.items() if not permissions}
    assert undeclared == PUBLIC_ROUTES


def test_what_is_heavy_is_there(production: FastAPI) -> None:
    assert {("GET", path) for path in HEAVY} <= dict(calls(production)).keys()
    assert len(HEAVY) == len(set(HEAVY))


TOLD: Final = {
    ("/sign-in/verify/{token}", "token"), ("/sign-in/reset/{told}", "told"), ("/join/{code}", "code"),
    ("/choose/{secret}", "secret"), ("/staff/bank/layouts/{layout_id}/{verdict}", "verdict"),
    *((path, "month") for path in (
        "/api/v1/periods/{month}/close", "/api/v1/periods/{month}/reopen",
        "/api/v1/periods/{month}/reopen/{reopening_id}/approve", "/api/v1/periods/{month}/reopen/{reopening_id}/refuse",
        "/staff/periods/{month}/close", "/staff/periods/{month}/reopen",
        "/staff/periods/{month}/reopen/{reopening_id}/{verdict}",
    )),
}  # fmt: skip
"""Texts in the address of something done that are looked up or read: what fits nothing is refused."""


def test_no_word_in_an_address_decides_by_not_being_another(production: FastAPI) -> None:
    """What is done names an id, or one of the words that its route lists: a mistyped verdict is refused."""
    free = {
        (context.path, one.name)
        for context in iter_route_contexts(production.routes)
        if "GET" not in (getattr(context.original_route, "methods", None) or {"GET"})
        for one in context.original_route.dependant.path_params  # type: ignore[attr-defined]
        if one.field_info.annotation is str and not one.field_info.metadata
    }
    assert free <= TOLD


def test_only_the_sandbox_is_added_in_development(development: FastAPI, production: FastAPI) -> None:
    added = dict(calls(development)).keys() - dict(calls(production)).keys()
    assert added
    assert all(path.startswith("/sandbox/") for _, path in added)


def test_the_document_is_the_one_that_partners_have_read(production: FastAPI) -> None:
    """Meant to change? `shop openapi > tests/rules/openapi.json`, and read the difference."""
    assert production.openapi() == json.loads(SNAPSHOT.read_text())


def test_no_name_in_the_document_says_where_our_code_lies(production: FastAPI) -> None:
    """Two schemas of one name are told apart by their modules: then moving a file would rename them for partners."""
    assert [name for name in production.openapi()["components"]["schemas"] if "__" in name] == []


def test_every_call_documents_its_problems(production: FastAPI) -> None:
    for path, operations in production.openapi()["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "404", "422", "429", "503"} <= operation["responses"].keys(), f"{method} {path}"
