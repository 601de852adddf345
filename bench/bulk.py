"""A joint order of 500 lines, 2,000 homes and 10,000 allocations: placed, against the same rows copied in."""

import asyncio
import os
from collections.abc import Sequence
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text

from bench.layout import WEB_CORE, Server, migrated, server
from orders.bulk.plan.content import content_hash
from shop.core.database import Database
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from tests.make.joint_order import Joint, joint_purchase, placed_joint
from tests.make.shop import SmallShop, small_shop

LINES, HOMES, BRANCHES, PACKAGES = 500, 2_000, 10, 100
TABLES = (
    "shop_order", "order_event", "delivery", "parcel", "order_line", "payer_share", "line_share", "attribution",
    "share_component", "allocation", "freight_share", "acceptance_duty", "stock_hold",
)  # fmt: skip
"""In the order in which they refer to each other."""

_GOODS = (
    """
INSERT INTO product (id, code, title, category, producer_id, supplier_id, origin_county_code, state, perishable,
    harvest_months, ship_months, vat_basis_points, source, confirmed, created_at, changed_at)
SELECT gen_random_uuid(), 'BULK' || n, '示例货' || n, p.category, p.producer_id, p.supplier_id, p.origin_county_code,
    'listed', false, '{}', '{}', 900, 'bench', false, now(), now()
FROM generate_series(1, :lines) n JOIN product p ON p.code = 'P' || n % 4
""",
    """
INSERT INTO sku (id, product_id, code, spec, net_grams, active)
SELECT gen_random_uuid(), id, code, '500g/袋', 500, true FROM product WHERE code LIKE 'BULK%'
""",
    """
INSERT INTO sku_content (sku_id, stock_sku_id, position, pieces, allocation_fen)
SELECT id, id, 1, 1, 1 FROM sku WHERE code LIKE 'BULK%'
""",
    """
INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from)
SELECT gen_random_uuid(), id, 'retail', 1, 1000 + row_number() OVER (), '2020-01-01' FROM sku WHERE code LIKE 'BULK%'
""",
    """
INSERT INTO stock_item (sku_id, on_hand_pieces, held_pieces)
SELECT id, 1000000, 0 FROM sku WHERE code LIKE 'BULK%'
""",
    """
INSERT INTO recognition (id, product_id, number, issuer, valid_from, valid_to, source)
SELECT gen_random_uuid(), id, code, 'bench', '2020-01-01', '2099-01-01', 'bench' FROM product WHERE code LIKE 'BULK%'
""",
)
_PACKAGES = (
    """
INSERT INTO bulk_package (id, purchase_id, position, name, is_default, is_private)
SELECT gen_random_uuid(), :purchase, n, '套餐' || n, false, false FROM generate_series(1, :packages) n
""",
    """
INSERT INTO bulk_package_line (package_id, sku_id, pieces, unit_price_fen)
SELECT k.id, s.id, 1, q.fen FROM (SELECT id, row_number() OVER (ORDER BY code) AS n FROM sku WHERE code LIKE 'BULK%') s
JOIN price q ON q.sku_id = s.id
JOIN bulk_package k ON k.purchase_id = :purchase AND k.position = 1 + s.n % :packages
""",
    """
UPDATE bulk_member m SET package_id = k.id FROM bulk_package k
WHERE m.purchase_id = :purchase AND k.purchase_id = :purchase AND k.position = 1 + m.position % :packages
""",
    """
UPDATE bulk_recipient r SET package_id = m.package_id FROM bulk_member m
WHERE m.purchase_id = :purchase AND r.purchase_id = :purchase AND r.person_id = m.person_id
""",
)
_APPROVED = text("""
INSERT INTO bulk_approval (id, purchase_id, revision, step, requester_id, approver_id, decision, content_sha256, at)
SELECT gen_random_uuid(), id, 1, 2, requester_id, :by, 'approved', content_sha256, now() FROM bulk_purchase
WHERE id = :purchase
""")


