"""Until when a buyer cancels by himself what he paid."""

from typing import Final

CANCEL_UNTIL: Final = """(SELECT paid.on_day + (SELECT days FROM cancel_rule WHERE valid_from <= paid.on_day
        ORDER BY valid_from DESC LIMIT 1)
    FROM (SELECT (greatest(max(at), (SELECT max(greatest(created_at, succeeded_at)) FROM payment
            WHERE order_id = {order} AND state = 'succeeded')) AT TIME ZONE 'Asia/Shanghai')::date AS on_day
        FROM order_event
        WHERE order_id = {order} AND state = 'confirmed' HAVING count(*) > 0) paid)"""
"""SQL of the last business day on which a buyer cancels what he paid, counted from when the shop knew of his payment,
or, where it was unpaid again, from when he paid the new one; NULL while nothing is paid.
"""
