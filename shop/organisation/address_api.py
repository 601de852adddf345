"""`/api/v1/me/addresses`: what the address book keeps of the caller, and how it is forgotten."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase
from shop.organisation.address_book import forget_address, kept_addresses

routes = APIRouter(prefix="/api/v1", tags=["me"])

Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]


class KeptAddress(BaseModel):
    """As it was typed at a checkout. used_at: the last time."""

    id: UUID
    kind: str
    name: str
    phone: str
    region_code: str
    street: str
    postcode: str | None
    used_at: datetime


class KeptAddresses(BaseModel):
    items: list[KeptAddress]
    next_cursor: str | None


@routes.get("/me/addresses")
async def get_addresses(
    actor: Owner,
    database: TheDatabase,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> KeptAddresses:
    """The caller's own, the last used first."""
    async with database.reading() as session:
        rows, more = await kept_addresses(session, person_id=actor.person_id, limit=limit, cursor=cursor)
    return KeptAddresses(items=[KeptAddress(**row.model_dump(exclude={"person_id"})) for row in rows], next_cursor=more)


@routes.delete("/me/addresses/{address_id}", status_code=204)
async def delete_address(address_id: UUID, actor: Owner, database: TheDatabase) -> None:
    """Forgotten; one that is not there any more is a success. An order keeps where it was sent as long as rules say."""
    async with database.transaction() as session:
        await forget_address(session, person_id=actor.person_id, address_id=address_id)
