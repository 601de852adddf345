"""`POST /bank-statements/{id}/match`, and what waits for a person."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from orders.banking.match import RequestedShare, confirm, propose, reject
from orders.banking.pay_back import pay_back
from orders.banking.queries import queue_of
from orders.banking.return_refund import return_refund
from orders.banking.schemas import (
    BankMatchIn,
    BankRejectIn,
    PaidBackOut,
    PayBackIn,
    ProposedOut,
    QueueOut,
    RefundReturnedIn,
    RefundReturnedOut,
)
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.idempotency import IdempotencyKey, answer_once
from shop.core.paging import LIMIT_MAX, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["bank"])

Importer = Annotated[Actor, Depends(requires(Permission.BANK_IMPORT))]
Confirmer = Annotated[Actor, Depends(requires(Permission.BANK_CONFIRM))]


@routes.get("/bank-transfers")
async def get_queue(
    actor: Importer,
    database: TheDatabase,
    limit: Limit = LIMIT_MAX,
    cursor: Cursor = None,
) -> QueueOut:
    """What no share has yet: first what waits for a second person, then what is to be matched, the oldest first."""
    async with database.reading() as session:
        waiting, more = await queue_of(session, actor, day=clock.today(), limit=limit, cursor=cursor)
    return QueueOut(items=waiting, next_cursor=more)


@routes.post("/bank-statements/{statement_id}/match", status_code=201, response_model=ProposedOut)
async def post_match(
    request: Request,
    statement_id: UUID,
    body: BankMatchIn,
    actor: Importer,
    key: IdempotencyKey,
) -> Response:
    """Say what a transfer was for. Another person confirms; only then money reaches its shares."""

    async def verb(session: WriteSession, now: datetime) -> ProposedOut:
        proposal_id = await propose(
            session,
            actor=actor,
            statement_id=statement_id,
            transfer_id=body.transfer_id,
            shares=[RequestedShare(share.payer_share_id, share.amount_fen) for share in body.shares],
            remember_payer=body.remember_payer,
            reason=body.reason,
            now=now,
        )
        return ProposedOut(proposal_id=proposal_id, state="proposed")

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-statements/{statement_id}/match/{proposal_id}/confirm")
async def post_confirm(statement_id: UUID, proposal_id: UUID, actor: Confirmer, database: TheDatabase) -> ProposedOut:
    """The second person: never the one who proposed."""
    async with database.transaction() as session:
        await confirm(session, actor=actor, statement_id=statement_id, proposal_id=proposal_id, now=clock.now())
    return ProposedOut(proposal_id=proposal_id, state="confirmed")


@routes.post("/bank-statements/{statement_id}/match/{proposal_id}/reject")
async def post_reject(
    statement_id: UUID, proposal_id: UUID, body: BankRejectIn, actor: Confirmer, database: TheDatabase
) -> ProposedOut:
    """The transfer waits again."""
    async with database.transaction() as session:
        await reject(
            session,
            actor=actor,
            statement_id=statement_id,
            proposal_id=proposal_id,
            reason=body.reason,
            now=clock.now(),
        )
    return ProposedOut(proposal_id=proposal_id, state="rejected")


@routes.post("/payer-shares/{payer_share_id}/pay-back", status_code=201, response_model=PaidBackOut)
async def post_pay_back(
    request: Request,
    payer_share_id: UUID,
    body: PayBackIn,
    actor: Confirmer,
    key: IdempotencyKey,
) -> Response:
    """Record that an overpayment went back."""

    async def verb(session: WriteSession, now: datetime) -> PaidBackOut:
        returned = await pay_back(
            session,
            actor=actor,
            payer_share_id=payer_share_id,
            amount_fen=body.amount_fen,
            bank_reference=body.bank_reference,
            returned_on=body.returned_on,
            reason=body.reason,
            now=now,
        )
        return PaidBackOut(id=returned)

    return await answer_once(request, actor.user_id, key, verb)


@routes.post("/bank-refunds/{refund_id}/returned")
async def post_returned(
    refund_id: UUID, body: RefundReturnedIn, actor: Confirmer, database: TheDatabase
) -> RefundReturnedOut:
    """A refund of an order that was paid by bank transfer went back by one; told twice is success."""
    async with database.transaction() as session:
        await return_refund(
            session,
            actor=actor,
            refund_id=refund_id,
            bank_reference=body.bank_reference,
            returned_on=body.returned_on,
            now=clock.now(),
        )
    return RefundReturnedOut(refund_id=refund_id, state="succeeded")
