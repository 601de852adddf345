"""`/api/v1/me/data` and `/api/v1/me/erasure`: a copy of what the shop knows of the caller, and its end."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from orders.privacy.copy_data import copy_data
from orders.privacy.erase_account import erase_account
from shop.access.guard import requires
from shop.access.notice import VERSION
from shop.access.own_address import OwnAddress
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase, TheKeys

routes = APIRouter(prefix="/api/v1", tags=["me"])
Me = Annotated[Actor, Depends(requires(Permission.ME_READ))]


class MyData(BaseModel):
    """rows: by what they are, as they stand. notice: the privacy notice in force."""

    notice: str
    rows: dict[str, list[dict[str, Any]]]


class ErasureIn(BaseModel):
    """password: the present one, again."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(min_length=1, max_length=200)]


class KeptOut(BaseModel):
    """until: the day on which it is gone; null: while the caller is on a union's list."""

    title: str
    until: date | None
    why: str


class ErasedOut(BaseModel):
    """The account is closed. kept: what a law makes the shop keep for a time."""

    kept: list[KeptOut]


@routes.get("/me/data")
async def get_my_data(actor: Me, database: TheDatabase) -> MyData:
    """A copy of everything that is kept about the caller, and of nobody else. That it was taken is noted."""
    async with database.transaction() as session:
        return MyData(notice=VERSION, rows=await copy_data(session, actor=actor, now=clock.now()))


@routes.post("/me/erasure")
async def post_erasure(
    body: ErasureIn, actor: Me, database: TheDatabase, keys: TheKeys, address: OwnAddress
) -> ErasedOut:
    """Close the caller's account and erase what need not stay; the ledger stays without a name. Cannot be undone.

    409 `erasure_blocked` while orders, refunds or roles of his are open.
    """
    kept = await erase_account(
        database,
        keys=keys,
        actor=actor,
        password=body.password,
        address=address,
        now=clock.now(),
    )
    return ErasedOut(kept=[KeptOut(title=one.title, until=one.until, why=one.why) for one in kept])
