"""Two people weigh and count what the truck brought: what they accept is credited, and is to be paid from that day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text

from orders.acceptance.accept import accept as accept_goods
from orders.acceptance.problems import WitnessUnknown
from orders.acceptance.received import Truck
from orders.acceptance.receivers import receivers_for
from orders.acceptance.rules import Counted
from orders.canteen.queries import LineSeen, order_seen
from orders.canteen.visibility import kitchen_of_order
from orders.order.shares import set_due_on
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem

_CREDIT_DAYS: Final = text("""
SELECT c.credit_days FROM canteen_order c WHERE c.order_id = :order
    AND EXISTS (SELECT FROM acceptance a WHERE a.delivery_id = c.order_id AND a.accepted_on = :day)
""").bindparams(bindparam("order", type_=Uuid), bindparam("day", type_=Date))


class OverDelivered(Problem):
    """More came than was ordered: credit never exceeds the order, so more of it must be ordered first."""

    status = 409
    code = "over_delivered"
    title = "实收超过订购，不能直接验收"


class LineUnknown(Problem):
    status = 422
    code = "unknown_line"
    title = "清点的行与订单不符"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A line as it was counted, in milli-pieces; what was ordered and is nowhere said counts as short."""

    line_id: UUID
    accepted_milli: int
    damaged_milli: int = 0
    refused_milli: int = 0
    reason: str | None = None
    best_before: date | None = None
    batch_number: str | None = None


async def accept(
    session: WriteSession,
    *,
    actor: Actor,
    order_id: UUID,
    witness_id: UUID,
    lines: Sequence[Weighed],
    accepted_on: date,
    truck: Truck | None,
    note: str | None,
    key: str,
    now: datetime,
) -> UUID:
    """The acceptance's id. Goods are owed and credited (grade B) from this day; `due_on` follows from the contract.

    Raises NoSuchCanteenOrder, WitnessUnknown, OverDelivered, and what `orders.acceptance.accept` raises.
    """
    day = clock.business_day(now)
    kitchen = await kitchen_of_order(session, actor, order_id, day, Permission.ACCEPTANCE_WRITE)
    receivers = {one.user_id for one in await receivers_for(session, [kitchen.unit_id], order_id, day)}
    if witness_id not in receivers and witness_id != actor.user_id:
        raise WitnessUnknown(
            "请从本单位的验收人里选一位，不能是下单人。", [Detail("/witness_id", WitnessUnknown.code, "不能验收")]
        )
    _, ordered = await order_seen(session, order_id)
    acceptance_id = await accept_goods(
        session,
        actor=actor,
        kind="canteen",
        order_id=order_id,
        delivery_id=order_id,
        witness_id=witness_id,
        lines=_counted(lines, {line.id: line for line in ordered}),
        accepted_on=accepted_on,
        key=key,
        now=now,
        truck=truck,
        note=note,
    )
    credit_days = await session.scalar(_CREDIT_DAYS, {"order": order_id, "day": accepted_on})
    if credit_days is not None:  # else it was accepted before, on another day
        await set_due_on(session, order_id=order_id, day=accepted_on + timedelta(days=credit_days))
    return acceptance_id


def _counted(lines: Sequence[Weighed], ordered: Mapping[UUID, LineSeen]) -> list[Counted]:
    found, over = [], []
    for index, line in enumerate(lines):
        seen = ordered.get(line.line_id)
        if seen is None:
            raise LineUnknown("请重新打开这张订单再验收。", [Detail(f"/lines/{index}", LineUnknown.code, "没有这一行")])
        short = seen.ordered_milli - line.accepted_milli - line.damaged_milli - line.refused_milli
        if short < 0:
            over.append(Detail(f"/lines/{index}", OverDelivered.code, f"{seen.title}（{seen.spec}）：超过订购数量"))
        found.append(
            Counted(
                line_id=line.line_id,
                payer_share_id=None,
                accepted_milli=line.accepted_milli,
                short_milli=max(0, short),
                damaged_milli=line.damaged_milli,
                refused_milli=line.refused_milli,
                reason=line.reason,
                best_before=line.best_before,
                batch_number=line.batch_number,
            )
        )
    if over:
        raise OverDelivered("多出的部分请退回，或由食堂采购先下一张补单，再按补单验收。", over)
    return found
