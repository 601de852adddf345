"""A sale whose money its payer disputes is flagged while the dispute is open; with it the flag ends, by itself."""

from datetime import datetime

from sqlalchemy import text

from shop.core.database import WriteSession

_FLAG = text("""
WITH raised AS (
    INSERT INTO flag (id, kind, subject, unit_id, facts, raised_at)
    SELECT gen_random_uuid(), 'dispute_open', 'dispute:' || d.id, o.unit_id, jsonb_build_object('order_id', d.order_id,
        'amount_fen', d.amount_fen, 'currency', d.currency, 'reason', d.reason), :now
    FROM dispute d JOIN shop_order o ON o.id = d.order_id WHERE d.state = 'open'
    ON CONFLICT (kind, subject) DO NOTHING RETURNING id, subject
), lines AS (
    INSERT INTO flag_line (flag_id, order_line_id)
    SELECT r.id, l.id FROM raised r JOIN dispute d ON d.id = split_part(r.subject, ':', 2)::uuid
    JOIN order_line l ON l.order_id = d.order_id
), ended AS (
    INSERT INTO flag_end (flag_id, ended_at)
    SELECT f.id, :now FROM flag f JOIN dispute d ON d.id = split_part(f.subject, ':', 2)::uuid
    WHERE f.kind = 'dispute_open' AND d.state <> 'open'
        AND NOT EXISTS (SELECT FROM flag_end e WHERE e.flag_id = f.id)
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM raised
""")


async def flag_disputes(session: WriteSession, *, now: datetime) -> int:
    """Flag what has come, end what is over; returns how many flags are new. Twice, or at once: one effect."""
    return int(await session.scalar(_FLAG, {"now": now}) or 0)
