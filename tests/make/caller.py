"""A caller of the API: the application's own door, with the token of an actor that a builder made."""

from typing import Any

import httpx
from fastapi import FastAPI

from shop.access.permissions import Actor
from shop.access.session.door import Door
from shop.core import clock


def token_of(app: FastAPI, actor: Actor) -> dict[str, str]:
    return {"authorization": f"Bearer {Door.of(app).tokens.issue(actor, now=clock.wall())}"}


def as_caller(app: FastAPI, actor: Actor) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://shop.test", headers=token_of(app, actor)
    )


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, which must be one of ours."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    return problem
