"""`GET /me`: who is calling, as the shop sees them."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlalchemy import Date, Uuid, bindparam, text

from orders.allowance.queries import purses_of
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission, Role, ScopeKind
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.core.window import in_force
from shop.ui.filters import masked_name

routes = APIRouter(prefix="/api/v1", tags=["me"])

_ME: Final = text(f"""
    SELECT person.name,
        (SELECT jsonb_build_object('id', unit.id, 'code', unit.code, 'name', unit.name)
         FROM membership JOIN unit ON unit.id = membership.unit_id
         WHERE membership.person_id = person.id
           AND {in_force("membership", ":day")}) AS unit,
        (SELECT jsonb_build_object('id', unit.id, 'code', unit.code, 'name', unit.name)
         FROM introduction JOIN unit ON unit.id = introduction.unit_id
         WHERE introduction.person_id = person.id
           AND {in_force("introduction", ":day")}) AS introducing_unit,
        (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', labour_union.id, 'code', labour_union.code, 'name', labour_union.name
                ) ORDER BY labour_union.code), '[]')
         FROM union_membership JOIN labour_union ON labour_union.id = union_membership.union_id
         WHERE union_membership.person_id = person.id
           AND {in_force("union_membership", ":day")}) AS unions
    FROM person WHERE person.id = :person_id
""").bindparams(bindparam("day", type_=Date), bindparam("person_id", type_=Uuid))  # noqa: S608  # our own words


class Body(BaseModel):
    """A unit or a union."""

    id: UUID
    code: str
    name: str


class HeldRole(BaseModel):
    role: Role
    scope_kind: ScopeKind
    scope_id: str


class AllowanceLeft(BaseModel):
    """What can be spent now, and the first day on which some of it no longer can."""

    available_fen: int
    expires_on: date


class Me(BaseModel):
    """`name` is masked. `introducing_unit` is null for employees. `allowance` is null when none can be spent."""

    user_id: UUID
    name: str
    unit: Body | None
    introducing_unit: Body | None
    roles: list[HeldRole]
    unions: list[Body]
    allowance: AllowanceLeft | None


@routes.get("/me")
async def get_me(actor: Annotated[Actor, Depends(requires(Permission.ME_READ))], database: TheDatabase) -> Me:
    """Who, where, with which roles and unions, as of today."""
    async with database.reading() as session:
        row = (await session.execute(_ME, {"person_id": actor.person_id, "day": clock.today()})).one()
        purses = await purses_of(session, actor.person_id, day=clock.today())
    return Me(
        user_id=actor.user_id,
        name=masked_name(row.name),
        unit=row.unit,
        introducing_unit=None if row.unit else row.introducing_unit,
        roles=[HeldRole(role=held.role, scope_kind=held.scope_kind, scope_id=held.scope_id) for held in actor.grants],
        unions=row.unions,
        allowance=AllowanceLeft(available_fen=sum(purse.fen for purse in purses), expires_on=purses[0].expires_on)
        if purses
        else None,
    )
