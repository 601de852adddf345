-- The limit for settling: the rows that a paid order of three lines changes and adds, in one statement, with nothing
-- checked: payment, three stock rows, a transfer, three credit entries.
WITH next AS (SELECT nextval('bench_next') AS n),
paid AS (
    UPDATE payment p SET state = 'succeeded', succeeded_at = now() FROM bench_payment b, next
    WHERE b.n = next.n AND p.id = b.id RETURNING p.id, p.order_id, p.amount_fen
), locked AS (
    SELECT i.sku_id, h.pieces FROM paid JOIN stock_hold h ON h.order_id = paid.order_id
    JOIN stock_item i ON i.sku_id = h.sku_id ORDER BY i.sku_id FOR NO KEY UPDATE OF i
), sold AS (
    UPDATE stock_item i SET on_hand_pieces = i.on_hand_pieces - l.pieces, held_pieces = i.held_pieces - l.pieces
    FROM locked l WHERE i.sku_id = l.sku_id
), moved AS (
    INSERT INTO transfer (id, kind, debit_account_id, credit_account_id, amount_fen, reference, occurred_on, recorded_at)
    SELECT gen_random_uuid(), 'sale', (SELECT id FROM account WHERE kind = 'clearing'),
        (SELECT id FROM account WHERE kind = 'claim' LIMIT 1), amount_fen, id, current_date, now()
    FROM paid
)
INSERT INTO credit_entry (id, period_month, kind, cause_id, component_id, order_line_id, order_id, amount_fen,
    quantity_milli, grams, occurred_on, sale_on, recorded_at, grade, person_id, credit_kind, buyer_kind, unit_id,
    unit_name, unit_path, fund_source, channel, county_code, county_name, province, designations, pairing_unit_ids,
    producer_id, producer_name, supplier_id, supplier_name, product_id, category, recognition_number, rule_id, counted)
SELECT gen_random_uuid(), (extract(year FROM current_date) * 100 + extract(month FROM current_date))::int, 'sale',
    paid.id, c.id, a.order_line_id, a.order_id, c.net_fen, c.quantity_milli, c.grams, current_date, current_date, now(),
    'A', a.person_id, a.credit_kind, a.buyer_kind, a.unit_id, a.unit_name, a.unit_path, a.fund_source, a.channel,
    a.county_code, a.county_name, a.province, a.designations, a.pairing_unit_ids, a.producer_id, a.producer_name,
    a.supplier_id, a.supplier_name, a.product_id, a.category, a.recognition_number, a.rule_id, a.counted
FROM paid JOIN share_component c ON c.order_id = paid.order_id JOIN attribution a ON a.id = c.id;
