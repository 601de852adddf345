"""Promise money now, move it later or not at all: hold, then post or void."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.funds.post import Moved, as_transfers, open_accounts, refused_below_zero, transfer_id
from shop.core.database import WriteSession
from shop.core.errors import Problem


class HoldClosed(Problem):
    """It was voided and cannot be posted, or posted and cannot be voided, or was never there."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "hold_closed"
    title: ClassVar[str] = "这笔预留已经结束"


_IDS = bindparam("ids", type_=ARRAY(Uuid))

# Accounts are locked before anything is written, in order of their ids, as `post` does.
_HOLD = text("""
WITH requested AS (
    SELECT * FROM jsonb_to_recordset(CAST(:transfers AS jsonb)) AS r(
        id uuid, kind text, debit uuid, credit uuid, amount_fen bigint, reference uuid)
), locked AS MATERIALIZED (
    SELECT id FROM account WHERE id IN (SELECT credit FROM requested) AND balance_fen IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE
), held AS (
    INSERT INTO held_transfer (id, kind, debit_account_id, credit_account_id, amount_fen, reference, state, held_at)
    SELECT r.id, r.kind, r.debit, r.credit, r.amount_fen, r.reference, 'held', :now
    FROM requested r WHERE (SELECT count(*) FROM locked) >= 0
    ORDER BY r.id
    ON CONFLICT (id) DO NOTHING
    RETURNING credit_account_id, amount_fen
), changed AS (
    SELECT credit_account_id AS account_id, sum(amount_fen)::bigint AS fen FROM held GROUP BY 1
), stored AS (
    UPDATE account a SET held_fen = a.held_fen + c.fen
    FROM changed c JOIN locked l ON l.id = c.account_id WHERE a.id = c.account_id
)
SELECT count(*) FROM held
""")
_LOCKED = """
WITH locked AS MATERIALIZED (
    SELECT a.id FROM account a
    WHERE a.balance_fen IS NOT NULL AND a.id IN (
        SELECT debit_account_id FROM held_transfer WHERE id = ANY(:ids)
        UNION SELECT credit_account_id FROM held_transfer WHERE id = ANY(:ids))
    ORDER BY a.id FOR NO KEY UPDATE
), closed AS (
    UPDATE held_transfer SET state = :state, closed_at = :now
    WHERE id = ANY(:ids) AND state = 'held' AND (SELECT count(*) FROM locked) >= 0
    RETURNING id, kind, debit_account_id, credit_account_id, amount_fen, reference
)
"""
_POST_HELD = text(f"""
{_LOCKED}, posted AS (
    INSERT INTO transfer (
        id, kind, debit_account_id, credit_account_id, amount_fen, reference, occurred_on, recorded_at)
    SELECT id, kind, debit_account_id, credit_account_id, amount_fen, reference, :day, :now FROM closed ORDER BY id
), changed AS (
    SELECT account_id, sum(fen)::bigint AS fen, sum(held)::bigint AS held FROM (
        SELECT debit_account_id AS account_id, amount_fen AS fen, 0 AS held FROM closed
        UNION ALL SELECT credit_account_id, -amount_fen, amount_fen FROM closed) both_sides
    GROUP BY account_id
), stored AS (
    UPDATE account a SET balance_fen = a.balance_fen + c.fen, held_fen = a.held_fen - c.held
    FROM changed c JOIN locked l ON l.id = c.account_id WHERE a.id = c.account_id
)
SELECT count(*) FROM closed
""").bindparams(_IDS)  # noqa: S608  # composed of our own constants
_VOID_HELD = text(f"""
{_LOCKED}, changed AS (
    SELECT credit_account_id AS account_id, sum(amount_fen)::bigint AS fen FROM closed GROUP BY 1
), stored AS (
    UPDATE account a SET held_fen = a.held_fen - c.fen
    FROM changed c JOIN locked l ON l.id = c.account_id WHERE a.id = c.account_id
)
SELECT count(*) FROM closed
""").bindparams(_IDS)  # noqa: S608  # as above
_OTHERWISE = text("SELECT count(*) FROM held_transfer WHERE id = ANY(:ids) AND state = :state").bindparams(_IDS)


async def hold(session: WriteSession, moves: Sequence[Moved], *, now: datetime) -> int:
    """Promise these moves: what a guarded account gives is spoken for, and not yet gone. Returns how many were new.

    A key that was held before is success. Raises FundsShort; the transaction can then only be rolled back.
    """
    if not moves:
        return 0
    await open_accounts(session, moves, now=now)
    with refused_below_zero():
        held = await session.execute(_HOLD, {"transfers": as_transfers(moves), "now": now})
    count: int = held.scalar_one()
    return count


async def post_held(session: WriteSession, keys: Collection[str], *, day: date, now: datetime) -> int:
    """Let promised moves happen on a business day; returns how many had been open. Posted before is success.

    Raises HoldClosed when one of them was voided or never held.
    """
    return await _close(session, keys, "posted", {"day": day, "now": now})


async def void_held(session: WriteSession, keys: Collection[str], *, now: datetime) -> int:
    """Forget promised moves; returns how many had been open. Voided before is success. Raises HoldClosed."""
    return await _close(session, keys, "voided", {"now": now})


async def _close(session: WriteSession, keys: Collection[str], state: str, facts: dict[str, object]) -> int:
    if not keys:
        return 0
    ids = [transfer_id(key) for key in sorted(set(keys))]
    statement = _POST_HELD if state == "posted" else _VOID_HELD
    with refused_below_zero():
        closed: int = (await session.execute(statement, facts | {"ids": ids, "state": state})).scalar_one()
    if closed < len(ids) and await session.scalar(_OTHERWISE, {"ids": ids, "state": state}) < len(ids):
        raise HoldClosed("请重新操作一次；如果仍然出现，请联系管理员。")
    return closed
