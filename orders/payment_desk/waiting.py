"""What waits for people: one statement a kind, the same for the desk, its verbs and the nightly balance.

Each gives rows (subject, what, id, payment_id, order_id, amount_fen, currency, expected_fen, why, since, due_at,
on_its_way, by_bank): `subject` is `payment:…`, `dispute:…`, `refund:…` or `provider_refund:…`, `why` a code. What is
not in them any more needs nobody.
"""

from collections.abc import Mapping
from typing import Final

_SETTLED = """EXISTS (SELECT FROM desk_decision s WHERE s.subject = {subject} AND s.state = 'decided'
        AND s.action = 'settle_otherwise')"""
# What came by bank stands with its payer share until the bank desk has paid it back.
_HELD: Final = """
SELECT 'payment:' || p.id AS subject, 'held' AS what, p.id::text AS id, p.id AS payment_id, p.order_id,
    CASE WHEN p.method = 'bank_transfer' THEN coalesce(y.paid_fen, 0) ELSE p.received_fen - gone.fen END AS amount_fen,
    p.received_currency AS currency, p.amount_fen - coalesce(t.amount_fen, 0) AS expected_fen, p.held_reason AS why,
    p.succeeded_at AS since, CAST(NULL AS timestamptz) AS due_at, gone.on_its_way, p.method = 'bank_transfer' AS by_bank
FROM payment p
LEFT JOIN payer_share y ON y.order_id = p.order_id AND y.payer_kind = 'person' AND p.method = 'bank_transfer'
LEFT JOIN tender t ON t.payment_id = p.id AND t.kind = 'allowance',
LATERAL (SELECT coalesce(sum(r.amount_fen) FILTER (WHERE r.state = 'succeeded'), 0)::bigint AS fen,
    coalesce(bool_or(r.state IN ('requested', 'submitted')), false) AS on_its_way
    FROM refund r WHERE r.payment_id = p.id) gone
WHERE p.state = 'held' AND NOT EXISTS (SELECT FROM kept_advance k WHERE k.payment_id = p.id)
    AND CASE WHEN p.method = 'bank_transfer' THEN y.paid_fen > 0 ELSE p.received_fen > gone.fen END
"""
_ADVANCES: Final = """
SELECT 'payment:' || p.id, 'advance', p.id::text, p.id, p.order_id, k.left_fen, p.received_currency,
    CAST(NULL AS bigint), p.held_reason, k.kept_at, CAST(NULL AS timestamptz), false, false
FROM kept_advance k JOIN payment p ON p.id = k.payment_id WHERE k.left_fen > 0
"""
# Open ones, and lost ones that took more than what was left anywhere.
_DISPUTES: Final = f"""
SELECT 'dispute:' || d.id, CASE WHEN d.state = 'open' THEN 'dispute' ELSE 'dispute_short' END, d.id::text, d.payment_id,
    d.order_id, CASE WHEN d.state = 'open' THEN d.amount_fen ELSE d.amount_fen - taken.fen END, d.currency,
    CAST(NULL AS bigint), d.reason, d.opened_at, d.evidence_due_at, false, false
FROM dispute d, LATERAL (SELECT coalesce(sum(r.amount_fen), 0)::bigint AS fen FROM refund r
    WHERE r.dispute_id = d.id AND r.state = 'succeeded') taken
WHERE d.state = 'open' OR (d.state = 'lost' AND NOT d.reinstated AND d.amount_fen > taken.fen
    AND NOT {_SETTLED.format(subject="'dispute:' || d.id")})
"""  # noqa: S608  # composed of our own constants
# Money that was never credited waits as a held payment again. A dispute that was won is a good end, unless its order
# was cancelled for it: then the buyer has neither goods nor money.
_REFUNDS: Final = f"""
SELECT 'refund:' || r.id, CASE WHEN r.succeeded_at IS NULL THEN 'refund_failed' ELSE 'refund_undone' END, r.id::text,
    r.payment_id, r.order_id, r.amount_fen, r.currency, CAST(NULL AS bigint), coalesce(r.failure, 'failed'),
    coalesce(r.failed_at, r.requested_at), CAST(NULL AS timestamptz), false, p.method = 'bank_transfer'
FROM refund r JOIN payment p ON p.id = r.payment_id AND p.state = 'succeeded' JOIN shop_order o ON o.id = r.order_id
WHERE r.state = 'failed' AND NOT EXISTS (SELECT FROM refund n WHERE n.retries_id = r.id)
    AND (r.dispute_id IS NULL OR (o.state = 'cancelled' AND NOT EXISTS (
        SELECT FROM refund n WHERE n.dispute_id = r.dispute_id AND (n.requested_at, n.id) > (r.requested_at, r.id))))
    AND NOT {_SETTLED.format(subject="'refund:' || r.id")}
"""  # noqa: S608  # as above
_FOREIGN: Final = f"""
SELECT 'provider_refund:' || f.provider_refund_id, 'provider_refund', f.provider_refund_id, f.payment_id, f.order_id,
    f.amount_fen, f.currency, CAST(NULL AS bigint), f.state, f.made_at, CAST(NULL AS timestamptz), false, false
FROM provider_refund f WHERE f.refund_id IS NULL AND f.state <> 'failed'
    AND NOT {_SETTLED.format(subject="'provider_refund:' || f.provider_refund_id")}
"""  # noqa: S608  # as above

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "held": ("held",),
    "advance": ("advance",),
    "dispute": ("dispute", "dispute_short"),
    "refund": ("refund_failed", "refund_undone"),
    "provider_refund": ("provider_refund",),
}
"""Lists of the desk, and what is in each."""
WAITING: Final = f"{_HELD} UNION ALL {_ADVANCES} UNION ALL {_DISPUTES} UNION ALL {_REFUNDS} UNION ALL {_FOREIGN}"
"""All of it; the column names are those of the first."""
