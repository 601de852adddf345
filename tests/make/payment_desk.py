"""Two people at the payments desk."""

from datetime import UTC, datetime
from uuid import UUID

from orders.payment_desk.act import act
from orders.payment_desk.queries import waiting_list
from orders.payment_desk.schemas import List, PaymentDeskStepOut, PaymentDeskWaitingOut
from orders.payment_desk.turn import keep, return_payment
from shop.access.permissions import Actor
from tests.make.aftersales import staff
from tests.make.payments import Till


async def two_clerks(desk: Till, unit_id: UUID) -> tuple[Actor, Actor]:
    return await staff(desk, unit_id), await staff(desk, unit_id)


async def sent_back(desk: Till, clerk: Actor, payment_id: UUID) -> PaymentDeskStepOut:
    now = datetime.now(UTC)
    return await act(
        desk.database,
        desk.gateway,
        lambda session: return_payment(session, actor=clerk, payment_id=payment_id, reason="买家不要了", now=now),
        now=now,
    )


async def kept(desk: Till, clerk: Actor, payment_id: UUID) -> PaymentDeskStepOut:
    now = datetime.now(UTC)
    return await act(
        desk.database,
        desk.gateway,
        lambda session: keep(session, actor=clerk, payment_id=payment_id, reason="买家要另下一单", now=now),
        now=now,
    )


async def returned_by_two(desk: Till, unit_id: UUID, payment_id: UUID) -> None:
    """Asked and confirmed, and the provider has sent it."""
    for clerk in await two_clerks(desk, unit_id):
        await sent_back(desk, clerk, payment_id)
    await desk.work()


async def waits(desk: Till, clerk: Actor, which: List) -> list[PaymentDeskWaitingOut]:
    async with desk.database.reading() as session:
        page = await waiting_list(session, clerk, which=which, now=datetime.now(UTC), limit=50)
    return page.items
