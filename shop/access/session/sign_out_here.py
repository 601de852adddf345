"""End the session that this browser has: its owner leaves, or somebody signs in over it."""

from starlette.requests import Request

from shop.access.session.cookies import session_cookie
from shop.access.session.door import Door
from shop.access.session.sign_out import sign_out
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings


async def sign_out_here(request: Request, database: Database, settings: Settings) -> None:
    """Signed out already is success. Opens its own short transaction."""
    secret = request.cookies.get(session_cookie(settings), "")
    pages = Door.of(request.app).pages
    viewer = await pages.viewer(secret)
    if viewer:
        async with database.transaction() as session:
            await sign_out(session, session_id=viewer.actor.session_id, now=clock.wall())
        pages.forget(secret)
