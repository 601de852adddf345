"""Goods and buyers to measure with: many SKUs, many signed-in buyers, tokens from the real door."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import text

from bench.layout import Client, Server, request
from shop.access.account.passwords import hash_password
from shop.core.database import Database
from shop.core.postgres import embedded
from tests.make.shop import SmallShop, buyer, small_shop

SKUS, BUYERS, PIECES = 300, 128, 10**9
PASSWORD = "bench-password-2026"

_MORE = text(
    """
WITH new AS (
    SELECT n, gen_random_uuid() AS product_id, gen_random_uuid() AS sku_id, gen_random_uuid() AS price_id
    FROM generate_series(1, :skus) n
), k AS (
    INSERT INTO county (code, name, province, source)
    SELECT (900000 + n)::text, '示例县' || n, '贵州省', 'bench' FROM new WHERE n > 3
), g AS (
    INSERT INTO designation (id, county_code, kind, source, confirmed)
    SELECT gen_random_uuid(), (900000 + n)::text, 'lifted_out', 'bench', true FROM new WHERE n > 3
), p AS (
    INSERT INTO product (id, code, title, category, producer_id, supplier_id, origin_county_code, state, perishable,
        harvest_months, ship_months, vat_basis_points, source, confirmed, created_at, changed_at)
    SELECT new.product_id, 'B' || n, '示例货' || n, m.category, m.producer_id, m.supplier_id,
        CASE WHEN n > 3 THEN (900000 + n)::text ELSE '522633' END, 'listed', false, '{}', '{}', 900, 'bench', true,
        now(), now()
    FROM new JOIN product m ON m.code = 'P' || (n % 4)
), r AS (
    INSERT INTO recognition (id, product_id, number, issuer, valid_from, valid_to, source)
    SELECT gen_random_uuid(), product_id, 'RB' || n, 'bench', '2020-01-01', '2099-01-01', 'bench' FROM new
), d AS (
    INSERT INTO document (id, product_id, kind, valid_from, valid_to, source, confirmed)
    SELECT gen_random_uuid(), product_id, 'licence', '2020-01-01', '2099-01-01', 'bench', true FROM new
), s AS (
    INSERT INTO sku (id, product_id, code, spec, net_grams, active)
    SELECT sku_id, product_id, 'SB' || n, '500g/袋', 500, true FROM new
), c AS (
    INSERT INTO sku_content (sku_id, stock_sku_id, position, pieces, allocation_fen)
    SELECT sku_id, sku_id, 1, 1, 1 FROM new
), i AS (
    INSERT INTO stock_item (sku_id, on_hand_pieces, held_pieces) SELECT sku_id, :pieces, 0 FROM new
), q AS (
    INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from)
    SELECT price_id, sku_id, 'retail', 1, 1000, '2020-01-01' FROM new
)
INSERT INTO bench_sku SELECT n, sku_id, product_id, price_id, m.supplier_id
FROM new JOIN product m ON m.code = 'P' || (n % 4)
"""
)


@dataclass(frozen=True)
class Stage:
    shop: SmallShop
    skus: list[UUID]
    tokens: list[str]


async def stage(running: Server, port: int) -> Stage:
    """Fill the database and sign the buyers in."""
    owner = await Database.open(running.url(embedded.OWNER_ROLE), size=1)
    async with owner.transaction() as session:
        await session.execute(
            text(
                "CREATE TABLE bench_sku "
                "(n int PRIMARY KEY, sku_id uuid, product_id uuid, price_id uuid, supplier_id uuid)"
            )
        )
        await session.execute(text("CREATE TABLE bench_buyer (n int PRIMARY KEY, id uuid, person_id uuid)"))
        await session.execute(text(f"GRANT SELECT, INSERT ON bench_sku, bench_buyer TO {embedded.APP_ROLE}"))
    await owner.close()
    database = await Database.open(running.url(), size=4)
    shop = await small_shop(database, pieces=PIECES)
    actors = [await buyer(database, works_at=shop.branch) for _ in range(BUYERS)]
    hashed = await hash_password(PASSWORD)
    async with database.transaction() as session:
        await session.execute(_MORE, {"skus": SKUS, "pieces": PIECES})
        await session.execute(text("UPDATE user_account SET password_hash = :h"), {"h": hashed})
        await session.execute(
            text("INSERT INTO bench_buyer SELECT row_number() OVER (), id, person_id FROM user_account")
        )
        emails = {row.id: row.email for row in await session.execute(text("SELECT id, email FROM user_account"))}
        skus = list((await session.execute(text("SELECT sku_id FROM bench_sku ORDER BY n"))).scalars())
    await database.close()
    await analyzed(running)
    client = await Client.open(port)
    tokens = []
    for actor in actors:
        form = urlencode({"grant_type": "password", "username": emails[actor.user_id], "password": PASSWORD}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, body = await client.send(request("POST", "/api/v1/auth/token", headers, form))
        if status != 200:
            raise RuntimeError(body.decode())
        tokens.append(json.loads(body)["access_token"])
    client.close()
    return Stage(shop, skus, tokens)


async def analyzed(running: Server) -> None:
    """Let the planner know how many rows there are, as autovacuum does within a minute in a shop that lives."""
    owner = await Database.open(running.url(embedded.OWNER_ROLE), size=1)
    async with owner.transaction() as session:
        await session.execute(text("ANALYZE"))
    await owner.close()


def orders(token: str, skus: list[UUID], chance: Random, lines: int = 3) -> Iterator[bytes]:
    """Endless orders of one buyer."""
    address = {"name": "收货人甲", "phone": "13800138000", "region_code": "310101", "street": "示例路一号"}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    for number in count():
        requested = [{"sku_id": str(sku), "quantity": 1} for sku in chance.sample(skus, lines)]
        body = json.dumps({"lines": requested, "address": address, "fund_source": "personal"}).encode()
        yield request("POST", "/api/v1/orders", headers | {"idempotency-key": f"{chance.random()}{number}"}, body)
