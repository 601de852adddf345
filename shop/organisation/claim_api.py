"""`/api/v1/membership-claims`: people whom another union's list names, confirmed or refused by whom it concerns."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import LIMIT_DEFAULT, NO_NUL, Cursor, Limit
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_waiting
from shop.organisation.decide_claim import confirm_claim, refuse_claim
from shop.ui.filters import masked_name, masked_phone

routes = APIRouter(prefix="/api/v1", tags=["rosters"])

Somebody = Annotated[Actor, Depends(requires(Permission.ME_READ))]


class MembershipClaimOut(BaseModel):
    """mine: the caller is the person. from_unit: where the person works, null: nowhere; with the number and department
    of that unit's own list. to_unit and union: whose list, of the day as_of, names the person. Name, phone: masked.
    """

    id: UUID
    mine: bool
    name: str
    phone: str
    from_unit: str | None
    staff_number: str | None
    department: str | None
    to_unit: str
    union: str
    as_of: date
    asked_at: datetime
    expires_at: datetime


class ClaimsOut(BaseModel):
    items: list[MembershipClaimOut]
    next_cursor: str | None


class DecidedOut(BaseModel):
    """valid_from: the day from which a confirmed person works in the list's unit."""

    id: UUID
    state: Literal["confirmed", "refused"]
    valid_from: date | None


class MembershipRefuseIn(BaseModel):
    """reason: the union that asked reads it."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=NO_NUL)]


@routes.get("/membership-claims")
async def get_claims(
    database: TheDatabase,
    actor: Somebody,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ClaimsOut:
    """What waits for the caller: of himself, and of people in the units whose lists he keeps."""
    async with database.reading() as session:
        rows, after = await claims_waiting(session, actor, now=clock.now(), limit=limit, cursor=cursor)
    items = [
        MembershipClaimOut(
            id=row.id,
            mine=row.person_id == actor.person_id,
            name=masked_name(row.name),
            phone=masked_phone(row.phone),
            from_unit=row.from_unit,
            staff_number=row.staff_number,
            department=row.department,
            to_unit=row.to_unit,
            union=row.union_name,
            as_of=row.as_of,
            asked_at=row.asked_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]
    return ClaimsOut(items=items, next_cursor=after)


@routes.post(
    "/membership-claims/{claim_id}/confirm", responses={409: {"description": "已处理、已过期或须由另一个人确认"}}
)
async def post_confirm(claim_id: UUID, database: TheDatabase, actor: Somebody) -> DecidedOut:
    """The person belongs to the list's unit and union from today on. 409 `claim_decided`, `second_person_needed`,
    `phone_not_verified` for one's own claim before the phone is proven.
    """
    async with database.transaction() as session:
        day = await confirm_claim(session, actor=actor, claim_id=claim_id, now=clock.now())
    return DecidedOut(id=claim_id, state="confirmed", valid_from=day)


@routes.post(
    "/membership-claims/{claim_id}/refuse", responses={409: {"description": "已处理、已过期或须由另一个人确认"}}
)
async def post_refuse(claim_id: UUID, body: MembershipRefuseIn, database: TheDatabase, actor: Somebody) -> DecidedOut:
    """Nothing changes; the list's row keeps the reason. 409 `claim_decided`, `second_person_needed`."""
    async with database.transaction() as session:
        await refuse_claim(session, actor=actor, claim_id=claim_id, reason=body.reason, now=clock.now())
    return DecidedOut(id=claim_id, state="refused", valid_from=None)
