"""Whether an order is a union's or a canteen's: two people accept its goods, and then its payers owe."""

from typing import Final

IS_JOINT: Final = "EXISTS (SELECT FROM acceptance_duty duty WHERE duty.order_id = {order})"
"""SQL."""
