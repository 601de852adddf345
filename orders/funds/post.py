"""Move money between accounts, once."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.funds.models import GUARDED_KINDS
from shop.core.database import WriteSession
from shop.core.errors import Problem

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


class FundsShort(Problem):
    """A budget, encumbrance or allowance does not hold that much: nothing was moved."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "funds_short"
    title: ClassVar[str] = "余额不足"


_POST = text("""
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
""")
# A statement does not see the rows it inserts, so guarded accounts are opened before they are moved.
_OPEN = text("""
INSERT INTO account (id, kind, owner, created_at, balance_fen, held_fen)
SELECT r.id, r.kind, r.owner, :now, CASE WHEN r.guarded THEN 0 END, CASE WHEN r.guarded THEN 0 END
FROM jsonb_to_recordset(CAST(:accounts AS jsonb)) AS r(id uuid, kind text, owner text, guarded boolean)
WHERE NOT EXISTS (SELECT FROM account known WHERE known.id = r.id)
ORDER BY r.id
ON CONFLICT DO NOTHING
""")
# Accounts first, in order of their ids, then transfers: whoever comes second with the same key waits for the account,
# and finds the key taken.
_POST_GUARDED = text("""
WITH requested AS (
    SELECT * FROM jsonb_to_recordset(CAST(:transfers AS jsonb)) AS r(
        id uuid, kind text, debit uuid, credit uuid, amount_fen bigint, reference uuid, occurred_on date)
), locked AS MATERIALIZED (
    SELECT id FROM account
    WHERE id IN (SELECT debit FROM requested UNION SELECT credit FROM requested) AND balance_fen IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE
), posted AS (
    INSERT INTO transfer (
        id, kind, debit_account_id, credit_account_id, amount_fen, reference, occurred_on, recorded_at)
    SELECT r.id, r.kind, r.debit, r.credit, r.amount_fen, r.reference, r.occurred_on, :now
    FROM requested r WHERE (SELECT count(*) FROM locked) > 0
    ORDER BY r.id
    ON CONFLICT (id) DO NOTHING
    RETURNING debit_account_id AS debit, credit_account_id AS credit, amount_fen
), changed AS (
    SELECT account_id, sum(fen)::bigint AS fen FROM (
        SELECT debit AS account_id, amount_fen AS fen FROM posted
        UNION ALL SELECT credit, -amount_fen FROM posted) both_sides
    GROUP BY account_id
), stored AS (
    UPDATE account a SET balance_fen = a.balance_fen + c.fen
    FROM changed c JOIN locked l ON l.id = c.account_id WHERE a.id = c.account_id
)
SELECT count(*) FROM posted
""")
_BALANCE = text("SELECT balance_fen - held_fen FROM account WHERE id = :account")


def account_id(kind: str, owner: str) -> UUID:
    return uuid5(_SPACE, f"account:{kind}:{owner}")


def transfer_id(key: str) -> UUID:
    return uuid5(_SPACE, key)


async def post(session: WriteSession, moves: Sequence[Moved], *, now: datetime) -> int:
    """Post transfers, opening accounts that did not exist; returns how many were new.

    A key that was posted before is success and moves nothing. Raises FundsShort when a guarded account would go below
    zero; the transaction can then only be rolled back.
    """
    if not moves:
        return 0
    guarded = any(kind in GUARDED_KINDS for move in moves for kind in (move.debit[0], move.credit[0]))
    if guarded:
        await open_accounts(session, moves, now=now)
    facts = {"transfers": as_transfers(moves), "now": now}
    with refused_below_zero():
        if guarded:
            posted = await session.execute(_POST_GUARDED, facts)
        else:
            posted = await session.execute(_POST, facts | {"accounts": _as_accounts(moves)})
    count: int = posted.scalar_one()
    return count


async def available_fen(session: WriteSession, kind: str, owner: str) -> int:
    """What a guarded account holds and no open hold has promised; 0 for one that was never opened."""
    found: int | None = await session.scalar(_BALANCE, {"account": account_id(kind, owner)})
    return found or 0


async def open_accounts(session: WriteSession, moves: Iterable[Moved], *, now: datetime) -> None:
    """Open the accounts of these moves that did not exist."""
    await session.execute(_OPEN, {"accounts": _as_accounts(moves), "now": now})


def as_transfers(moves: Iterable[Moved]) -> str:
    """Moves as the JSON that statements read."""
    transfers = [
        {
            "id": transfer_id(move.key),
            "kind": move.kind,
            "debit": account_id(*move.debit),
            "credit": account_id(*move.credit),
            "amount_fen": move.amount_fen,
            "reference": move.reference,
            "occurred_on": move.occurred_on,
        }
        for move in moves
    ]
    return msgspec.json.encode(transfers).decode()


def _as_accounts(moves: Iterable[Moved]) -> str:
    names = {name for move in moves for name in (move.debit, move.credit)}
    accounts = [
        {"id": account_id(kind, owner), "kind": kind, "owner": owner, "guarded": kind in GUARDED_KINDS}
        for kind, owner in names
    ]
    return msgspec.json.encode(accounts).decode()


@contextmanager
def refused_below_zero() -> Iterator[None]:
    """The database's refusal in words: raises FundsShort."""
    try:
        yield
    except IntegrityError as refused:
        if "ck_account_never_below_zero" in str(refused.orig):
            raise FundsShort("请减少金额，或先由工会调整预算。") from refused
        raise
