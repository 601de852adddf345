"""`/verify`: for whoever holds a report of ours and does not believe it. No account is needed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from orders.report.publish import code_of, published_under
from orders.report.reopened import reopened_since
from orders.seal.key import key_id_of
from orders.seal.key_list import listed_keys, present_key
from orders.seal.queries import seal_numbered, seals
from shop.core.requests import TheDatabase, TheSettings
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)
_LATEST = 10


@routes.get("/verify")
async def get_verify(request: Request, database: TheDatabase, settings: TheSettings, code: str = "") -> HTMLResponse:
    """How to check, the public key, and the latest seals."""
    if code.strip():
        return RedirectResponse(f"/verify/{_plain(code)}", 303)  # type: ignore[return-value]
    async with database.reading() as session:
        latest = await seals(session, before=2**31 - 1, limit=_LATEST)
        keys = await listed_keys(session)
        present = await present_key(session, settings)
    facts: dict[str, Any] = {"seals": latest, "keys": keys, "public_key": present, "key_id": key_id_of(present)}
    return render(request, "report/verify.html", **facts)


@routes.get("/verify/{code}")
async def get_verified(
    request: Request, code: Annotated[str, Path(max_length=80)], database: TheDatabase
) -> HTMLResponse:
    """The report that was published under a code: what it said in sum. An unknown code says so, with 404."""
    async with database.reading() as session:
        found = await published_under(session, code)
        seal = await seal_numbered(session, found["summary"]["seal"]) if found else None
        again = await reopened_since(session, found["known_at"], found["summary"]) if found else []
    return render(
        request,
        "report/verified.html",
        status=200 if found else 404,
        typed=code,
        found=found,
        code=code_of(found["digest"]) if found else "",
        seal=seal,
        reopened=[(f"{month // 100}-{month % 100:02}", at) for month, at in again],
    )


def _plain(code: str) -> str:
    return "".join(sign for sign in code.lower() if sign in "0123456789abcdef")[:64] or "-"
