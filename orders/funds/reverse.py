"""What moved for one cause moves back, each transfer once: nothing is one-way."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from orders.funds.models import GUARDED_KINDS
from orders.funds.post import Moved, post
from shop.core.database import WriteSession

_MOVED = text("""
SELECT t.id, t.amount_fen, t.reference, d.kind AS debit_kind, d.owner AS debit_owner, c.kind AS credit_kind,
    c.owner AS credit_owner
FROM transfer t JOIN account d ON d.id = t.debit_account_id JOIN account c ON c.id = t.credit_account_id
WHERE t.reference = :reference AND t.kind <> 'undone' ORDER BY t.id
""")


async def reverse(session: WriteSession, *, reference: UUID, day: date, now: datetime) -> int:
    """Post the reverse of every transfer of this cause, of kind `undone`; returns how many were new.

    Guarded accounts (budgets, allowances) are left to their own verbs: what is not there cannot be taken. The key of
    each is the transfer that it takes back, so a second call moves nothing.
    """
    rows = await session.execute(_MOVED, {"reference": reference})
    moves = [
        Moved(
            key=f"undone:{row.id}",
            kind="undone",
            debit=(row.credit_kind, row.credit_owner),
            credit=(row.debit_kind, row.debit_owner),
            amount_fen=row.amount_fen,
            reference=row.reference,
            occurred_on=day,
        )
        for row in rows
        if not {row.debit_kind, row.credit_kind} & set(GUARDED_KINDS)
    ]
    return await post(session, moves, now=now)
