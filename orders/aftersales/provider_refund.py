"""A refund that somebody made in the provider's dashboard: kept as it is seen, until two people say what it was for."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.adapters.stripe.gateway import RefundSeen
from shop.core.database import WriteSession

_SEEN: Final = text("""
INSERT INTO provider_refund AS known (provider_refund_id, payment_id, order_id, amount_fen, currency, state, made_at,
    first_seen_at)
SELECT :provider, p.id, p.order_id, :amount, :currency, :state, :made_at, :now FROM payment p
WHERE p.provider_payment_id = :payment
ON CONFLICT (provider_refund_id) DO UPDATE SET state = excluded.state
WHERE known.state <> excluded.state AND (known.state = 'pending' OR excluded.state = 'failed')
""")
_CLAIM: Final = text("""
UPDATE provider_refund SET refund_id = :refund
WHERE provider_refund_id = :provider AND refund_id IS NULL AND state <> 'failed' RETURNING provider_refund_id
""")


async def note_seen(session: WriteSession, seen: RefundSeen, *, now: datetime) -> None:
    """Of one of our payments; of no payment of ours: nothing. Seen again, its state follows."""
    named = {"provider": seen.provider_refund_id, "payment": seen.provider_payment_id, "amount": seen.amount_fen}
    made_at = seen.made_at or seen.succeeded_at or now
    await session.execute(
        _SEEN, named | {"currency": seen.currency, "state": seen.state, "made_at": made_at, "now": now}
    )


async def claim(session: WriteSession, *, provider_refund_id: str, refund_id: UUID) -> bool:
    """Our refund `refund_id` is this one, once; False where it is claimed already, or failed."""
    named = {"provider": provider_refund_id, "refund": refund_id}
    return await session.scalar(_CLAIM, named) is not None
