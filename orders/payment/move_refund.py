"""The only doors of a refund's state, guarded by `states.py`. The caller holds the order's lock.

What a refund's success or failure does to credit, claims and goods is told in `orders/aftersales`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, text

from orders.payment.states import refund_before
from shop.core.database import WriteSession

_BEFORE: Final = bindparam("before", type_=ARRAY(Text))
_SUBMIT: Final = text("""
UPDATE refund SET state = 'submitted', provider_refund_id = :provider
WHERE id = ANY(:refunds) AND state = ANY(:before)
""").bindparams(_BEFORE, bindparam("refunds", type_=ARRAY(Uuid)))
_SUCCEED: Final = text("""
UPDATE refund r SET state = 'succeeded', provider_refund_id = :provider, succeeded_at = :at
FROM payment p
WHERE r.id = :refund AND r.state = ANY(:before) AND r.amount_fen - r.allowance_fen = :own AND p.id = r.payment_id
RETURNING r.id, r.order_id, r.amount_fen, r.currency, p.id AS payment_id, p.succeeded_at AS paid_at,
    p.state = 'held' AS never_credited,
    CASE WHEN p.method = 'bank_transfer' OR r.provider_refund_id LIKE 'bank:%' THEN 'bank' ELSE 'stripe' END
    AS clearing,
    coalesce((SELECT k.person_id::text FROM kept_advance k WHERE k.payment_id = p.id), 'stripe') AS advance
""").bindparams(_BEFORE)
_FAIL: Final = text("""
UPDATE refund r SET state = 'failed', failure = :failure, failed_at = :now,
    provider_refund_id = coalesce(:provider, r.provider_refund_id)
FROM (SELECT id, state FROM refund WHERE id = :refund FOR UPDATE) was
WHERE r.id = was.id AND r.state = ANY(:before) RETURNING was.state
""").bindparams(_BEFORE, bindparam("provider", type_=Text))
_NUMBER_FREE: Final = text("UPDATE refund SET provider_refund_id = NULL WHERE id = :refund AND state = 'failed'")


async def submit_refunds(session: WriteSession, refund_ids: Collection[UUID], *, provider_refund_id: str) -> None:
    """The provider has them, under its one name. Had before is success."""
    named = {"refunds": list(refund_ids), "provider": provider_refund_id, "before": sorted(refund_before("submitted"))}
    await session.execute(_SUBMIT, named)


async def refund_succeeded(
    session: WriteSession, refund_id: UUID, *, provider_refund_id: str | None, own_fen: int, at: datetime
) -> Row[Any] | None:
    """None where it succeeded or failed before, or where `own_fen` is not what was to come back besides allowances.

    Returns id, order_id, amount_fen, currency, payment_id, paid_at, never_credited (its payment was held), clearing
    (stripe, bank: with whom the money stood) and advance (whose account a held payment's money stands on).
    """
    named = {"refund": refund_id, "provider": provider_refund_id, "own": own_fen, "at": at}
    found = await session.execute(_SUCCEED, named | {"before": sorted(refund_before("succeeded"))})
    return found.one_or_none()


async def refund_failed(
    session: WriteSession, refund_id: UUID, failure: str, *, provider_refund_id: str | None, now: datetime
) -> str | None:
    """Returns the state in which it was, so that a success can be undone; None where it failed before."""
    named = {"refund": refund_id, "failure": failure[:200], "provider": provider_refund_id, "now": now}
    was: str | None = await session.scalar(_FAIL, named | {"before": sorted(refund_before("failed"))})
    return was


async def free_number(session: WriteSession, refund_id: UUID) -> None:
    """The bank's number names the refund that repeats this failed one: it arrived after all."""
    await session.execute(_NUMBER_FREE, {"refund": refund_id})
