"""Payments and refunds about which the provider should be asked again: a webhook may be lost, the money is not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

LONGEST_WAIT = timedelta(minutes=4)
"""A payment is looked at 1, 2, 4 minutes after it was opened, then every four: lost webhooks heal within five."""
LONGEST_REFUND_WAIT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class DueRefund:
    """provider_refund_id is None while the provider has not been asked, as far as we know."""

    refund_id: UUID
    provider_refund_id: str | None


# The wait is as long as the age: 1, 2, 4 … minutes; a page that is about to close is looked at right after it closed.
_PAYMENTS = text("""
WITH due AS (
    SELECT id FROM payment
    WHERE state IN ('created', 'pending') AND (check_at <= :now OR :everything)
    ORDER BY check_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE payment p
SET check_at = :now + greatest(least(:now - p.created_at, CAST(:longest AS interval)), interval '1 minute')
FROM due WHERE p.id = due.id
RETURNING p.session_id
""")
_REFUNDS = text("""
WITH due AS (
    SELECT id FROM refund
    WHERE state IN ('requested', 'submitted') AND (check_at <= :now OR :everything)
    ORDER BY check_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE refund r
SET check_at = :now + greatest(
    least(:now - r.requested_at, CASE WHEN :now - r.requested_at < interval '1 hour' THEN CAST(:quick AS interval)
        ELSE CAST(:longest AS interval) END),
    interval '1 minute')
FROM due WHERE r.id = due.id
RETURNING r.id, r.provider_refund_id
""")
_LOOK_NOW = text("UPDATE payment SET check_at = :now WHERE id = :payment AND state = 'pending'")


async def due_payments(session: WriteSession, *, now: datetime, most: int, everything: bool = False) -> list[str]:
    """The provider's session ids of open payments to look at; no other worker gets them meanwhile.

    everything: all open ones now, due or not.
    """
    rows = await session.scalars(
        _PAYMENTS, {"now": now, "most": most, "everything": everything, "longest": LONGEST_WAIT}
    )
    return [session_id for session_id in rows if session_id is not None]


async def due_refunds(session: WriteSession, *, now: datetime, most: int, everything: bool = False) -> list[DueRefund]:
    """Refunds to send or to look at; no other worker gets them meanwhile."""
    rows = await session.execute(
        _REFUNDS,
        {
            "now": now,
            "most": most,
            "everything": everything,
            "quick": LONGEST_WAIT,
            "longest": LONGEST_REFUND_WAIT,
        },
    )
    return [DueRefund(*row) for row in rows]


async def look_now(session: WriteSession, *, payment_id: UUID, now: datetime) -> None:
    """The provider knows more of this page than we do: it is looked at next."""
    await session.execute(_LOOK_NOW, {"payment": payment_id, "now": now})
