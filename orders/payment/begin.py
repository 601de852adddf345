"""A payment begins: one attempt to pay one order, with what it consists of."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, Uuid, bindparam, text

from shop.core.database import WriteSession
from shop.core.ids import new_id

Method = Literal["stripe", "bank_transfer", "allowance", "advance"]
_TENDERS: Final[dict[Method, str]] = {"stripe": "provider"}  # the others are called as the method is
_BEGIN: Final = text("""
WITH begun AS (
    INSERT INTO payment (id, order_id, method, amount_fen, currency, state, created_at, expires_at, check_at,
        advance_of_id)
    VALUES (:id, :order, :method, :amount, 'cny', :state, :now, :expires_at, :check_at, :advance_of)
)
INSERT INTO tender (payment_id, position, kind, amount_fen)
SELECT CAST(:id AS uuid), t.position - 1, t.kind, t.fen FROM unnest(:kinds, :fens) WITH ORDINALITY AS t(kind, fen,
    position)
""").bindparams(
    bindparam("id", type_=Uuid),
    bindparam("advance_of", type_=Uuid),
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("fens", type_=ARRAY(BigInteger)),
)


async def begin(
    session: WriteSession,
    *,
    order_id: UUID,
    method: Method,
    own_fen: int,
    allowance_fen: int,
    now: datetime,
    expires_at: datetime,
    check_at: datetime | None = None,
    advance_of_id: UUID | None = None,
) -> UUID:
    """Returns the payment: created; by bank transfer pending, since there is no page to open. own_fen: by `method`.

    check_at: when the provider is asked first; None: when it expires. The caller holds the order's lock and has seen
    that no other payment of it is open (`uq_payment_order_open`).
    """
    payment_id = new_id()
    tenders = [(_TENDERS.get(method, method), own_fen), ("allowance", allowance_fen)]
    named = {
        "id": payment_id,
        "order": order_id,
        "method": method,
        "amount": own_fen + allowance_fen,
        "state": "pending" if method == "bank_transfer" else "created",
        "now": now,
        "expires_at": expires_at,
        "check_at": check_at or expires_at,
        "advance_of": advance_of_id,
        "kinds": [kind for kind, fen in tenders if fen],
        "fens": [fen for _, fen in tenders if fen],
    }
    await session.execute(_BEGIN, named)
    return payment_id
