"""What a caller of the desk wants, done in one transaction; money that goes back is sent afterwards, outside of it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from orders.aftersales.give_back import send
from orders.payment_desk.decide import Step, withdraw
from orders.payment_desk.match import match
from orders.payment_desk.retry import retry
from orders.payment_desk.schemas import PaymentDeskStepOut
from orders.payment_desk.turn import Done
from orders.payment_desk.visibility import waiting_for
from shop.access.permissions import Actor
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core.database import Database, WriteSession

Verb = Callable[[WriteSession], Awaitable[Done | Step]]


async def act(database: Database, gateway: PaymentGateway, verb: Verb, *, now: datetime) -> PaymentDeskStepOut:
    """A verb that needs two people: asked, or done."""
    async with database.transaction() as session:
        found = await verb(session)
    done = found if isinstance(found, Done) else Done(found)
    if done.refund_id is not None:
        await send(database, gateway, refund_id=done.refund_id, now=now)
    state = done.step.state
    return PaymentDeskStepOut(
        done.step.subject, done.step.action, "asked" if state == "asked" else "done", done.refund_id
    )


async def act_match(
    database: Database, actor: Actor, *, payment_id: UUID, order_id: UUID, now: datetime
) -> PaymentDeskStepOut:
    async with database.transaction() as session:
        paid_id = await match(session, actor=actor, payment_id=payment_id, order_id=order_id, now=now)
    return PaymentDeskStepOut(f"payment:{payment_id}", "match", "done", payment_id=paid_id)


async def act_retry(
    database: Database, gateway: PaymentGateway, actor: Actor, *, refund_id: UUID, now: datetime
) -> PaymentDeskStepOut:
    async with database.transaction() as session:
        again = await retry(session, actor=actor, refund_id=refund_id, now=now)
    await send(database, gateway, refund_id=again, now=now)
    return PaymentDeskStepOut(f"refund:{refund_id}", "retry", "done", again)


async def act_withdraw(database: Database, actor: Actor, *, subject: str, now: datetime) -> PaymentDeskStepOut:
    async with database.transaction() as session:
        await waiting_for(session, actor, subject, now=now)
        await withdraw(session, actor, subject, now=now)
    return PaymentDeskStepOut(subject, "withdraw", "withdrawn")
