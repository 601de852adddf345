"""Every row is signed or explained: the purchase is distributed."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from orders.bulk.choice.leader import led_by
from orders.bulk.move_on import move_on
from orders.roll.draw_up import draw_up
from orders.roll.queries import counts
from shop.access.permissions import Actor, Permission
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem


class RollOpen(Problem):
    """`open`: how many rows are neither signed nor explained."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "roll_open"
    title: ClassVar[str] = "签领表还没有签完"


async def finish(session: WriteSession, *, actor: Actor, purchase_id: UUID, now: datetime) -> None:
    """Distributed before is success. Raises NotFound, RollTooEarly, RollOpen, WrongState."""
    led = await led_by(session, actor, purchase_id, now, Permission.ROLL_WRITE)
    if not led.whole:
        raise NotFound("请由采购单位的经办人或验收人办结。")
    await draw_up(session, led.purchase)
    if led.purchase.state in {"distributed", "archived"}:
        return
    found = await counts(session, purchase_id, None)
    if found.open:
        raise RollOpen(
            f"还有 {found.open} 行没有签名，也没有说明原因。请补签，或写明拒领、未联系上的原因。",
            extra={"open": found.open},
        )
    await move_on(session, purchase_id=purchase_id, to="distributed", actor_id=actor.user_id, now=now)
