-- The limit for placing an order: the same rows of the same tables in one statement, with nothing checked and nothing
-- computed: an order, three lines, three stock rows, an idempotency row.
\set a random(1, 100)
\set b random(101, 200)
\set c random(201, 300)
\set buyer random(1, 128)
WITH wanted AS (
    SELECT sku_id, product_id, supplier_id, price_id, row_number() OVER () AS position
    FROM bench_sku WHERE n IN (:a, :b, :c)
), ordered AS (
    INSERT INTO shop_order (id, number, buyer_id, person_id, idempotency_key, state, payment_state, fund_source,
        placed_at, expires_at)
    SELECT gen_random_uuid(), gen_random_uuid()::text, id, person_id, gen_random_uuid()::text, 'placed', 'unpaid',
        'personal', now(), now() + interval '30 minutes'
    FROM bench_buyer WHERE n = :buyer
    RETURNING id, buyer_id, idempotency_key
), remembered AS (
    INSERT INTO idempotency (actor_id, key, request_sha256, status, answer, created_at)
    SELECT buyer_id, idempotency_key, '\x00', 201, repeat('x', 2000), now() FROM ordered
), lined AS (
    INSERT INTO order_line (id, order_id, position, sku_id, product_id, supplier_id, price_id, title, spec, quantity,
        unit_price_fen, refunded_quantity)
    SELECT gen_random_uuid(), o.id, position, sku_id, product_id, supplier_id, price_id, 'title', 'spec', 1, 1000, 0
    FROM wanted, ordered o
    RETURNING sku_id
), locked AS (
    SELECT sku_id FROM stock_item WHERE sku_id IN (SELECT sku_id FROM lined) ORDER BY sku_id FOR NO KEY UPDATE
)
UPDATE stock_item i SET held_pieces = held_pieces + 1 FROM locked l WHERE i.sku_id = l.sku_id;
