"""What payers owe for what was accepted, and what they have paid already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.funds.post import Moved, account_id, post
from shop.core.database import WriteSession

PAY_WITHIN = timedelta(days=30)
"""Where neither contract nor terms named a last day: the month that public buyers are given after acceptance."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Fen of one supplier's goods or freight that a payer owes from an acceptance on."""

    acceptance_id: UUID
    payer_share_id: UUID
    supplier_id: UUID
    fen: int


_BALANCES = text("""
SELECT a.id, coalesce(sum(CASE WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END), 0)::bigint
    AS fen
FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
WHERE a.id = ANY(:accounts) GROUP BY a.id
""").bindparams(bindparam("accounts", type_=ARRAY(Uuid)))


async def owe(
    session: WriteSession, owed: Sequence[Owed], *, occurred_on: date, now: datetime, reference: UUID | None = None
) -> None:
    """Receivable against the suppliers' claims; what the payer had paid in advance is applied at once.

    reference: what the transfers refer to, where it is not the acceptance itself.
    """
    sums: dict[tuple[UUID, UUID, UUID], int] = {}
    latest: dict[UUID, UUID] = {}
    for one in owed:
        key = (one.acceptance_id, one.payer_share_id, one.supplier_id)
        sums[key] = sums.get(key, 0) + one.fen
        latest[one.payer_share_id] = one.acceptance_id
    moves = [
        Moved(
            key=f"accepted:{acceptance_id}:{share_id}:{supplier_id}",
            kind="sale",
            debit=("receivable", str(share_id)),
            credit=("claim", str(supplier_id)),
            amount_fen=fen,
            reference=reference or acceptance_id,
            occurred_on=occurred_on,
        )
        for (acceptance_id, share_id, supplier_id), fen in sums.items()
        if fen
    ]
    await post(session, moves, now=now)
    balance_of = await balances(session, list(latest))
    applied = [
        Moved(
            key=f"advance_applied:{latest[share_id]}:{share_id}",
            kind="advance_applied",
            debit=("advance", str(share_id)),
            credit=("receivable", str(share_id)),
            amount_fen=fen,
            reference=reference or latest[share_id],
            occurred_on=occurred_on,
        )
        for share_id, (receivable, advance) in balance_of.items()
        if (fen := min(receivable, advance)) > 0
    ]
    await post(session, applied, now=now)


async def balances(session: WriteSession, share_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Per share: fen still owed for what was accepted, and fen paid for nothing yet. The caller locked the shares."""
    accounts = {
        account_id(kind, str(share_id)): (share_id, kind)
        for share_id in share_ids
        for kind in ("receivable", "advance")
    }
    found = {row.id: row.fen for row in await session.execute(_BALANCES, {"accounts": list(accounts)})}
    return {
        share_id: (
            found.get(account_id("receivable", str(share_id)), 0),
            -found.get(account_id("advance", str(share_id)), 0),
        )
        for share_id in share_ids
    }
