"""What the release before wrote while it still served, in the words of this one. `shop migrate` asks it each time.

The release before knows nothing of tables that came after it. What it wrote before the migration and what it writes
until its last process has stopped is made up for here: run `shop migrate` once more then. Each statement may run at any
time, beside either release, and again. The next release has its own list: these serve 7d50459.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from sqlalchemy import Connection

from orders.aftersales.catch_up import catch_up_goods, catch_up_sent

PAY_BACKS: Final = """
SELECT coalesce(p.unit_id, o.unit_id) AS unit_id, b.returned_on AS day, b.bank_reference,
    'paid_back:' || b.id AS subject, b.recorded_by, b.recorded_at
FROM paid_back b JOIN payer_share p ON p.id = b.payer_share_id JOIN shop_order o ON o.id = p.order_id
"""
CATCH_UP: Final[tuple[Callable[[Connection], None], ...]] = (
    catch_up_goods,
    partial(catch_up_sent, pay_backs=PAY_BACKS),
)
