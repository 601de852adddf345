"""The only door of a payment's state, guarded by `states.py`; what its provider says comes by `mark.py`.

The caller holds the order's lock, or needs none since the guard decides between two who come at once.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from orders.payment.states import OPEN, before
from shop.core.database import WriteSession

OPENING_LASTS: Final = timedelta(minutes=4)
"""Longer than a call to the provider with all its retries; a page nobody heard of by then was given to nobody."""
_BEFORE: Final = bindparam("before", type_=ARRAY(Text))
_MOVE: Final = text("""
UPDATE payment SET state = :to WHERE id = ANY(:payments) AND state = ANY(:before) RETURNING order_id
""").bindparams(_BEFORE, bindparam("payments", type_=ARRAY(Uuid)), bindparam("to", type_=Text))
_PAGE: Final = text("""
UPDATE payment SET state = :to, session_id = :session_id, session_url = :url
WHERE id = :payment AND state = ANY(:before) RETURNING id
""").bindparams(_BEFORE, bindparam("to", type_=Text), bindparam("url", type_=Text))
_NEVER_OPENED: Final = text("""
UPDATE payment SET state = 'failed' WHERE state = 'created' AND session_id IS NULL AND created_at < :before
""")


async def end_payments(
    session: WriteSession, payment_ids: Collection[UUID], *, of: Collection[str], to: Literal["failed", "cancelled"]
) -> list[UUID]:
    """Payments that stand in one of the states `of` come to nothing. Returns the orders of those that moved."""
    named = {"payments": list(payment_ids), "to": to, "before": sorted(before(to).intersection(of))}
    return list(await session.scalars(_MOVE, named)) if payment_ids else []


async def page_opened(session: WriteSession, *, payment_id: UUID, session_id: str, url: str | None) -> bool:
    """The provider opened its page; False where the payment is over meanwhile."""
    named = {"payment": payment_id, "session_id": session_id, "url": url}
    moved = await session.scalar(_PAGE, named | {"to": "pending", "before": sorted(OPEN)})
    return moved is not None


async def page_unwanted(session: WriteSession, *, payment_id: UUID, session_id: str) -> None:
    """The order ended before the provider had opened its page: we keep the page's name, and give nobody its address."""
    named = {"payment": payment_id, "session_id": session_id, "url": None}
    await session.execute(_PAGE, named | {"to": "cancelled", "before": ["created"]})


async def forget_unopened(session: WriteSession, *, now: datetime) -> None:
    """Fail payments whose page was never opened: a process died in between, and the payer may simply try again."""
    await session.execute(_NEVER_OPENED, {"before": now - OPENING_LASTS})
