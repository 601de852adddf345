"""What an auditor asks of a database after a bad day. Each question must find no row."""

from typing import Final

from sqlalchemy import text

from shop.core.database import Database

# `state`, `payment_state` and holds of an order go together in one of these ways only.
_STANDING: Final = """
VALUES ('placed', 'unpaid', 'held'), ('placed', 'pending', 'held'), ('confirmed', 'paid', 'committed'),
    ('expired', 'unpaid', 'released'), ('expired', 'pending', 'released'),
    ('cancelled', 'unpaid', 'released'), ('cancelled', 'pending', 'released'), ('cancelled', 'paid', 'committed')
"""
QUESTIONS: Final = {
    "what is on hand is the sum of the movements": """
        SELECT sku_id FROM stock_item i WHERE on_hand_pieces <>
            (SELECT coalesce(sum(pieces), 0) FROM stock_movement m WHERE m.sku_id = i.sku_id)
    """,
    "what is held is the sum of open holds": """
        SELECT sku_id FROM stock_item i WHERE held_pieces <>
            (SELECT coalesce(sum(pieces), 0) FROM stock_hold h WHERE h.sku_id = i.sku_id AND state = 'held')
    """,
    "what was sold left the barn once": """
        SELECT order_id, sku_id FROM stock_hold h WHERE (state = 'committed') <>
            (SELECT coalesce(sum(-pieces), 0) = h.pieces FROM stock_movement m
             WHERE m.reference = 'order:' || h.order_id AND m.sku_id = h.sku_id AND m.kind = 'sold')
    """,
    "an order is in exactly one state": f"""
        SELECT o.id, o.state, o.payment_state, array_agg(h.state)
        FROM shop_order o JOIN stock_hold h ON h.order_id = o.id
        WHERE (o.state, o.payment_state, h.state) NOT IN ({_STANDING}) GROUP BY o.id
    """,
    "paid means one payment that succeeded": """
        SELECT o.id FROM shop_order o WHERE (o.payment_state = 'paid') <>
            ((SELECT count(*) FROM payment p WHERE p.order_id = o.id AND p.state = 'succeeded') = 1)
    """,
    "every component of a settled payment was credited once, with its amount": """
        SELECT c.id FROM payment p JOIN share_component c ON c.order_id = p.order_id
        LEFT JOIN credit_entry e ON e.component_id = c.id AND e.kind = 'sale' AND e.cause_id = p.id
        WHERE p.state = 'succeeded'
        GROUP BY c.id HAVING count(e.id) <> 1 OR sum(e.amount_fen) <> c.net_fen OR sum(e.grams) <> c.grams
    """,
    "every part of a refund that succeeded was taken back once": """
        SELECT r.id, q.component_id FROM refund r JOIN refund_part q ON q.refund_id = r.id
        LEFT JOIN credit_entry e ON e.component_id = q.component_id AND e.kind = 'refund' AND e.cause_id = r.id
        WHERE r.state = 'succeeded'
        GROUP BY r.id, q.component_id, q.fen HAVING count(e.id) <> 1 OR sum(e.amount_fen) <> -q.fen
    """,
    "nothing else was credited": """
        SELECT e.id FROM credit_entry e
        WHERE NOT EXISTS (SELECT FROM payment p WHERE p.id = e.cause_id AND p.state = 'succeeded' AND e.kind = 'sale')
          AND NOT EXISTS (SELECT FROM refund r WHERE r.id = e.cause_id AND r.state = 'succeeded' AND e.kind = 'refund')
          AND NOT EXISTS (SELECT FROM refund r WHERE r.id = e.cause_id AND r.state = 'failed'
            AND r.succeeded_at IS NOT NULL AND e.kind IN ('refund', 'refund_undone'))
    """,
    "what a refund that failed after it had succeeded took stands again, to the fen": """
        SELECT r.id FROM refund r JOIN credit_entry e ON e.cause_id = r.id WHERE r.state = 'failed'
        GROUP BY r.id HAVING sum(e.amount_fen) <> 0 OR sum(e.grams) <> 0 OR sum(e.quantity_milli) <> 0
    """,
    "goods and freight are what suppliers may claim": """
        SELECT sold.fen, claimed.fen FROM
            (SELECT (SELECT coalesce(sum(amount_fen), 0) FROM credit_entry)
                + (SELECT coalesce(sum(p.freight_fen), 0) FROM parcel p JOIN payment y USING (order_id)
                   WHERE y.state = 'succeeded')
                - (SELECT coalesce(sum(f.fen), 0) FROM refund_freight f JOIN refund r ON r.id = f.refund_id
                   WHERE r.state = 'succeeded') AS fen) sold,
            (SELECT coalesce(sum(CASE WHEN a.id = t.credit_account_id THEN amount_fen ELSE -amount_fen END), 0) AS fen
             FROM transfer t JOIN account a ON a.id IN (t.credit_account_id, t.debit_account_id)
             WHERE a.kind = 'claim') claimed
        WHERE sold.fen <> claimed.fen
    """,
    "what the provider holds is on the clearing account": """
        SELECT provider.fen, clearing.fen FROM
            (SELECT (SELECT coalesce(sum(received_fen), 0) FROM payment
                     WHERE state IN ('succeeded', 'held') AND received_currency = 'cny' AND method <> 'advance')
                + (SELECT coalesce(sum(t.amount_fen), 0) FROM payment p JOIN tender t ON t.payment_id = p.id
                   WHERE p.state = 'succeeded' AND t.kind = 'allowance')
                - (SELECT coalesce(sum(amount_fen), 0) FROM refund WHERE state = 'succeeded') AS fen) provider,
            (SELECT coalesce(sum(CASE WHEN a.id = t.debit_account_id THEN amount_fen ELSE -amount_fen END), 0) AS fen
             FROM transfer t JOIN account a ON a.id IN (t.credit_account_id, t.debit_account_id)
             WHERE a.kind = 'clearing') clearing
        WHERE provider.fen <> clearing.fen
    """,
    "rollup and deltas are the entries": """
        SELECT entries.fen, summed.fen FROM (SELECT coalesce(sum(amount_fen), 0) AS fen FROM credit_entry) entries,
            (SELECT (SELECT coalesce(sum(sale_fen + refund_fen), 0) FROM credit_rollup)
                + (SELECT coalesce(sum(sale_fen + refund_fen), 0) FROM credit_delta) AS fen) summed
        WHERE entries.fen <> summed.fen
    """,
    "money that came is somewhere: settled, or an advance": """
        SELECT p.id, p.held_reason FROM payment p WHERE p.state = 'held' AND p.received_currency = 'cny'
          AND NOT EXISTS (SELECT FROM transfer t WHERE t.reference = p.id AND t.kind = 'advance')
    """,
    "nobody waited in a ring": """
        SELECT deadlocks FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0
    """,
}


async def audited(database: Database) -> None:
    """Ask every question, of one moment."""
    async with database.snapshot() as session:
        found = {name: (await session.execute(text(asked))).all() for name, asked in QUESTIONS.items()}
    wrong = {name: rows[:5] for name, rows in found.items() if rows}
    assert not wrong, "\n".join(f"not so: {name}\n    {rows}" for name, rows in wrong.items())
