"""The demo's goods: complete, sellable, and the same after a second run."""

from typing import Any

import pytest
from sqlalchemy import text

from shop.app.demo.catalogue import BOX_CODE, EXPIRED_CODE, seed_catalogue
from shop.app.demo.people import seed_people
from shop.core.database import Database

pytestmark = pytest.mark.anyio

TABLES = (
    "county", "designation", "pairing", "producer", "supplier", "product", "sku", "sku_content", "document",
    "recognition", "price", "freight_rate", "seller_discount", "stock_item", "stock_movement", "zone_product",
    "campaign_product", "counting_rule", "benefit_statement", "import_batch", "audit_event",
)  # fmt: skip


async def rows(database: Database, statement: str) -> list[Any]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def test_the_second_run_changes_nothing(database: Database) -> None:
    await seed_people(database)
    await seed_catalogue(database)
    first = {table: await rows(database, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}
    await seed_catalogue(database)
    assert {table: await rows(database, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES} == first


async def test_all_samples_are_listed_priced_and_in_stock(database: Database) -> None:
    await seed_people(database)
    await seed_catalogue(database)
    sellable = await rows(
        database,
        """SELECT p.code FROM product p JOIN sku s ON s.product_id = p.id JOIN price q ON q.sku_id = s.id
        JOIN stock_item i ON i.sku_id = s.id JOIN county c ON c.code = p.origin_county_code
        WHERE p.state = 'listed' AND q.list = 'retail' AND q.valid_to IS NULL AND i.on_hand_pieces = 500
        AND EXISTS (SELECT FROM freight_rate f WHERE f.supplier_id = p.supplier_id AND f.region = '' AND f.served)""",
    )
    assert len(sellable) == 80
    assert await rows(database, "SELECT q.fen FROM price q JOIN sku s ON s.id = q.sku_id WHERE s.code = 'SP001'") == [
        (3800,)
    ]
    vat = dict(
        await rows(database, "SELECT code, vat_basis_points FROM product WHERE code IN ('SP001','SP002','SP009')")
    )
    assert vat == {"SP001": 900, "SP002": 1300, "SP009": 0}
    assert await rows(database, "SELECT count(*) FROM producer WHERE confirmed") == [(0,)]
    assert await rows(database, "SELECT count(*) FROM supplier WHERE NOT fictitious") == [(0,)]
    touched = await rows(
        database,
        """SELECT count(*) FROM product p WHERE state = 'listed'
        AND NOT EXISTS (SELECT FROM product_touched t WHERE t.product_id = p.id)""",
    )
    assert touched == [(0,)]


async def test_the_box_holds_several_counties_of_one_seller(database: Database) -> None:
    await seed_people(database)
    await seed_catalogue(database)
    inside = await rows(
        database,
        f"""SELECT p.origin_county_code, p.producer_id, p.supplier_id = b.supplier_id, c.pieces, s.net_grams
        FROM sku box JOIN product b ON b.id = box.product_id JOIN sku_content c ON c.sku_id = box.id
        JOIN sku s ON s.id = c.stock_sku_id JOIN product p ON p.id = s.product_id
        WHERE box.code = '{BOX_CODE}' AND b.state = 'listed' ORDER BY c.position""",
    )
    assert [(row[0], row[3]) for row in inside] == [("140225", 1), ("620623", 2), ("610630", 1)]
    assert len({row[1] for row in inside}) == 3
    assert all(row[2] for row in inside)
    assert await rows(database, f"SELECT net_grams FROM sku WHERE code = '{BOX_CODE}'") == [
        (sum(row[3] * row[4] for row in inside),)
    ]
    expired = await rows(
        database,
        """SELECT p.code FROM recognition r JOIN product p ON p.id = r.product_id WHERE r.valid_to <= '2026-01-01'""",
    )
    assert expired == [(EXPIRED_CODE,)]
    assert await rows(database, "SELECT count(*) > 0 FROM freight_rate WHERE region = '54' AND NOT served") == [(True,)]
    assert await rows(database, "SELECT count(*) FROM freight_rate WHERE NOT served AND region <> '54'") == [(0,)]
