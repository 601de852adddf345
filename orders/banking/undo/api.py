"""`POST /bank-transfers/{id}/unmatch`, `…/takes-back`, `…/came-back`, and the second person's word."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from orders.banking.come_back import confirm_come_back, propose_come_back, reject_come_back
from orders.banking.put_aside import propose_aside
from orders.banking.schemas import (
    BankRejectIn,
    CameBackIn,
    CameBackOut,
    ProposedOut,
    TakesBackIn,
    UndoingOut,
    UnmatchIn,
)
from orders.banking.undo.undo_match import confirm_undoing, name_receipt, propose_unmatch, reject_undoing
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["bank"])

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]


@routes.post("/bank-transfers/{transfer_id}/unmatch", status_code=201, response_model=UndoingOut)
async def post_unmatch(
    request: Request, transfer_id: UUID, body: UnmatchIn, actor: Importer, key: IdempotencyKey
) -> Response:
    """A match was wrong. Once another person confirms, what it paid is unpaid and the receipt waits again."""

    async def verb(session: WriteSession, now: datetime) -> UndoingOut:
        undoing_id = await propose_unmatch(session, actor=actor, transfer_id=transfer_id, reason=body.reason, now=now)
        return UndoingOut(undoing_id=undoing_id, state="proposed")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-transfers/{transfer_id}/set-aside", status_code=201, response_model=ProposedOut)
async def post_set_aside(
    request: Request, transfer_id: UUID, body: UnmatchIn, actor: Importer, key: IdempotencyKey
) -> Response:
    """A row that is for no share of ours. Another person confirms, as a match."""

    async def verb(session: WriteSession, now: datetime) -> ProposedOut:
        proposal_id = await propose_aside(session, actor=actor, transfer_id=transfer_id, reason=body.reason, now=now)
        return ProposedOut(proposal_id=proposal_id, state="proposed")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-transfers/{transfer_id}/takes-back", status_code=201, response_model=UndoingOut)
async def post_takes_back(
    request: Request,
    transfer_id: UUID,
    body: TakesBackIn,
    actor: Importer,
    key: IdempotencyKey,
) -> Response:
    """Which receipt this negative row of the bank takes back, where the file alone does not say it."""

    async def verb(session: WriteSession, now: datetime) -> UndoingOut:
        undoing_id = await name_receipt(
            session,
            actor=actor,
            reversal_id=transfer_id,
            receipt_id=body.receipt_id,
            reason=body.reason,
            now=now,
        )
        return UndoingOut(undoing_id=undoing_id, state="proposed")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-transfers/{transfer_id}/came-back", status_code=201, response_model=CameBackOut)
async def post_came_back(
    request: Request, transfer_id: UUID, body: CameBackIn, actor: Importer, key: IdempotencyKey
) -> Response:
    """A refund or a pay-back of ours that the bank could not deliver. Another person confirms."""

    async def verb(session: WriteSession, now: datetime) -> CameBackOut:
        said = await propose_come_back(
            session,
            actor=actor,
            transfer_id=transfer_id,
            kind=body.kind,
            returned_id=body.returned_id,
            reason=body.reason,
            now=now,
        )
        return CameBackOut(came_back_id=said, state="proposed")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-transfers/{transfer_id}/came-back/{came_back_id}/confirm")
async def post_came_back_confirm(
    transfer_id: UUID, came_back_id: UUID, actor: Confirmer, database: TheDatabase
) -> CameBackOut:
    """The second person: what had gone out is here again, and waits to be sent once more."""
    async with database.transaction() as session:
        await confirm_come_back(
            session, actor=actor, transfer_id=transfer_id, came_back_id=came_back_id, now=clock.now()
        )
    return CameBackOut(came_back_id=came_back_id, state="confirmed")


@routes.post("/bank-transfers/{transfer_id}/came-back/{came_back_id}/reject")
async def post_came_back_reject(
    transfer_id: UUID, came_back_id: UUID, body: BankRejectIn, actor: Confirmer, database: TheDatabase
) -> CameBackOut:
    """The row waits again."""
    async with database.transaction() as session:
        await reject_come_back(
            session,
            actor=actor,
            transfer_id=transfer_id,
            came_back_id=came_back_id,
            reason=body.reason,
            now=clock.now(),
        )
    return CameBackOut(came_back_id=came_back_id, state="rejected")


@routes.post("/bank-undoings/{undoing_id}/confirm")
async def post_confirm(undoing_id: UUID, actor: Confirmer, database: TheDatabase) -> UndoingOut:
    """The second person: never the one who proposed, nor who imported the file that named both rows."""
    async with database.transaction() as session:
        await confirm_undoing(session, actor=actor, undoing_id=undoing_id, now=clock.now())
    return UndoingOut(undoing_id=undoing_id, state="confirmed")


@routes.post("/bank-undoings/{undoing_id}/reject")
async def post_reject(undoing_id: UUID, body: BankRejectIn, actor: Confirmer, database: TheDatabase) -> UndoingOut:
    """The receipt stands."""
    async with database.transaction() as session:
        await reject_undoing(session, actor=actor, undoing_id=undoing_id, reason=body.reason, now=clock.now())
    return UndoingOut(undoing_id=undoing_id, state="rejected")
