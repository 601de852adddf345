"""`POST /orders/{id}/refunds`: of a buyer's order through its payment, of a joint one by what its payers owe."""

from hashlib import sha256
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy import text

from orders.acceptance.refund import refund_joint
from orders.aftersales.give_back import send
from orders.aftersales.queries import refund_of
from orders.aftersales.refund import request_refund
from orders.aftersales.schemas import RefundIn, RefundOut
from orders.order.is_joint import IS_JOINT
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.idempotency import Answer, keep_answer, once
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["orders"])
_JOINT = text(f"SELECT {IS_JOINT.format(order=':order')}")

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


@routes.post("/orders/{order_id}/refunds", status_code=201, response_model=RefundOut)
async def post_refund(
    request: Request,
    order_id: UUID,
    body: RefundIn,
    actor: Annotated[Actor, Depends(requires(Permission.REFUND_REQUEST))],
    database: TheDatabase,
    idempotency_key: Key = None,
) -> Response:
    """Give money back by pieces of lines, or by an amount spread over what is left. 409 above what is left."""
    now = clock.now()
    digest = sha256(f"refund {order_id} {body.model_dump_json()}".encode()).digest()
    if await _is_joint(database, order_id):
        return await _refund_joint(database, actor, order_id, body, idempotency_key, digest)
    async with database.transaction() as session:
        requested = await request_refund(
            session,
            actor=actor,
            order_id=order_id,
            requested=body,
            now=now,
            key=idempotency_key,
            request_sha256=digest,
        )
    if requested.first_answer:
        return Response(requested.first_answer, 201, {"idempotent-replayed": "true"}, "application/json")
    gateway: PaymentGateway = request.app.state.gateway
    await send(database, gateway, refund_id=requested.refund_id, now=now)
    async with database.transaction() as session:
        answer = Answer(201, msgspec.json.encode(await refund_of(session, requested.refund_id)))
        if idempotency_key is not None:
            await keep_answer(session, actor_id=actor.user_id, key=idempotency_key, answer=answer)
    return answer.as_response()


async def _is_joint(database: Database, order_id: UUID) -> bool:
    async with database.reading() as session:
        return bool(await session.scalar(_JOINT, {"order": order_id}))


async def _refund_joint(
    database: Database, actor: Actor, order_id: UUID, requested: RefundIn, key: str | None, digest: bytes
) -> Response:
    """No provider is asked: one transaction, and what the payers owe has fallen."""
    now = clock.now()

    async def verb(session: WriteSession) -> Answer:
        refunded = await refund_joint(session, actor=actor, order_id=order_id, requested=requested, key=key, now=now)
        return Answer.of(refunded, 201)

    done = await once(database, verb, actor_id=actor.user_id, key=key, request_sha256=digest, now=now)
    return done.as_response()
