"""A sale whose money its payer disputes is flagged while the dispute is open; with it the flag ends, by itself.

What is flagged are the lines that the disputed money pays: those of the order that it settled, or, of money that was
kept, of the orders that it was matched to, also while the dispute is open. Money that pays nothing yet flags nothing.
"""

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
), open_disputes AS (
    SELECT id, subject FROM raised
    UNION ALL SELECT f.id, f.subject FROM flag f WHERE f.kind = 'dispute_open'
        AND NOT EXISTS (SELECT FROM flag_end e WHERE e.flag_id = f.id)
        AND NOT EXISTS (SELECT FROM flag_decision s WHERE s.flag_id = f.id)
), lines AS (
    INSERT INTO flag_line (flag_id, order_line_id)
    SELECT s.id, l.id FROM open_disputes s
    JOIN dispute d ON d.id = split_part(s.subject, ':', 2)::uuid AND d.state = 'open'
    JOIN payment p ON d.payment_id IN (p.id, p.advance_of_id) AND p.state = 'succeeded'
    JOIN order_line l ON l.order_id = p.order_id
    ON CONFLICT DO NOTHING
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
