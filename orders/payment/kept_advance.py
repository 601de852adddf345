"""Money of a held payment that two people kept for its payer: what is left of it pays an order, or goes back."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

_KEEP: Final = text("""
INSERT INTO kept_advance (payment_id, person_id, fen, left_fen, kept_at) VALUES (:payment, :person, :fen, :fen, :now)
""")
_IS_KEPT: Final = text("SELECT EXISTS (SELECT FROM kept_advance WHERE payment_id = :payment)")
_TAKE: Final = text("""
UPDATE kept_advance SET left_fen = left_fen - :fen WHERE payment_id = :payment AND left_fen >= :fen
RETURNING person_id
""")
# A payment's money is kept only while no refund of it is on its way: whatever fails afterwards came out of it.
_PUT_BACK: Final = text("""
UPDATE kept_advance k SET left_fen = k.left_fen + r.amount_fen FROM refund r
WHERE r.id = :refund AND k.payment_id = r.payment_id AND r.requested_at >= k.kept_at
""")


async def keep_advance(session: WriteSession, *, payment_id: UUID, person_id: UUID, fen: int, now: datetime) -> None:
    await session.execute(_KEEP, {"payment": payment_id, "person": person_id, "fen": fen, "now": now})


async def is_kept(session: WriteSession, payment_id: UUID) -> bool:
    return bool(await session.scalar(_IS_KEPT, {"payment": payment_id}))


async def take_kept(session: WriteSession, *, payment_id: UUID, fen: int) -> UUID | None:
    """Whose advance it was taken from; None where less than `fen` is left, and nothing was taken."""
    person_id: UUID | None = await session.scalar(_TAKE, {"payment": payment_id, "fen": fen})
    return person_id


async def put_back_kept(session: WriteSession, *, refund_id: UUID) -> None:
    """The refund failed: what it had taken of a kept advance is left again."""
    await session.execute(_PUT_BACK, {"refund": refund_id})
