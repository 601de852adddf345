"""What is worth a look, a statement a kind: rows (subject, unit_id, facts, lines). Facts hold figures and ids.

Every statement is bounded in time by a `since…`; what was raised once is not raised again.
"""

from collections.abc import Mapping

from orders.credit.models import REFUND_SIDE

# Σ of an order's goods from one supplier, of orders that a union pays.
_SPLIT = """
WITH bought AS (
    SELECT o.id, o.unit_id, a.union_id, l.supplier_id, o.placed_at, sum(c.net_fen) AS fen,
        array_agg(DISTINCT l.id) AS lines
    FROM shop_order o JOIN order_line l ON l.order_id = o.id JOIN share_component c ON c.line_id = l.id
    JOIN attribution a ON a.id = c.id JOIN line_share s ON s.id = c.share_id AND s.payer_kind = 'branch'
    WHERE o.placed_at >= :since AND o.state NOT IN ('cancelled', 'expired') AND a.union_id IS NOT NULL
    GROUP BY o.id, a.union_id, l.supplier_id
), near AS (
    SELECT b.*, tier FROM bought b, unnest(ARRAY[CAST(:tier_1_fen AS bigint), :tier_2_fen, :tier_3_fen]) AS tier
    WHERE b.fen < tier AND b.fen * 100 >= tier * (100 - CAST(:below_percent AS bigint))
), paired AS (
    SELECT n.id, count(*) AS others, sum(m.fen)::bigint AS other_fen FROM near n JOIN near m
        ON m.union_id = n.union_id AND m.supplier_id = n.supplier_id AND m.tier = n.tier AND m.id <> n.id
        AND m.placed_at BETWEEN n.placed_at - make_interval(days => CAST(:days AS int))
            AND n.placed_at + make_interval(days => CAST(:days AS int))
    GROUP BY n.id
)
SELECT 'order:' || n.id || ':' || n.supplier_id AS subject, n.unit_id, jsonb_build_object('union_id', n.union_id,
    'supplier_id', n.supplier_id, 'fen', n.fen, 'tier_fen', n.tier, 'others', p.others, 'together_fen',
    n.fen + p.other_fen) AS facts, n.lines
FROM near n JOIN paired p ON p.id = n.id
"""
# Who asked, bought or approved is (or has the phone of) somebody with the supplier's account, or bears the name of its
# legal representative as its quote says it.
_RELATED = """
WITH orders AS (
    SELECT o.id, o.unit_id, l.supplier_id, o.person_id, o.buyer_id, array_agg(DISTINCT l.id) AS lines
    FROM shop_order o JOIN order_line l ON l.order_id = o.id
    WHERE o.placed_at >= :since AND o.state NOT IN ('cancelled', 'expired') GROUP BY o.id, l.supplier_id
), hands AS (
    SELECT o.id, o.supplier_id, p.id AS person_id, p.name, p.phone FROM orders o JOIN person p ON p.id = o.person_id
    UNION SELECT o.id, o.supplier_id, p.id, p.name, p.phone FROM orders o
    JOIN bulk_purchase b ON b.order_id = o.id JOIN bulk_approval a ON a.purchase_id = b.id
    JOIN user_account u ON u.id = a.approver_id JOIN person p ON p.id = u.person_id
), sellers AS (
    SELECT CASE WHEN g.scope_kind = 'supplier' THEN g.scope_id::uuid END AS supplier_id, p.id AS person_id,
        p.phone FROM role_grant g
    JOIN user_account u ON u.id = g.user_id JOIN person p ON p.id = u.person_id
    WHERE g.scope_kind = 'supplier' AND g.role = 'supplier'
), related AS (
    SELECT h.id, h.supplier_id, 'person' AS how FROM hands h JOIN sellers s USING (supplier_id, person_id)
    UNION SELECT h.id, h.supplier_id, 'phone' FROM hands h JOIN sellers s
        ON s.supplier_id = h.supplier_id AND s.phone = h.phone AND s.person_id <> h.person_id
    UNION SELECT h.id, h.supplier_id, 'legal_representative' FROM hands h
    JOIN bulk_quote q ON q.supplier_id = h.supplier_id AND q.legal_representative = h.name
)
SELECT 'order:' || o.id || ':' || o.supplier_id AS subject, o.unit_id, jsonb_build_object('supplier_id', o.supplier_id,
    'how', (SELECT jsonb_agg(r.how ORDER BY r.how) FROM related r WHERE (r.id, r.supplier_id) = (o.id, o.supplier_id)))
    AS facts, o.lines
FROM orders o WHERE (o.id, o.supplier_id) IN (SELECT id, supplier_id FROM related)
"""
_SPIKE = f"""
WITH sold AS (
    SELECT unit_id, period_month / 100 AS year, sum(amount_fen) FILTER (WHERE period_month % 100 = 12) AS december_fen,
        coalesce(sum(amount_fen) FILTER (WHERE period_month % 100 < 12), 0) AS before_fen
    FROM credit_entry WHERE kind IN ('sale', 'payment_undone') AND unit_id IS NOT NULL
        AND period_month >= CAST(:since_january AS int)
    GROUP BY 1, 2
), returned AS (
    SELECT unit_id, extract(year FROM sale_on)::int AS year, -sum(amount_fen) AS fen,
        array_agg(DISTINCT order_line_id) AS lines
    FROM credit_entry WHERE kind IN {REFUND_SIDE} AND period_month >= CAST(:since_january AS int)
        AND extract(month FROM sale_on) = 12 AND period_month / 100 > extract(year FROM sale_on)
    GROUP BY 1, 2
)
SELECT 'unit:' || unit_id || ':' || year AS subject, unit_id, jsonb_build_object('year', year, 'december_fen',
    december_fen, 'average_month_fen', before_fen / 11, 'refunded_fen', r.fen) AS facts, r.lines
FROM sold s JOIN returned r USING (unit_id, year)
WHERE s.december_fen >= CAST(:least_fen AS bigint)
    AND s.december_fen * 1100 >= before_fen * CAST(:of_month_percent AS bigint)
    AND r.fen * 100 >= s.december_fen * CAST(:refunded_percent AS bigint)
"""  # noqa: S608  # a constant of our own
_JUMP = """
WITH jumps AS (
    SELECT c.id AS campaign_id, k.id AS sku_id, old.fen AS old_fen, new.fen AS new_fen
    FROM campaign c JOIN campaign_product cp ON cp.campaign_id = c.id JOIN sku k ON k.product_id = cp.product_id
    JOIN price new ON new.sku_id = k.id AND new.list = 'retail' AND new.min_quantity = 1
        AND new.valid_from < CAST(c.valid_from AS timestamp) AT TIME ZONE 'Asia/Shanghai'
        AND new.valid_from >= CAST(c.valid_from - CAST(:days AS int) AS timestamp) AT TIME ZONE 'Asia/Shanghai'
    JOIN price old ON old.sku_id = k.id AND old.list = 'retail' AND old.min_quantity = 1
        AND old.valid_to = new.valid_from
    WHERE c.valid_to > CAST(:since_day AS date) AND new.fen * 100 >= old.fen * (100 + CAST(:rise_percent AS bigint))
), sold AS (
    SELECT j.*, o.unit_id, l.id AS line_id FROM jumps j
    LEFT JOIN order_line l ON l.sku_id = j.sku_id AND EXISTS (
        SELECT FROM attribution a WHERE a.order_line_id = l.id AND a.campaign_id = j.campaign_id)
    LEFT JOIN shop_order o ON o.id = l.order_id
)
SELECT 'campaign:' || campaign_id || ':' || sku_id || coalesce(':' || unit_id, '') AS subject, unit_id,
    jsonb_build_object('campaign_id', campaign_id, 'sku_id', sku_id, 'old_fen', max(old_fen), 'new_fen', max(new_fen))
    AS facts, coalesce(array_agg(line_id) FILTER (WHERE line_id IS NOT NULL), '{}') AS lines
FROM sold GROUP BY campaign_id, sku_id, unit_id
"""
# Known by its first order: no phone stands in a flag, and none can be found out from it.
_PHONE = """
WITH said AS (
    SELECT d.phone, o.person_id, o.id AS order_id, o.unit_id, o.placed_at FROM delivery d
    JOIN shop_order o ON o.id = d.order_id AND o.fund_source = 'personal'
    WHERE d.phone IS NOT NULL AND o.placed_at >= CAST(:now AS timestamptz) - make_interval(days => CAST(:days AS int))
    UNION ALL SELECT r.phone, coalesce(r.person_id, r.id), o.id, r.unit_id, o.placed_at FROM bulk_recipient r
    JOIN bulk_purchase b ON b.id = r.purchase_id JOIN shop_order o ON o.id = b.order_id
    WHERE r.phone IS NOT NULL AND o.placed_at >= CAST(:now AS timestamptz) - make_interval(days => CAST(:days AS int))
    UNION ALL SELECT p.phone, p.id, o.id, o.unit_id, o.placed_at FROM person p
    JOIN shop_order o ON o.person_id = p.id AND o.fund_source = 'personal'
    WHERE p.phone IS NOT NULL AND o.placed_at >= CAST(:now AS timestamptz) - make_interval(days => CAST(:days AS int))
), shared AS (
    SELECT (array_agg(order_id ORDER BY placed_at, order_id))[1] AS first_id,
        (array_agg(unit_id ORDER BY placed_at, order_id))[1] AS unit_id, count(DISTINCT person_id) AS people,
        array_agg(DISTINCT order_id) AS orders
    FROM said GROUP BY phone HAVING count(DISTINCT person_id) >= CAST(:people AS int)
)
SELECT DISTINCT ON (first_id) 'order:' || first_id AS subject, unit_id, jsonb_build_object('people', people,
    'orders', cardinality(orders)) AS facts,
    (SELECT array_agg(l.id) FROM order_line l WHERE l.order_id = ANY(orders)) AS lines
FROM shared ORDER BY first_id, people DESC
"""
_ROUND = """
SELECT 'import:' || channel || ':' || coalesce(unit_id::text, '-') || ':' || period_month AS subject, unit_id,
    jsonb_build_object('channel', channel, 'month', period_month, 'rows', count(*), 'round',
    count(*) FILTER (WHERE amount_fen % CAST(:round_fen AS bigint) = 0)) AS facts,
    array_agg(order_line_id) FILTER (WHERE amount_fen % CAST(:round_fen AS bigint) = 0) AS lines
FROM credit_entry
WHERE kind = 'sale' AND channel <> 'shop' AND period_month >= CAST(:since_month AS int) AND amount_fen > 0
GROUP BY channel, unit_id, period_month
HAVING count(*) >= CAST(:rows AS int) AND count(*) FILTER (WHERE amount_fen % CAST(:round_fen AS bigint) = 0) * 100
    >= count(*) * CAST(:percent AS int)
"""
# Digits 3 to 8 of a unified social credit code are the division where it was registered.
_FAR = """
SELECT 'supplier:' || s.id || ':' || e.county_code || coalesce(':' || e.unit_id, '') AS subject, e.unit_id,
    jsonb_build_object('supplier_id', s.id, 'county_code', e.county_code, 'registered_in',
    substr(s.credit_code, 3, 6)) AS facts, array_agg(DISTINCT e.order_line_id) AS lines
FROM credit_entry e JOIN supplier s ON s.id = e.supplier_id AND s.credit_code IS NOT NULL
WHERE e.kind = 'sale' AND e.period_month >= CAST(:since_month AS int)
    AND substr(s.credit_code, 3, CAST(:digits AS int)) <> left(e.county_code, CAST(:digits AS int))
GROUP BY s.id, s.credit_code, e.county_code, e.unit_id
"""
# One invoice may cover several lines of one sale, but neither two sales elsewhere nor one here and one there.
_INVOICE = """
WITH used AS (
    SELECT invoice_number AS number, channel_code || ':' || external_number AS sale, unit_id, sale.id AS line_of,
        NULL::uuid AS order_id FROM outside_sale sale WHERE invoice_number IS NOT NULL
    UNION ALL SELECT i.number, 'shop:' || q.order_id, coalesce(q.unit_id, o.unit_id), NULL, q.order_id
    FROM invoice i JOIN invoice_request q ON q.id = i.request_id JOIN shop_order o ON o.id = q.order_id
    WHERE i.kind = 'blue'
)
SELECT 'invoice:' || number AS subject, (array_agg(unit_id ORDER BY sale))[1] AS unit_id,
    jsonb_build_object('number', number, 'sales', count(DISTINCT sale), 'units', count(DISTINCT unit_id)) AS facts,
    (SELECT array_agg(DISTINCT line) FROM (
        SELECT a.order_line_id AS line FROM attribution a WHERE a.id = ANY(array_agg(u.line_of))
        UNION SELECT l.id FROM order_line l WHERE l.order_id = ANY(array_agg(u.order_id))) found) AS lines
FROM used u GROUP BY number HAVING count(DISTINCT sale) > 1
"""
_ROLL = """
WITH ended AS (
    SELECT b.id, b.unit_id, b.order_id, max(x.accepted_on) AS accepted_on FROM bulk_purchase b
    JOIN acceptance x ON x.order_id = b.order_id WHERE b.state IN ('accepted', 'distributed', 'archived') GROUP BY b.id
    HAVING max(x.accepted_on) + CAST(:days AS int) <= CAST(:today AS date)
)
SELECT 'purchase:' || e.id AS subject, e.unit_id, jsonb_build_object('unsigned', r.unsigned, 'rows', r.rows,
    'accepted_on', e.accepted_on) AS facts,
    (SELECT array_agg(l.id) FROM order_line l WHERE l.order_id = e.order_id) AS lines
FROM ended e JOIN LATERAL (
    SELECT count(*) AS rows, count(*) FILTER (WHERE outcome IS NULL OR outcome = 'not_reached') AS unsigned
    FROM roll_row WHERE purchase_id = e.id) r ON r.unsigned > 0
"""

SUSPICIONS: Mapping[str, str] = {
    "split_below_tier": _SPLIT,
    "related_buyer": _RELATED,
    "spike_refunded": _SPIKE,
    "price_jump": _JUMP,
    "shared_phone": _PHONE,
    "round_numbers": _ROUND,
    "far_origin": _FAR,
    "invoice_repeated": _INVOICE,
    "roll_unsigned": _ROLL,
}
