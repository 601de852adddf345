"""What a provider or a bank says of payments that it got: a step of the one statement that settles many of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec

from orders.payment.states import before


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """received_fen: of the provider alone, in `received_currency` (lower case). held_reason: why it cannot settle."""

    payment_id: UUID
    state: Literal["succeeded", "held"]
    held_reason: str | None
    provider_payment_id: str | None
    received_fen: int
    received_currency: str
    provider_method: str | None
    succeeded_at: datetime


_MARKABLE: Final = ", ".join(f"'{state}'" for state in sorted(before("succeeded") & before("held")))
MARKED: Final = f"""
said AS (
    SELECT * FROM jsonb_to_recordset(CAST(:said AS jsonb)) AS r(payment_id uuid, state text, held_reason text,
        provider_payment_id text, received_fen bigint, received_currency text, provider_method text,
        succeeded_at timestamptz)
), marked AS (
    UPDATE payment p SET state = s.state, held_reason = s.held_reason, provider_payment_id = s.provider_payment_id,
        received_fen = s.received_fen, received_currency = s.received_currency, provider_method = s.provider_method,
        succeeded_at = s.succeeded_at
    FROM said s WHERE p.id = s.payment_id AND p.state IN ({_MARKABLE})
    RETURNING p.order_id, p.state
)"""  # noqa: S608  # our own words
"""Steps of a statement with `:said`. `marked` has order_id and state of each payment that moved, each once."""


def as_json(said: Sequence[Said]) -> str:
    """The value of `:said`."""
    return msgspec.json.encode(said).decode()