async def run(quick: bool) -> list[dict[str, Any]]:
    return await asyncio.to_thread(_measure, quick)


def _measure(quick: bool) -> list[dict[str, Any]]:
    os.sched_setaffinity(0, {WEB_CORE})
    with server() as running:
        asyncio.run(migrated(running))
        found = asyncio.run(_rounds(running, 2 if quick else 5))
    return [
        {
            "name": "bulk_place",
            "ratio": median(placed / copied for placed, copied, _ in found),
            "goal": 8,
            "better": "lower",
            "detail": {
                "placed_ms": round(median(placed for placed, _, _ in found) * 1_000),
                "copied_ms": round(median(copied for _, copied, _ in found) * 1_000),
                "rows": found[0][2],
            },
        }
    ]


async def _rounds(running: Server, count: int) -> list[tuple[float, float, int]]:
    """Seconds to place, seconds to copy the same rows in again, how many rows. The first round is not counted."""
    database = await Database.open(running.url(), size=2)
    shop = await _shop(database)
    found = []
    for number in range(count + 1):
        joint = await _purchase(database, shop)
        began = perf_counter()
        order_id = await placed_joint(database, joint)
        took = perf_counter() - began
        copied, rows = await _copied(running, order_id)
        if number:
            found.append((took, copied, rows))
    await database.close()
    return found


async def _shop(database: Database) -> SmallShop:
    shop = await small_shop(database, pieces=1_000_000)
    async with database.transaction() as session:
        for statement in _GOODS:
            await session.execute(text(statement), {"lines": LINES} if ":lines" in statement else {})
    return shop


async def _purchase(database: Database, shop: SmallShop) -> Joint:
    members = [[0] * (HOMES // BRANCHES)] * BRANCHES
    joint = await joint_purchase(database, members=members, packages=({0: 1},), deliver_to="homes", shop=shop)
    named = {"purchase": joint.purchase_id, "packages": PACKAGES}
    async with database.transaction() as session:
        for statement in _PACKAGES:
            requested = {name: value for name, value in named.items() if f":{name}" in statement}
            await session.execute(text(statement), requested)
        content = await content_hash(session, joint.purchase_id)
        await session.execute(
            text("UPDATE bulk_purchase SET content_sha256 = :content WHERE id = :purchase"),
            {"content": content, "purchase": joint.purchase_id},
        )
        await session.execute(_APPROVED, {"purchase": joint.purchase_id, "by": joint.receiver.user_id})
    return joint


async def _copied(running: Server, order_id: UUID) -> tuple[float, int]:
    """Take the order's rows out, and copy the very same in again, in one transaction."""
    owner = await asyncpg.connect(driver_urls(running.url(embedded.OWNER_ROLE))[0])
    rows = {
        table: await owner.fetch(f"SELECT t.* FROM {table} t WHERE {_where(table)}", order_id)  # noqa: S608  # our own
        for table in TABLES
    }
    await owner.execute("UPDATE bulk_purchase SET order_id = NULL WHERE order_id = $1", order_id)
    async with owner.transaction():
        for table in reversed(TABLES):
            await owner.execute(f"DELETE FROM {table} t WHERE {_where(table)}", order_id)  # noqa: S608  # our own
    began = perf_counter()
    async with owner.transaction():
        for table in TABLES:
            if rows[table]:
                columns: Sequence[str] = list(rows[table][0].keys())
                await owner.copy_records_to_table(table, records=[tuple(row) for row in rows[table]], columns=columns)
    took = perf_counter() - began
    await owner.close()
    return took, sum(len(found) for found in rows.values())


def _where(table: str) -> str:
    lines = "(SELECT id FROM order_line WHERE order_id = $1)"
    return {
        "shop_order": "t.id = $1",
        "line_share": f"t.line_id IN {lines}",
        "allocation": f"t.line_id IN {lines}",
        "freight_share": "t.parcel_id IN (SELECT id FROM parcel WHERE order_id = $1)",
    }.get(table, "t.order_id = $1")
