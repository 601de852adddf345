"""What the release before wrote without tables that came after it, for `shop/app/catch_up.py`; safe at any time."""

from typing import Final

from sqlalchemy import Connection

from orders.month.models import SHOP
from shop.organisation.path import path_on

_GOODS: Final = """
INSERT INTO refund_goods (refund_id, stock_sku_id, pieces)
SELECT r.id, m.sku_id, m.pieces FROM refund r JOIN stock_movement m
    ON m.reference = 'refund:' || r.id AND m.kind = 'returned'
ON CONFLICT DO NOTHING
"""
# The company is the top of the unit on the day, as `unit_path` says. What was recorded twice keeps one row.
_SENT: Final = """
INSERT INTO sent_transfer (company_id, day, bank_reference, subject, recorded_by, recorded_at)
SELECT coalesce((SELECT p.unit_id FROM ({path}) p WHERE p.unit_id IS NOT NULL
        ORDER BY p.depth DESC LIMIT 1), '{shop}'),
    s.day, s.bank_reference, s.subject, s.recorded_by, s.recorded_at
FROM (
    {pay_backs}
    UNION ALL
    SELECT o.unit_id, (r.succeeded_at AT TIME ZONE 'Asia/Shanghai')::date, substr(r.provider_refund_id, 6),
        'refund:' || r.id, r.requested_by, r.succeeded_at
    FROM refund r JOIN shop_order o ON o.id = r.order_id
    WHERE r.provider_refund_id LIKE 'bank:%' AND r.requested_by IS NOT NULL AND r.succeeded_at IS NOT NULL
) s ON CONFLICT DO NOTHING
"""


def catch_up_goods(connection: Connection) -> None:
    """What refunds had put back into the barn: one movement each, by its reference."""
    connection.exec_driver_sql(_GOODS)


def catch_up_sent(connection: Connection, pay_backs: str) -> None:
    """Bank transfers of ours that gave money back: refunds with the bank's number, and what else did.

    pay_backs: SQL of rows (unit_id, day, bank_reference, subject, recorded_by, recorded_at).
    """
    path = path_on("s.unit_id", "s.day")
    connection.exec_driver_sql(_SENT.format(path=path, shop=SHOP, pay_backs=pay_backs))
