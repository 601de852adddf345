"""`/api/v1/payments/held`, and what people do about what waits: return, keep, match, adopt, retry, settle otherwise."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response

from orders.payment_desk.act import act, act_match, act_retry, act_withdraw
from orders.payment_desk.adopt import adopt
from orders.payment_desk.queries import waiting_list
from orders.payment_desk.retry import given_back, settle_otherwise
from orders.payment_desk.schemas import (
    AdoptIn,
    GivenBackIn,
    List,
    PaymentDeskMatchIn,
    PaymentDeskStepOut,
    ReasonIn,
    WaitingPage,
)
from orders.payment_desk.turn import keep, return_payment
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.database import Database
from shop.core.paging import LIMIT_DEFAULT, Cursor, Limit
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["payments"])

Clerk = Annotated[Actor, Depends(requires(Permission.PAYMENT_DESK))]
ProviderRefundId = Annotated[str, Path(max_length=100, pattern="^[0-9A-Za-z_]+$")]
TWO_PEOPLE: dict[int | str, dict[str, Any]] = {
    202: {"model": PaymentDeskStepOut, "description": "Another person confirms it."}
}


def _gateway(request: Request) -> PaymentGateway:
    found: PaymentGateway = request.app.state.gateway
    return found


TheGateway = Annotated[PaymentGateway, Depends(_gateway)]


@routes.get("/payments/held")
async def get_held(
    actor: Clerk,
    database: TheDatabase,
    what: List = "held",
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> WaitingPage:
    """Payments that could not settle, with owner, age and what is asked; by `what` the desk's other lists."""
    async with database.reading() as session:
        return await waiting_list(session, actor, which=what, now=clock.now(), limit=limit, cursor=cursor)


@routes.post("/payments/{payment_id}/return", responses=TWO_PEOPLE)
async def post_return(
    payment_id: UUID, body: ReasonIn, actor: Clerk, database: TheDatabase, gateway: TheGateway, response: Response
) -> PaymentDeskStepOut:
    """Ask that a held (or kept) payment goes back; the same call by another person sends it."""
    now = clock.now()
    step = await act(
        database,
        gateway,
        lambda session: return_payment(session, actor=actor, payment_id=payment_id, reason=body.reason, now=now),
        now=now,
    )
    return _answered(step, response)


@routes.post("/payments/{payment_id}/keep", responses=TWO_PEOPLE)
async def post_keep(
    payment_id: UUID, body: ReasonIn, actor: Clerk, database: TheDatabase, gateway: TheGateway, response: Response
) -> PaymentDeskStepOut:
    """Ask that a held payment stays as an advance of its payer; the same call by another person keeps it."""
    now = clock.now()
    step = await act(
        database,
        gateway,
        lambda session: keep(session, actor=actor, payment_id=payment_id, reason=body.reason, now=now),
        now=now,
    )
    return _answered(step, response)


@routes.post("/payments/{payment_id}/match")
async def post_match(
    payment_id: UUID, body: PaymentDeskMatchIn, actor: Clerk, database: TheDatabase
) -> PaymentDeskStepOut:
    """A kept advance pays an order of the same buyer, in full; what is more stays an advance."""
    return await act_match(database, actor, payment_id=payment_id, order_id=body.order_id, now=clock.now())


@routes.post("/payments/{payment_id}/withdraw")
async def post_withdraw(payment_id: UUID, actor: Clerk, database: TheDatabase) -> PaymentDeskStepOut:
    """What is asked about this payment is asked no longer."""
    return await act_withdraw(database, actor, subject=f"payment:{payment_id}", now=clock.now())


@routes.post("/refunds/{refund_id}/retry")
async def post_retry(refund_id: UUID, actor: Clerk, database: TheDatabase, gateway: TheGateway) -> PaymentDeskStepOut:
    """Ask for a failed refund once more, as a refund of its own."""
    return await act_retry(database, gateway, actor, refund_id=refund_id, now=clock.now())


