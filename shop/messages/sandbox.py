"""`/sandbox/messages`: what development sent. This route does not exist in production."""

from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from starlette.responses import Response

from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(prefix="/sandbox", include_in_schema=False)

_SHOWN_MAX = 100
_SENT = text("""
SELECT channel, message_id, address, subject, body, sent_at FROM sandbox_message ORDER BY sent_at DESC, id DESC
LIMIT :most
""")


@routes.get("/messages")
async def get_messages(request: Request, database: TheDatabase) -> Response:
    """The newest first: a page for people, `{"items": […]}` for programs."""
    async with database.reading() as session:
        sent = [dict(row) for row in (await session.execute(_SENT, {"most": _SHOWN_MAX})).mappings()]
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "messages/sandbox.html", sent=sent)
    return JSONResponse({"items": [one | {"sent_at": _written(one["sent_at"])} for one in sent]})


def _written(moment: datetime) -> str:
    return moment.isoformat()
