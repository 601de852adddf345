"""A reversal was named for the wrong receipt: that receipt stands again, and it and the bank's row wait for people."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from orders.banking.match import AlreadyMatched
from shop.core.database import WriteSession

_NAMED = text("""
SELECT id, receipt_id FROM match_undoing
WHERE (receipt_id = :transfer OR reversal_id = :transfer) AND reversal_id IS NOT NULL AND state = 'confirmed'
ORDER BY decided_at DESC, id DESC LIMIT 1
""")
_UNDONE = text("""
UPDATE match_undoing SET state = 'undone' WHERE id = :undoes AND state = 'confirmed' RETURNING receipt_id, reversal_id
""")
_RECEIPT = text("""
UPDATE bank_transfer t SET taken_back_fen = t.taken_back_fen + n.amount_fen, matched_fen = 0, state = 'queued',
    why_queued = 'undone'
FROM bank_transfer n WHERE t.id = :receipt AND n.id = :reversal
""")
_REVERSAL = text("""
UPDATE bank_transfer SET state = 'queued', matched_fen = 0, why_queued = 'taken_back' WHERE id = :reversal
""")


async def named_by(session: WriteSession, transfer_id: UUID) -> Row[Any] | None:
    """The confirmed undoing (id, receipt_id) in which this row takes a receipt back, or was taken back: the newest."""
    return (await session.execute(_NAMED, {"transfer": transfer_id})).one_or_none()


async def stand_again(session: WriteSession, undoes_id: UUID) -> UUID:
    """The receipt has again what the bank's row had taken of it; both wait, unmatched; returns the bank's row. What
    was entered when it was taken back stays: matched again, the receipt is a payment of its own.

    The caller holds both rows' locks and has undone what stood of the receipt's matches. Raises AlreadyMatched.
    """
    undone = (await session.execute(_UNDONE, {"undoes": undoes_id})).one_or_none()
    if undone is None:
        raise AlreadyMatched("另一位同事刚刚处理过。")
    await session.execute(_RECEIPT, {"receipt": undone.receipt_id, "reversal": undone.reversal_id})
    await session.execute(_REVERSAL, {"reversal": undone.reversal_id})
    reversal_id: UUID = undone.reversal_id
    return reversal_id