@routes.post("/refunds/{refund_id}/given-back", responses=TWO_PEOPLE)
async def post_refund_given_back(
    refund_id: UUID, body: GivenBackIn, actor: Clerk, database: TheDatabase, gateway: TheGateway, response: Response
) -> PaymentDeskStepOut:
    """Two people say that the buyer got the money of a failed refund by a bank transfer of ours."""
    now = clock.now()
    step = await act(
        database,
        gateway,
        lambda session: given_back(
            session,
            actor=actor,
            refund_id=refund_id,
            bank_reference=body.bank_reference,
            reason=body.reason,
            now=now,
        ),
        now=now,
    )
    return _answered(step, response)


@routes.post("/refunds/{refund_id}/settle-otherwise", responses=TWO_PEOPLE)
async def post_refund_settled(
    refund_id: UUID, body: ReasonIn, actor: Clerk, database: TheDatabase, gateway: TheGateway, response: Response
) -> PaymentDeskStepOut:
    """Two people say that the buyer of a failed refund is owed nothing any more, and why."""
    return await _settled(f"refund:{refund_id}", body, actor, database, gateway, response)


@routes.post("/refunds/{refund_id}/withdraw")
async def post_refund_withdraw(refund_id: UUID, actor: Clerk, database: TheDatabase) -> PaymentDeskStepOut:
    return await act_withdraw(database, actor, subject=f"refund:{refund_id}", now=clock.now())


@routes.post("/disputes/{dispute_id}/settle-otherwise", responses=TWO_PEOPLE)
async def post_dispute_settled(
    dispute_id: UUID, body: ReasonIn, actor: Clerk, database: TheDatabase, gateway: TheGateway, response: Response
) -> PaymentDeskStepOut:
    """Two people say how a lost dispute was settled that took more than what was left."""
    return await _settled(f"dispute:{dispute_id}", body, actor, database, gateway, response)


@routes.post("/disputes/{dispute_id}/withdraw")
async def post_dispute_withdraw(dispute_id: UUID, actor: Clerk, database: TheDatabase) -> PaymentDeskStepOut:
    return await act_withdraw(database, actor, subject=f"dispute:{dispute_id}", now=clock.now())


@routes.post("/provider-refunds/{provider_refund_id}/adopt", responses=TWO_PEOPLE)
async def post_adopt(
    provider_refund_id: ProviderRefundId,
    body: AdoptIn,
    actor: Clerk,
    database: TheDatabase,
    gateway: TheGateway,
    response: Response,
) -> PaymentDeskStepOut:
    """Say what a refund of the provider's dashboard was for; the same call by another person makes it ours."""
    now = clock.now()
    step = await act(
        database,
        gateway,
        lambda session: adopt(
            session,
            actor=actor,
            provider_refund_id=provider_refund_id,
            lines=body.lines,
            reason=body.reason,
            now=now,
        ),
        now=now,
    )
    return _answered(step, response)


@routes.post("/provider-refunds/{provider_refund_id}/settle-otherwise", responses=TWO_PEOPLE)
async def post_provider_refund_settled(
    provider_refund_id: ProviderRefundId,
    body: ReasonIn,
    actor: Clerk,
    database: TheDatabase,
    gateway: TheGateway,
    response: Response,
) -> PaymentDeskStepOut:
    """Two people say why a refund of the dashboard cannot be one of ours, and how it was settled."""
    return await _settled(f"provider_refund:{provider_refund_id}", body, actor, database, gateway, response)


@routes.post("/provider-refunds/{provider_refund_id}/withdraw")
async def post_provider_refund_withdraw(
    provider_refund_id: ProviderRefundId, actor: Clerk, database: TheDatabase
) -> PaymentDeskStepOut:
    return await act_withdraw(database, actor, subject=f"provider_refund:{provider_refund_id}", now=clock.now())


async def _settled(
    subject: str, requested: ReasonIn, actor: Actor, database: Database, gateway: PaymentGateway, response: Response
) -> PaymentDeskStepOut:
    now = clock.now()
    step = await act(
        database,
        gateway,
        lambda session: settle_otherwise(session, actor=actor, subject=subject, reason=requested.reason, now=now),
        now=now,
    )
    return _answered(step, response)


def _answered(step: PaymentDeskStepOut, response: Response) -> PaymentDeskStepOut:
    response.status_code = 202 if step.state == "asked" else 200
    return step
