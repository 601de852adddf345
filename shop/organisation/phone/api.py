"""`/api/v1/me/phone`: one's own phone, as far as it is proven."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.access.phone.api import Phone
from shop.core import clock
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase, TheKeys
from shop.organisation.phone.prove_my_phone import my_phone, prove_my_phone
from shop.ui.filters import masked_phone

routes = APIRouter(prefix="/api/v1", tags=["me"])

Owner = Annotated[Actor, Depends(requires(Permission.ME_READ))]


class MyPhoneIn(BaseModel):
    """proof: as `POST /phone-proofs/{id}/confirm` gave it for this phone."""

    model_config = ConfigDict(extra="forbid")

    phone: Phone
    proof: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_NUL)]


class MyPhoneOut(BaseModel):
    """phone: masked, null where there is none."""

    phone: str | None
    verified: bool


@routes.get("/me/phone")
async def get_phone(actor: Owner, database: TheDatabase) -> MyPhoneOut:
    async with database.reading() as session:
        mine = await my_phone(session, actor.person_id)
    return MyPhoneOut(phone=masked_phone(mine.phone) if mine.phone else None, verified=mine.verified)


@routes.post("/me/phone", status_code=204)
async def post_phone(body: MyPhoneIn, actor: Owner, database: TheDatabase, keys: TheKeys) -> None:
    """The phone is the caller's alone. Where a union's list knows him by it he has its unit and union from then on; his
    token ends then, and another one is needed. 409 `phone_taken`, 422 `phone_not_proven`.
    """
    async with database.transaction() as session:
        await prove_my_phone(
            session,
            actor=actor,
            phone=body.phone,
            proof=body.proof,
            keys=keys,
            now=clock.now(),
        )
