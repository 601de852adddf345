"""Seals and the public key, for everybody: they hold digests, no figures and no persons."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from orders.seal.key_list import ListedKey, listed_keys, present_key
from orders.seal.queries import seals
from shop.core.paging import LIMIT_DEFAULT, Limit
from shop.core.requests import TheDatabase, TheSettings

routes = APIRouter(prefix="/api/v1", tags=["credit"])
_YOUNGEST = 2**31 - 1


class SealOut(BaseModel):
    """sha256 names the seal: it is that of the canonical JSON of what stands before it (format 1 knows neither events
    nor events_root, formats 1 and 2 no programme). events: of the log of changes and of security. signature:
    Ed25519, hex.
    """

    number: int
    format: int
    entries: int
    root: str
    previous: str
    sealed_at: str
    key_id: str
    events: int | None = None
    events_root: str | None = None
    programme: str | None = None
    sha256: str
    signature: str


class SealKeysOut(BaseModel):
    """The oldest first. Compare one with the key made known elsewhere; it leads to the others."""

    items: list[ListedKey]


class SealsOut(BaseModel):
    """public_key: of the shop's present key, hex. Compare it with the one made known elsewhere."""

    public_key: str
    items: list[SealOut]
    next_cursor: str | None


@routes.get("/credit/keys")
async def list_keys(database: TheDatabase) -> SealKeysOut:
    """Keys that have sealed, and since when."""
    async with database.reading() as session:
        return SealKeysOut(items=await listed_keys(session))


@routes.get("/credit/seals")
async def list_seals(
    database: TheDatabase,
    settings: TheSettings,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Annotated[int | None, Query(ge=1, le=_YOUNGEST)] = None,
) -> SealsOut:
    """The youngest first."""
    async with database.reading() as session:
        found: list[dict[str, Any]] = await seals(session, before=cursor or _YOUNGEST, limit=limit + 1)
        public_key = await present_key(session, settings)
    more = len(found) > limit
    items = [SealOut(**one) for one in found[:limit]]
    return SealsOut(public_key=public_key, items=items, next_cursor=str(items[-1].number) if more else None)
