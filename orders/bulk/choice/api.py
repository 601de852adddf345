"""`/bulk-purchases/{id}/choices`, `…/choice-links` and `…/cases`."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy import text

from orders.bulk.choice.leader import ChoiceFor, choose_for, led_by, link_list, members_of
from orders.bulk.plan.cases import Cased, cased
from orders.bulk.plan.set_cases import set_cases
from orders.bulk.visibility import purchase_for
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase, TheKeys, TheSettings
from shop.ui.filters import masked_name

routes = APIRouter(prefix="/api/v1", tags=["bulk purchases"])

Leader = Annotated[Actor, Depends(requires(Permission.BULK_WRITE))]


class ChoiceIn(BaseModel):
    """For whom (person id or staff number), and which package."""

    model_config = ConfigDict(extra="forbid")

    person_id: UUID | None = None
    staff_number: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=NO_NUL)] | None = None
    package_id: UUID

    @model_validator(mode="after")
    def somebody(self) -> Self:
        if (self.person_id is None) == (self.staff_number is None):
            raise ValueError("请填写 person_id 或 staff_number 之一")
        return self


class ChoicesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    choices: Annotated[list[ChoiceIn], Field(min_length=1, max_length=5_000)]


class ChosenOut(BaseModel):
    chosen: int


class PackageSumOut(BaseModel):
    package_id: UUID
    name: str
    is_default: bool
    members: int


class WhoOut(BaseModel):
    """Whether somebody has chosen and by whom, never what. chosen_by: self, leader, default, or null."""

    person_id: UUID
    staff_number: str | None
    name: str
    unit: str
    department: str
    chosen_by: str | None


class ChoicesOut(BaseModel):
    """members, chosen: of the caller's branches. packages: of the whole purchase, for its own buyer only."""

    choose_until: datetime | None
    frozen_at: datetime | None
    members: int
    chosen: int
    packages: list[PackageSumOut] | None
    items: list[WhoOut]
    next_cursor: None = None


class ChoiceLinkOut(BaseModel):
    person_id: UUID
    staff_number: str | None
    url: str


class ChoiceLinksOut(BaseModel):
    items: list[ChoiceLinkOut]
    next_cursor: None = None


class CaseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sku_id: UUID
    case_pieces: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class CasesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cases: Annotated[list[CaseIn], Field(min_length=1, max_length=500)]


class CaseOut(BaseModel):
    """Pieces of a SKU: for members, planned as spares, and added to fill the last case; `owner` pays for spares."""

    sku_id: UUID
    title: str
    spec: str
    case_pieces: int
    member_pieces: int
    planned_spares: int
    rounding_spares: int
    cases: int
    owner: str | None


class CasesOut(BaseModel):
    items: list[CaseOut]
    next_cursor: None = None


_SUMS = text("""
SELECT k.id, k.name, k.is_default, (SELECT count(*) FROM bulk_member m WHERE m.purchase_id = k.purchase_id
    AND (m.package_id = k.id OR (m.package_id IS NULL AND k.is_default))) AS members
FROM bulk_package k WHERE k.purchase_id = :purchase ORDER BY k.position
""")


@routes.post("/bulk-purchases/{purchase_id}/choices", responses={409: {"description": "选择已经截止"}})
async def post_choices(purchase_id: UUID, body: ChoicesIn, actor: Leader, database: TheDatabase) -> ChosenOut:
    """A group leader chooses for members of the own branches who cannot. All of them or none; again is no second."""
    choices = [ChoiceFor(one.package_id, one.person_id, one.staff_number) for one in body.choices]
    async with database.transaction() as session:
        done = await choose_for(session, actor=actor, purchase_id=purchase_id, choices=choices, now=clock.now())
    return ChosenOut(chosen=done)


@routes.get("/bulk-purchases/{purchase_id}/choices")
async def get_choices(purchase_id: UUID, actor: Leader, database: TheDatabase, waiting: bool = False) -> ChoicesOut:
    """Who of the caller's branches has chosen (`waiting=true`: who has not); at most 500 names."""
    async with database.reading() as session:
        led = await led_by(session, actor, purchase_id, clock.now())
        sums, members = await members_of(session, led, waiting=waiting)
        packages = await package_sums(session, purchase_id) if led.whole else None
    return ChoicesOut(
        choose_until=led.purchase.choose_until,
        frozen_at=led.purchase.choices_frozen_at,
        members=sums.members,
        chosen=sums.chosen,
        packages=packages,
        items=[
            WhoOut(
                person_id=one.person_id,
                staff_number=one.staff_number,
                name=masked_name(one.name),
                unit=one.unit,
                department=one.department,
                chosen_by=one.chosen_by,
            )
            for one in members
        ],
    )


@routes.post("/bulk-purchases/{purchase_id}/choice-links", responses={409: {"description": "选择已经截止"}})
async def post_links(
    purchase_id: UUID, actor: Leader, database: TheDatabase, keys: TheKeys, settings: TheSettings
) -> ChoiceLinksOut:
    """The personal links of the caller's members, to be handed out. Asked again, they are the same."""
    async with database.transaction() as session:
        listed = await link_list(session, actor=actor, purchase_id=purchase_id, keys=keys, now=clock.now())
    return ChoiceLinksOut(
        items=[
            ChoiceLinkOut(
                person_id=one.person_id,
                staff_number=one.staff_number,
                url=f"{settings.public_url.rstrip('/')}/choose/{secret}",
            )
            for one, secret in listed
        ]
    )


@routes.put("/bulk-purchases/{purchase_id}/cases")
async def put_cases(purchase_id: UUID, body: CasesIn, actor: Leader, database: TheDatabase) -> CasesOut:
    """How many pieces a case of a SKU holds; what is not named stays."""
    async with database.transaction() as session:
        await set_cases(
            session,
            actor=actor,
            purchase_id=purchase_id,
            case_pieces={one.sku_id: one.case_pieces for one in body.cases},
            now=clock.now(),
        )
        found = await cased(session, purchase_id)
    return _cases(found)


@routes.get("/bulk-purchases/{purchase_id}/cases")
async def get_cases(purchase_id: UUID, actor: Leader, database: TheDatabase) -> CasesOut:
    """Cases and spares of each SKU, and who owns the spares."""
    async with database.reading() as session:
        await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, clock.now())
        return _cases(await cased(session, purchase_id))


async def package_sums(session: ReadSession, purchase_id: UUID) -> list[PackageSumOut]:
    """How many members get each package as things stand; who has not chosen counts for the default."""
    rows = await session.execute(_SUMS, {"purchase": purchase_id})
    return [
        PackageSumOut(package_id=row.id, name=row.name, is_default=row.is_default, members=row.members) for row in rows
    ]


def _cases(found: list[Cased]) -> CasesOut:
    return CasesOut(
        items=[
            CaseOut(
                sku_id=one.sku_id,
                title=one.title,
                spec=one.spec,
                case_pieces=one.case_pieces,
                member_pieces=one.members,
                planned_spares=one.planned,
                rounding_spares=one.rounding,
                cases=one.cases,
                owner=one.owner,
            )
            for one in found
        ]
    )
