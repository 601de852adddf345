"""`/api/v1/suppliers/{id}/freight`: what a supplier charges for sending, today and as planned."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from sqlalchemy import Row

from catalog.price.freight_queries import freight_rates
from catalog.price.freight_schemas import FreightIn, FreightOut, FreightRateOut
from catalog.price.set_freight import NewRate, set_freight
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/suppliers/{supplier_id}/freight", tags=["suppliers"])

Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]


@routes.get("")
async def get_freight(supplier_id: UUID, actor: Writer, database: TheDatabase) -> FreightOut:
    """The supplier's own, or the platform's to see: what holds today and what is planned."""
    today = clock.today()
    async with database.reading() as session:
        return freight_out(await freight_rates(session, actor, supplier_id, day=today), today)


@routes.put("")
async def put_freight(supplier_id: UUID, body: FreightIn, actor: Writer, database: TheDatabase) -> FreightOut:
    """The whole table, from a day on. A first table may begin today, any other one tomorrow at the earliest."""
    now = clock.now()
    today = clock.business_day(now)
    rates = [NewRate(**one.model_dump()) for one in body.rates]
    async with database.transaction() as session:
        await set_freight(
            session, actor=actor, supplier_id=supplier_id, rates=rates, valid_from=body.valid_from, now=now
        )
        return freight_out(await freight_rates(session, actor, supplier_id, day=today), today)


def freight_out(rows: Sequence[Row[Any]], today: date) -> FreightOut:
    rates = [FreightRateOut.model_validate(row, from_attributes=True) for row in rows]
    return FreightOut(rates=rates, arrives_somewhere=any(one.served and one.valid_from <= today for one in rates))
