"""A payment page closed without money: the order may be paid on another page while its hold lasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.core.database import WriteSession

OPENING_LASTS = timedelta(minutes=4)
"""Longer than a call to the provider with all its retries; a page nobody heard of by then was given to nobody."""


@dataclass(frozen=True, slots=True)
class Closed:
    payment_id: UUID
    state: Literal["failed", "cancelled"]


# Orders first, in order of their ids, as everybody locks them.
_LOCK = text(
    """
SELECT o.id FROM shop_order o WHERE o.id IN (SELECT order_id FROM payment WHERE id = ANY(:payments))
ORDER BY o.id FOR UPDATE
"""
).bindparams(bindparam("payments", type_=ARRAY(Uuid)))
_CLOSE = text(
    """
WITH closed AS (
    UPDATE payment p SET state = r.state
    FROM jsonb_to_recordset(CAST(:closed AS jsonb)) AS r(payment_id uuid, state text)
    WHERE p.id = r.payment_id AND p.state IN ('created', 'pending')
    RETURNING p.order_id
), reopened AS (
    UPDATE shop_order SET payment_state = 'unpaid'
    WHERE id IN (SELECT order_id FROM closed) AND payment_state = 'pending'
)
SELECT count(*) FROM closed
"""
)
_NEVER_OPENED = text(
    "UPDATE payment SET state = 'failed' WHERE state = 'created' AND session_id IS NULL AND created_at < :before"
)


async def close_payments(session: WriteSession, closed: Sequence[Closed]) -> int:
    """Close open payments as failed or cancelled; returns how many were still open. Already closed is success."""
    if not closed:
        return 0
    await session.execute(_LOCK, {"payments": [one.payment_id for one in closed]})
    document = [{"payment_id": one.payment_id, "state": one.state} for one in closed]
    found = await session.execute(_CLOSE, {"closed": msgspec.json.encode(document).decode()})
    count: int = found.scalar_one()
    return count


async def forget_unopened(session: WriteSession, *, now: datetime) -> None:
    """Fail payments whose page was never opened: a process died in between, and the payer may simply try again."""
    await session.execute(_NEVER_OPENED, {"before": now - OPENING_LASTS})
