"""`/api/v1/bulk-purchases/{id}`: place, ship, accept, and who owes what."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

import orders.acceptance.refund  # joint orders are refunded there
import orders.bulk.change.cancel_order
import orders.bulk.change.join_late
import orders.bulk.change.move_spare
import orders.bulk.change.substitute  # noqa: F401  # approved changes take effect there
from orders.acceptance.received import Acceptors, Delivered, Truck
from orders.acceptance.rules import Counted
from orders.acceptance.send_parcels import Sent
from orders.bulk.joint.place import place
from orders.bulk.joint.shares import Shares, shares_of
from orders.bulk.receiving.accept_goods import accept_homes, accept_site
from orders.bulk.receiving.ship import ship
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/bulk-purchases/{purchase_id}", tags=["bulk purchases"])

PIECES_MAX = 9_999_999
PARCELS_MAX = 10_000
Words = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[\w\-]+$")]
Pieces = Annotated[int, Field(strict=True, ge=0, le=PIECES_MAX)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CountedIn(_In):
    """Whole pieces: accepted + short + damaged + refused = what was expected."""

    line_id: UUID
    payer_share_id: UUID | None = None
    accepted: Pieces
    short: Pieces = 0
    damaged: Pieces = 0
    refused: Pieces = 0
    reason: Words | None = None
    best_before: date | None = None
    batch_number: Words | None = None

    def counted(self) -> Counted:
        return Counted(
            line_id=self.line_id,
            payer_share_id=self.payer_share_id,
            accepted_milli=self.accepted * 1_000,
            short_milli=self.short * 1_000,
            damaged_milli=self.damaged * 1_000,
            refused_milli=self.refused * 1_000,
            reason=self.reason,
            best_before=self.best_before,
            batch_number=self.batch_number,
        )


class DeliveredIn(_In):
    """lines: left out when everything came as expected."""

    delivery_id: UUID
    lines: Annotated[list[CountedIn], Field(min_length=1, max_length=2_000)] | None = None

    def delivered(self) -> Delivered:
        return Delivered(self.delivery_id, None if self.lines is None else [line.counted() for line in self.lines])


class PurchaseTruckIn(_In):
    driver: Words
    plate: Words
    delivery_note: Words | None = None


class AcceptanceIn(_In):
    """A site: `delivery` as it was counted. Homes of a branch: its `payer_share_id`, and `exceptions`."""

    delivery: DeliveredIn | None = None
    payer_share_id: UUID | None = None
    exceptions: Annotated[list[DeliveredIn], Field(max_length=PARCELS_MAX)] = []
    witness_id: UUID
    accepted_on: date | None = None
    truck: PurchaseTruckIn | None = None
    note: Words | None = None
    evidence_sha256: Digest | None = None

    @model_validator(mode="after")
    def one_way(self) -> Self:
        if (self.delivery is None) == (self.payer_share_id is None):
            raise ValueError("请填写 delivery（收货点）或 payer_share_id（分会的到家件）中的一个")
        if self.delivery is not None and self.exceptions:
            raise ValueError("exceptions 只用于分会的到家件")
        return self


class ParcelSentIn(_In):
    parcel_id: UUID
    carrier: Code
    waybill: Code


class ShipIn(_In):
    """Waybills parcel by parcel, or one truck for everything of the caller's that is not sent yet."""

    parcels: Annotated[list[ParcelSentIn], Field(max_length=PARCELS_MAX)] = []
    truck: PurchaseTruckIn | None = None

    @model_validator(mode="after")
    def something(self) -> Self:
        if bool(self.parcels) == (self.truck is not None):
            raise ValueError("请填写 parcels（运单）或 truck（货车）中的一种")
        return self


class PlacedOut(msgspec.Struct, frozen=True):
    order_id: UUID
    state: str


class AcceptedOut(msgspec.Struct, frozen=True):
    acceptance_ids: list[UUID]


@routes.post("/place", status_code=201, responses={409: {"description": "内容已变化、公示未结束或库存不足"}})
async def post_place(
    request: Request,
    purchase_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.BULK_WRITE))],
    key: IdempotencyKey,
) -> Response:
    """Make the order of an approved purchase: once, whole, with its stock held until the ship date."""

    async def verb(session: WriteSession, now: datetime) -> PlacedOut:
        order_id = await place(session, actor=actor, purchase_id=purchase_id, now=now)
        return PlacedOut(order_id, "ordered")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/ship")
async def post_ship(
    purchase_id: UUID,
    body: ShipIn,
    actor: Annotated[Actor, Depends(requires(Permission.REFUND_REQUEST))],
    database: TheDatabase,
) -> dict[str, str]:
    """Waybills or the truck, by the supplier for his own parcels or by staff. The same again is success."""
    now = clock.now()
    sent = [Sent(one.parcel_id, carrier=one.carrier, waybill=one.waybill) for one in body.parcels]
    truck = body.truck
    by_truck = Sent(UUID(int=0), truck_plate=truck.plate, truck_driver=truck.driver) if truck else None
    async with database.transaction() as session:
        state = await ship(session, actor=actor, purchase_id=purchase_id, sent=sent, truck=by_truck, now=now)
    return {"state": state}


@routes.post("/acceptances", status_code=201)
async def post_acceptance(
    request: Request,
    purchase_id: UUID,
    body: AcceptanceIn,
    actor: Annotated[Actor, Depends(requires(Permission.ACCEPTANCE_WRITE))],
    key: IdempotencyKey,
) -> Response:
    """Two people accept a site, or the homes of a branch on the basis of waybills. Neither asked nor approved."""

    async def verb(session: WriteSession, now: datetime) -> AcceptedOut:
        by = Acceptors(
            kind="bulk",
            actor=actor,
            witness_id=body.witness_id,
            accepted_on=body.accepted_on or clock.business_day(now),
            key=key,
            truck=Truck(body.truck.driver, body.truck.plate, body.truck.delivery_note) if body.truck else None,
            note=body.note,
            evidence_sha256=body.evidence_sha256,
        )
        if body.delivery is not None:
            delivered = body.delivery.delivered()
            ids = await accept_site(session, purchase_id=purchase_id, delivered=delivered, by=by, now=now)
        else:
            ids = await accept_homes(
                session,
                purchase_id=purchase_id,
                payer_share_id=body.payer_share_id or UUID(int=0),
                exceptions=[one.delivered() for one in body.exceptions],
                by=by,
                now=now,
            )
        return AcceptedOut(ids)

    return await answer_once(request, actor.user_id, key, verb)


@routes.get("/shares", response_model=None, responses={200: {"description": "每个付款方的份额"}})
async def get_shares(
    purchase_id: UUID,
    actor: Annotated[Actor, Depends(requires(Permission.BULK_READ))],
    database: TheDatabase,
) -> Response:
    """Each payer's part, with its transfer code, invoice title and what was paid. A branch sees only its own."""
    async with database.reading() as session:
        found: Shares = await shares_of(session, actor=actor, purchase_id=purchase_id, now=clock.now())
    return Response(msgspec.json.encode(found), media_type="application/json")
