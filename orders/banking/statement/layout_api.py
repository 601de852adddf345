"""`/bank-layouts`: how a statement's columns are called, said by one person and confirmed by another."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from orders.banking.schemas import LayoutDecidedOut, LayoutIn, LayoutsOut
from orders.banking.statement.map_layout import decide_layout, layouts_seen, propose_layout
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1/bank-layouts", tags=["bank"])

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]


@routes.get("")
async def get_layouts(actor: Importer, database: TheDatabase) -> LayoutsOut:
    """Layouts that were mapped for the caller's desks; those of the common banks need no mapping."""
    async with database.reading() as session:
        seen = await layouts_seen(session, actor, clock.today())
    return LayoutsOut(items=seen)


@routes.post("", status_code=201, responses={422: {"description": "缺少必需的列"}})
async def post_layout(body: LayoutIn, actor: Importer, database: TheDatabase) -> LayoutDecidedOut:
    """Say what each column of a statement is. Another person confirms; then its files are read."""
    async with database.transaction() as session:
        layout_id = await propose_layout(
            session,
            actor=actor,
            unit_id=body.unit_id,
            name=body.name,
            columns={str(name): titles for name, titles in body.columns.items()},
            ignored=body.ignored,
            sample_sha256=body.sample_sha256,
            now=clock.now(),
        )
    return LayoutDecidedOut(id=layout_id, state="proposed")


@routes.post("/{layout_id}/confirm", responses={409: {"description": "须另一人确认，或已处理"}})
async def post_confirm(layout_id: UUID, actor: Confirmer, database: TheDatabase) -> LayoutDecidedOut:
    """The second person: never the one who mapped it."""
    async with database.transaction() as session:
        await decide_layout(session, actor=actor, layout_id=layout_id, confirmed=True, now=clock.now())
    return LayoutDecidedOut(id=layout_id, state="confirmed")


@routes.post("/{layout_id}/reject", responses={409: {"description": "须另一人确认，或已处理"}})
async def post_reject(layout_id: UUID, actor: Confirmer, database: TheDatabase) -> LayoutDecidedOut:
    """Nothing is read by it."""
    async with database.transaction() as session:
        await decide_layout(session, actor=actor, layout_id=layout_id, confirmed=False, now=clock.now())
    return LayoutDecidedOut(id=layout_id, state="rejected")
