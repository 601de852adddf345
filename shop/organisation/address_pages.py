"""`/me/addresses`: a buyer sees what the address book keeps, and deletes it."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core.paging import LIMIT_MAX, Cursor
from shop.core.requests import TheDatabase
from shop.organisation.address_book import forget_address, kept_addresses
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS: Final = "/me/addresses"
Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]


@routes.get(ADDRESS)
async def get_addresses(
    request: Request, actor: Owner, database: TheDatabase, cursor: Cursor = None, done: bool = False
) -> Response:
    async with database.reading() as session:
        rows, more = await kept_addresses(session, person_id=actor.person_id, limit=LIMIT_MAX, cursor=cursor)
    return render(request, "organisation/addresses.html", addresses=rows, more=more, done=done)


@routes.post(ADDRESS + "/{address_id}/delete")
async def post_delete(address_id: UUID, actor: Owner, database: TheDatabase) -> Response:
    """Forgotten; one that is not there any more is a success."""
    async with database.transaction() as session:
        await forget_address(session, person_id=actor.person_id, address_id=address_id)
    return RedirectResponse(f"{ADDRESS}?done=1", 303)
