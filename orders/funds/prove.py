"""Does every stored balance follow from its transfers? Asked every night, and by whoever does not believe it."""

from dataclasses import dataclass

from sqlalchemy import text

from shop.core.database import ReadSession

_PROVE = text("""
WITH sides AS (
    SELECT debit_account_id AS account_id, amount_fen AS fen FROM transfer
    UNION ALL SELECT credit_account_id, -amount_fen FROM transfer
), sums AS (
    SELECT account_id, sum(fen)::bigint AS fen FROM sides GROUP BY account_id
), promised AS (
    SELECT credit_account_id AS account_id, sum(amount_fen)::bigint AS fen FROM held_transfer WHERE state = 'held'
    GROUP BY 1
), wrong AS (
    SELECT a.kind || ':' || a.owner || ' stores ' || a.balance_fen || ', its transfers say ' || coalesce(s.fen, 0)
        AS said, a.kind || ':' || a.owner AS subject, (a.balance_fen - coalesce(s.fen, 0))::bigint AS fen
    FROM account a LEFT JOIN sums s ON s.account_id = a.id
    WHERE a.balance_fen IS NOT NULL AND a.balance_fen <> coalesce(s.fen, 0)
    UNION ALL
    SELECT a.kind || ':' || a.owner || ' stores ' || a.held_fen || ' held, its open holds say ' || coalesce(p.fen, 0),
        a.kind || ':' || a.owner || '/held', (a.held_fen - coalesce(p.fen, 0))::bigint
    FROM account a LEFT JOIN promised p ON p.account_id = a.id
    WHERE a.held_fen IS NOT NULL AND a.held_fen <> coalesce(p.fen, 0)
    UNION ALL
    SELECT 'hold ' || h.id || ' is ' || h.state || ', but its transfer is ' ||
        CASE WHEN t.id IS NULL THEN 'missing' ELSE 'there or another one' END,
        'hold:' || h.id, h.amount_fen - coalesce(t.amount_fen, 0)
    FROM held_transfer h LEFT JOIN transfer t ON t.id = h.id
    WHERE (h.state = 'posted') <> (t.id IS NOT NULL) OR h.state = 'posted' AND (t.debit_account_id,
        t.credit_account_id, t.amount_fen) <> (h.debit_account_id, h.credit_account_id, h.amount_fen)
    UNION ALL
    SELECT 'the trial balance is ' || sum(s.fen), 'trial_balance', sum(s.fen)::bigint
    FROM sums s JOIN account a ON a.id = s.account_id
    HAVING sum(s.fen) <> 0
)
SELECT (SELECT count(*) FROM account) AS accounts, (SELECT count(*) FROM transfer) AS transfers,
    (SELECT coalesce(array_agg(said ORDER BY said), '{}') FROM wrong) AS wrong,
    (SELECT coalesce(array_agg(subject ORDER BY said), '{}') FROM wrong) AS subjects,
    (SELECT coalesce(array_agg(fen ORDER BY said), '{}') FROM wrong) AS fen
""")


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and each thing that is wrong in a sentence; none when it holds.

    apart: subject and fen of each of these, in their order.
    """

    accounts: int
    transfers: int
    wrong: tuple[str, ...]
    apart: tuple[tuple[str, int], ...] = ()

    @property
    def holds(self) -> bool:
        return not self.wrong


async def prove(session: ReadSession) -> Proof:
    """Stored balances = sums of transfers, held = open holds, posted holds have their transfer, trial balance zero.

    One statement, so it speaks of one moment, whatever is moved meanwhile.
    """
    row = (await session.execute(_PROVE)).one()
    return Proof(row.accounts, row.transfers, tuple(row.wrong), tuple(zip(row.subjects, row.fen, strict=True)))
