"""What waits for people: one statement a kind, the same for the desk, its verbs and the nightly balance.

Each gives rows (subject, what, id, payment_id, order_id, amount_fen, currency, expected_fen, why, since, due_at,
on_its_way, by_bank, unit_id): `subject` is `payment:…`, `share:…`, `dispute:…`, `refund:…` or `provider_refund:…`,
`why` a code, `unit_id` whose it is where that is not the order's unit. What is not in them any more needs nobody.
"""

from collections.abc import Mapping
from typing import Final

from orders.order.returnable import OVERPAID, RETURNABLE

_SETTLED = """EXISTS (SELECT FROM desk_decision s WHERE s.subject = {subject} AND s.state = 'decided'
        AND s.action = 'settle_otherwise')"""
_NO_UNIT: Final = "CAST(NULL AS uuid)"
_HELD: Final = f"""
SELECT 'payment:' || p.id AS subject, 'held' AS what, p.id::text AS id, p.id AS payment_id, p.order_id,
    p.received_fen - gone.fen AS amount_fen, p.received_currency AS currency,
    p.amount_fen - coalesce(t.amount_fen, 0) AS expected_fen, p.held_reason AS why, p.succeeded_at AS since,
    CAST(NULL AS timestamptz) AS due_at, gone.on_its_way, false AS by_bank, {_NO_UNIT} AS unit_id
FROM payment p
LEFT JOIN tender t ON t.payment_id = p.id AND t.kind = 'allowance',
LATERAL (SELECT coalesce(sum(r.amount_fen) FILTER (WHERE r.state = 'succeeded'), 0)::bigint AS fen,
    coalesce(bool_or(r.state IN ('requested', 'submitted')), false) AS on_its_way
    FROM refund r WHERE r.payment_id = p.id) gone
WHERE p.state = 'held' AND p.method <> 'bank_transfer' AND p.received_fen > gone.fen
    AND NOT EXISTS (SELECT FROM kept_advance k WHERE k.payment_id = p.id)
"""  # noqa: S608  # composed of our own constants
# What came by bank stands with its payer share until the bank desk has paid it back: too much, for an order that is
# over, or for one that was paid another way.
_HELD_BY_BANK: Final = f"""
SELECT coalesce('payment:' || p.id, 'share:' || s.id), 'held', coalesce(p.id, s.id)::text, p.id, s.order_id, back.fen,
    'cny', p.amount_fen - coalesce(t.amount_fen, 0), coalesce(p.held_reason, CASE
        WHEN o.state IN ('cancelled', 'expired') THEN 'order_over' WHEN s.paid_fen > s.due_fen THEN 'overpaid'
        ELSE 'paid_twice' END),
    coalesce(greatest((SELECT max(m.matched_at) FROM transfer_match m WHERE m.payer_share_id = s.id),
        (SELECT max(e.at) FROM order_event e WHERE e.order_id = o.id AND e.state IN ('cancelled', 'expired')
            AND e.state = o.state),
        (SELECT max(y.succeeded_at) FROM payment y WHERE y.order_id = o.id AND y.state = 'succeeded'),
        (SELECT max(c.decided_at) FROM came_back c JOIN paid_back b ON b.id = c.paid_back_id
            WHERE b.payer_share_id = s.id AND c.state = 'confirmed')), s.created_at),
    CAST(NULL AS timestamptz), false, true, s.unit_id
FROM payer_share s JOIN shop_order o ON o.id = s.order_id
LEFT JOIN LATERAL (SELECT h.* FROM payment h WHERE h.order_id = s.order_id AND s.payer_kind = 'person'
    AND h.method = 'bank_transfer' AND h.state = 'held' ORDER BY h.created_at DESC LIMIT 1) p ON true
LEFT JOIN tender t ON t.payment_id = p.id AND t.kind = 'allowance',
LATERAL ({RETURNABLE}) back
WHERE {OVERPAID} AND back.fen > 0
"""  # noqa: S608  # as above
_ADVANCES: Final = f"""
SELECT 'payment:' || p.id, 'advance', p.id::text, p.id, p.order_id, k.left_fen, p.received_currency,
    CAST(NULL AS bigint), p.held_reason, k.kept_at, CAST(NULL AS timestamptz), false, false, {_NO_UNIT}
FROM kept_advance k JOIN payment p ON p.id = k.payment_id WHERE k.left_fen > 0
"""  # noqa: S608  # as above
# Open ones, and lost ones that took more than what was left anywhere.
_DISPUTES: Final = f"""
SELECT 'dispute:' || d.id, CASE WHEN d.state = 'open' THEN 'dispute' ELSE 'dispute_short' END, d.id::text, d.payment_id,
    d.order_id, CASE WHEN d.state = 'open' THEN d.amount_fen ELSE d.amount_fen - taken.fen END, d.currency,
    CAST(NULL AS bigint), d.reason, d.opened_at, d.evidence_due_at, false, false, {_NO_UNIT}
FROM dispute d, LATERAL (SELECT coalesce(sum(r.amount_fen), 0)::bigint AS fen FROM refund r
    WHERE r.dispute_id = d.id AND r.state = 'succeeded') taken
WHERE d.state = 'open' OR (d.state = 'lost' AND NOT d.reinstated AND d.amount_fen > taken.fen
    AND NOT {_SETTLED.format(subject="'dispute:' || d.id")})
"""  # noqa: S608  # as above
# Money that was never credited waits as a held payment again. A dispute that was won is a good end, unless its order
# was cancelled for it: then the buyer has neither goods nor money. Where all that own money paid has gone back another
# way, or to a dispute that was lost since, nobody is owed anything.
_REFUNDS: Final = f"""
SELECT 'refund:' || r.id, CASE WHEN r.succeeded_at IS NULL THEN 'refund_failed' ELSE 'refund_undone' END, r.id::text,
    r.payment_id, r.order_id, r.amount_fen, r.currency, CAST(NULL AS bigint), coalesce(r.failure, 'failed'),
    coalesce(r.failed_at, r.requested_at), CAST(NULL AS timestamptz), false, p.method = 'bank_transfer',
    {_NO_UNIT}
FROM refund r JOIN payment p ON p.id = r.payment_id AND p.state = 'succeeded' JOIN shop_order o ON o.id = r.order_id
WHERE r.state = 'failed' AND NOT EXISTS (SELECT FROM refund n WHERE n.retries_id = r.id)
    AND (r.dispute_id IS NULL OR (o.state = 'cancelled' AND NOT EXISTS (
        SELECT FROM refund n WHERE n.dispute_id = r.dispute_id AND (n.requested_at, n.id) > (r.requested_at, r.id))))
    AND (EXISTS (SELECT FROM share_component c JOIN line_share s ON s.id = c.share_id
            WHERE c.order_id = r.order_id AND s.payer_kind <> 'allowance' AND c.net_fen > c.refunded_fen)
        OR EXISTS (SELECT FROM parcel f WHERE f.order_id = r.order_id AND f.freight_fen > f.refunded_freight_fen))
    AND NOT {_SETTLED.format(subject="'refund:' || r.id")}
"""  # noqa: S608  # as above
# No provider sends these: somebody makes a bank transfer, and records it at the bank desk.
_TO_SEND: Final = f"""
SELECT 'refund:' || r.id, 'bank_refund', r.id::text, r.payment_id, r.order_id, r.amount_fen - r.allowance_fen,
    r.currency, CAST(NULL AS bigint), 'to_send', r.requested_at, CAST(NULL AS timestamptz), false, true, {_NO_UNIT}
FROM refund r JOIN payment p ON p.id = r.payment_id AND p.method = 'bank_transfer'
WHERE r.state = 'requested' AND r.amount_fen > r.allowance_fen
"""  # noqa: S608  # as above
_FOREIGN: Final = f"""
SELECT 'provider_refund:' || f.provider_refund_id, 'provider_refund', f.provider_refund_id, f.payment_id, f.order_id,
    f.amount_fen, f.currency, CAST(NULL AS bigint), f.state, f.made_at, CAST(NULL AS timestamptz), false, false,
    {_NO_UNIT}
FROM provider_refund f WHERE f.refund_id IS NULL AND f.state <> 'failed'
    AND NOT {_SETTLED.format(subject="'provider_refund:' || f.provider_refund_id")}
"""  # noqa: S608  # as above

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "held": ("held",),
    "advance": ("advance",),
    "dispute": ("dispute", "dispute_short"),
    "refund": ("refund_failed", "refund_undone", "bank_refund"),
    "provider_refund": ("provider_refund",),
}
"""Lists of the desk, and what is in each."""
_ALL: Final = (_HELD, _HELD_BY_BANK, _ADVANCES, _DISPUTES, _REFUNDS, _TO_SEND, _FOREIGN)
WAITING: Final = " UNION ALL ".join(_ALL)
"""All of it; the column names are those of the first."""
WAITING_BY_INDEX: Final = " UNION ALL ".join(one for one in _ALL if one is not _HELD_BY_BANK)
"""Without what came by bank, which takes a look at every share: cheap enough to be asked several times a minute."""
