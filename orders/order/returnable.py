"""How much of what a payer's transfers brought may go back to him: one expression for the bank desk, the payments desk
and the nightly balance.
"""

from typing import Final


def _stands(kind: str, more: str, less: str) -> str:
    """The balance of the share's account of that kind: what `more` names the account of, less what `less` does."""
    return f"""SELECT coalesce(sum(CASE WHEN t.{more}_account_id = a.id THEN t.amount_fen END), 0)
    - coalesce(sum(CASE WHEN t.{less}_account_id = a.id THEN t.amount_fen END), 0) AS fen
    FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
    WHERE a.kind = '{kind}' AND a.owner = s.id::text"""  # noqa: S608  # our own constants


NOTHING_WANTED: Final = """(o.state IN ('cancelled', 'expired') OR (s.payer_kind = 'person'
    AND o.payment_state = 'paid'))"""
"""Of a share `s` of an order `o`: the order is over, or a person's was paid. What still stands is his."""
RETURNABLE: Final = f"""SELECT greatest(0, least(advance.fen, CASE WHEN {NOTHING_WANTED} THEN advance.fen
    ELSE s.paid_fen - s.due_fen END))::bigint AS fen FROM ({_stands("advance", "credit", "debit")}) advance"""  # noqa: S608
"""One row (fen), for LATERAL beside a share `s` and its order `o`. What an order still wants stays; of one that is
over, or was paid another way, all that stands as the share's advance may go.
"""
OVERPAID: Final = "(s.paid_fen > 0 AND (s.paid_fen <> s.due_fen OR o.state IN ('cancelled', 'expired')))"
"""Without it nothing is returnable, and it is cheap to ask: a share paid to the fen, of an order that lives, has none.
"""
OWED: Final = _stands("receivable", "debit", "credit")
"""One row (fen), as above: what the share owes for goods that were accepted, or for what it got back unpaid."""
