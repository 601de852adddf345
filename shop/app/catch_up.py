"""What the release before wrote while it still served, in the words of this one. `shop migrate` asks it each time.

The release before knows nothing of tables that came after it. What it wrote before the migration and what it writes
until its last process has stopped is made up for here: run `shop migrate` once more then. Each statement may run at any
time, beside either release, and again. The next release has its own list: these serve 7d50459.
"""

from typing import Final

from shop.organisation.path import path_on

SHOP: Final = "00000000-0000-0000-0000-000000000000"
# What refunds had put back into the barn: one movement each, by its reference.
REFUND_GOODS: Final = """
INSERT INTO refund_goods (refund_id, stock_sku_id, pieces)
SELECT r.id, m.sku_id, m.pieces FROM refund r JOIN stock_movement m
    ON m.reference = 'refund:' || r.id AND m.kind = 'returned'
ON CONFLICT DO NOTHING
"""
# The company is the top of the unit on the day, as `unit_path` says. What was recorded twice keeps one row.
SENT_TRANSFERS: Final = f"""
INSERT INTO sent_transfer (company_id, day, bank_reference, subject, recorded_by, recorded_at)
SELECT coalesce((SELECT p.unit_id FROM ({path_on("s.unit_id", "s.day")}) p WHERE p.unit_id IS NOT NULL
        ORDER BY p.depth DESC LIMIT 1), '{SHOP}'),
    s.day, s.bank_reference, s.subject, s.recorded_by, s.recorded_at
FROM (
    SELECT coalesce(p.unit_id, o.unit_id) AS unit_id, b.returned_on AS day, b.bank_reference,
        'paid_back:' || b.id AS subject, b.recorded_by, b.recorded_at
    FROM paid_back b JOIN payer_share p ON p.id = b.payer_share_id JOIN shop_order o ON o.id = p.order_id
    UNION ALL
    SELECT o.unit_id, (r.succeeded_at AT TIME ZONE 'Asia/Shanghai')::date, substr(r.provider_refund_id, 6),
        'refund:' || r.id, r.requested_by, r.succeeded_at
    FROM refund r JOIN shop_order o ON o.id = r.order_id
    WHERE r.provider_refund_id LIKE 'bank:%' AND r.requested_by IS NOT NULL AND r.succeeded_at IS NOT NULL
) s ON CONFLICT DO NOTHING
"""  # noqa: S608  # our own constant
CATCH_UP: Final = (REFUND_GOODS, SENT_TRANSFERS)
