"""What an auditor works on: his mandate, and the units it leaves him of those his role opens."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from orders.credit.pseudonym import Mandate, mandate_of
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotAllowed
from shop.organisation.queries import visible_unit_ids


class NoMandate(NotAllowed):
    code: ClassVar[str] = "no_mandate"
    title: ClassVar[str] = "没有有效的审计委托"


async def units_of(session: ReadSession, actor: Actor, *, now: datetime) -> frozenset[UUID] | None:
    """The units whose records a caller may read: by role, and for an auditor within his mandates. None: all."""
    return await visible_unit_ids(session, actor, Permission.AUDIT_READ, clock.business_day(now))


async def mandate_for(session: ReadSession, actor: Actor, *, now: datetime) -> Mandate:
    """Lines, baskets, samples and questions are for auditors under a mandate. Raises NoMandate."""
    mandate = await mandate_of(session, actor, clock.business_day(now))
    if mandate is None:
        raise NoMandate("请联系管理员登记审计委托书后再查阅。")
    return mandate
