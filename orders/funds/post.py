"""Move money between accounts, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import text

from shop.core.database import WriteSession

_SPACE = UUID(
    "6f1d3c56-7d0e-4b6e-9a8e-2f0c9b1a5d47"
)  # any fixed number: ids of accounts and transfers follow from names


@dataclass(frozen=True, slots=True)
class Moved:
    """`amount_fen` (> 0) moved from the credited to the debited account, each named by (kind, owner).

    key: what may happen only once, e.g. "sale:<payment>:<supplier>"; it becomes the transfer's id.
    """

    key: str
    kind: str
    debit: tuple[str, str]
    credit: tuple[str, str]
    amount_fen: int
    reference: UUID
    occurred_on: date


_POST = text(
    """
WITH accounts AS (
    INSERT INTO account (id, kind, owner, created_at)
    SELECT r.id, r.kind, r.owner, :now
    FROM jsonb_to_recordset(CAST(:accounts AS jsonb)) AS r(id uuid, kind text, owner text)
    WHERE NOT EXISTS (SELECT FROM account known WHERE known.id = r.id)
    ORDER BY r.id
    ON CONFLICT DO NOTHING
), posted AS (
    INSERT INTO transfer (
        id, kind, debit_account_id, credit_account_id, amount_fen, reference, occurred_on, recorded_at)
    SELECT r.id, r.kind, r.debit, r.credit, r.amount_fen, r.reference, r.occurred_on, :now
    FROM jsonb_to_recordset(CAST(:transfers AS jsonb)) AS r(
        id uuid, kind text, debit uuid, credit uuid, amount_fen bigint, reference uuid, occurred_on date)
    ORDER BY r.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT count(*) FROM posted
"""
)


def account_id(kind: str, owner: str) -> UUID:
    return uuid5(_SPACE, f"account:{kind}:{owner}")


async def post(session: WriteSession, moves: Sequence[Moved], *, now: datetime) -> int:
    """Post transfers, opening accounts that did not exist; returns how many were new.

    A key that was posted before is success and moves nothing.
    """
    if not moves:
        return 0
    names = {name for move in moves for name in (move.debit, move.credit)}
    accounts = [{"id": account_id(kind, owner), "kind": kind, "owner": owner} for kind, owner in names]
    transfers = [
        {
            "id": uuid5(_SPACE, move.key),
            "kind": move.kind,
            "debit": account_id(*move.debit),
            "credit": account_id(*move.credit),
            "amount_fen": move.amount_fen,
            "reference": move.reference,
            "occurred_on": move.occurred_on,
        }
        for move in moves
    ]
    posted = await session.execute(
        _POST,
        {
            "accounts": msgspec.json.encode(accounts).decode(),
            "transfers": msgspec.json.encode(transfers).decode(),
            "now": now,
        },
    )
    count: int = posted.scalar_one()
    return count
