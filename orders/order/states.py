"""Which state an order may go to from where. Every change is one guarded UPDATE; this is what the guards say."""

MOVES: dict[str, frozenset[str]] = {
    "placed": frozenset({"confirmed", "cancelled", "expired"}),
    "confirmed": frozenset({"partially_shipped", "shipped", "cancelled", "placed"}),  # placed: what had paid it is gone
    "partially_shipped": frozenset({"shipped"}),
    "shipped": frozenset({"received"}),
    "received": frozenset({"completed"}),
    "expired": frozenset({"confirmed"}),  # paid late, and the goods are still there
    "completed": frozenset(),
    "cancelled": frozenset(),
}

SHARE_STATE = """CASE WHEN {paid} > {due} THEN 'overpaid' WHEN {paid} = {due} THEN 'paid'
        WHEN payment_state = 'overdue' THEN 'overdue' WHEN {paid} > 0 THEN 'partly_paid' ELSE 'unpaid' END"""
"""SQL of a payer share's `payment_state` once it has paid `paid` of `due`: overdue stays so until it is paid whole,
and a share that nothing is due for is paid. Whoever writes `due_fen` or `paid_fen` writes it too.
"""
CANCEL_UNTIL = """(SELECT paid.on_day + (SELECT days FROM cancel_rule WHERE valid_from <= paid.on_day
        ORDER BY valid_from DESC LIMIT 1)
    FROM (SELECT (greatest(max(at), (SELECT max(greatest(created_at, succeeded_at)) FROM payment
            WHERE order_id = {order} AND state = 'succeeded')) AT TIME ZONE 'Asia/Shanghai')::date AS on_day
        FROM order_event
        WHERE order_id = {order} AND state = 'confirmed' HAVING count(*) > 0) paid)"""
"""SQL of the last business day on which a buyer cancels what he paid, counted from when the shop knew of his payment,
or, where it was unpaid again, from when he paid the new one; NULL while nothing is paid.
"""
IS_JOINT = "EXISTS (SELECT FROM acceptance_duty duty WHERE duty.order_id = {order})"
"""SQL of whether an order is a union's or a canteen's: two people accept its goods, and then its payers owe."""
GOODS_LEFT = frozenset({"partially_shipped", "shipped", "received", "completed"})


def before(state: str) -> tuple[str, ...]:
    """The states from which `state` may be reached, for `WHERE state = ANY(…)`."""
    return tuple(sorted(here for here, there in MOVES.items() if state in there))
