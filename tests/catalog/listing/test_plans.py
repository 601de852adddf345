"""Every filter, search and sort goes through an index: PostgreSQL says so over 20,000 products."""

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from catalog.listing.query import Statement, filters_of, find, statement_of
from shop.core import clock
from shop.core.database import Database
from shop.core.paging import cursor_of
from shop.core.postgres import embedded
from tests.make.listing import Goods, list_goods, multiply, run

ROWS = """
INSERT INTO listing_row SELECT made.* FROM generate_series(1, 20000) n, listing_row one
CROSS JOIN LATERAL jsonb_populate_record(one, jsonb_build_object(
    'product_id', md5('product' || n)::uuid, 'title', '商品' || n,
    'price_fen', 500 + n * 7919 % 30000, 'sold', n * 104729 % 9973,
    'listed_at', one.listed_at + n * interval '1 minute',
    'county_code', lpad((n % 800)::text, 6, '0'), 'province', '省' || n % 30, 'category', '类' || n % 40,
    'producer_id', md5('m' || n % 3000)::uuid, 'zones', ARRAY['z' || n % 60],
    'designations', CASE WHEN n % 5 = 0 THEN ARRAY['key_revitalisation'] ELSE ARRAY['lifted_out'] END,
    'terms', (SELECT array_agg(DISTINCT chr(19968 + (n * k * 31 + k * k) % 400)
        || CASE WHEN k % 2 = 0 THEN chr(19968 + (n * k * 17 + k) % 400) ELSE '' END) FROM generate_series(1, 40) k)
        || ARRAY['huajia', '花椒'] || CASE WHEN n % 200 = 0 THEN ARRAY['花', '大红', '红袍'] ELSE ARRAY['市'] END,
    'search_text', CASE WHEN n % 400 = 0 THEN '大红袍花椒' ELSE '商品花椒' || n END
)) AS made
"""


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


async def custom_plan(database: Database, statement: Statement) -> dict[str, Any]:
    """Searches are planned for what is searched."""
    async with database.reading() as session:
        connection = (await (await session.connection()).get_raw_connection()).driver_connection
        assert connection is not None
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement.sql}", *statement.values)
    return dict(explained[0]["Plan"])


async def generic_plan(database: Database, statement: Statement) -> dict[str, Any]:
    """Hot statements are planned once for all values."""
    async with database.hot.acquire() as connection:
        await connection.execute(f"PREPARE asked AS {statement.sql}")
        values = ", ".join(f"'{value}'" for value in statement.values)
        explained = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked({values})")
        await connection.execute("DEALLOCATE asked")
    return dict(json.loads(explained)[0]["Plan"])


@pytest.mark.anyio
async def test_no_question_reads_the_whole_table(database: Database, postgres: Path, database_name: str) -> None:
    await list_goods(database, Goods(sold=3))
    await multiply(database, 20_000, "product")
    await run(database, ROWS)
    owner = await asyncpg.connect(embedded.url(postgres, database_name, embedded.OWNER_ROLE).replace("+asyncpg", ""))
    await owner.execute("ANALYZE")
    await owner.close()
    middle = cursor_of("sold", 5000, "00000000-0000-0000-0000-000000000000")
    asked = [
        {}, {"sort": "price"}, {"sort": "-price"}, {"sort": "newest"}, {"cursor": middle}, {"county": "000007"},
        {"province": "省3"}, {"category": "类9"}, {"zone": "z7"}, {"designation": "key_revitalisation"},
        {"producer": "00000000-0000-0000-0000-000000000000"}, {"q": "花"}, {"q": "大红"}, {"q": "大红袍"},
        {"q": "huajiao 花"}, {"q": "花椒"}, {"q": "花椒", "province": "省3", "sort": "price"}, {"q": "鑫"},
        {"min_fen": "600", "max_fen": "900", "sort": "price"}, {"min_fen": "600"}, {"limit": "100", "zone": "z7"},
    ]  # fmt: skip
    for one in asked:
        statement = statement_of(filters_of(one), now=clock.now())
        plan = await (custom_plan if statement.searches else generic_plan)(database, statement)
        scans = [node["Node Type"] for node in nodes(plan) if node.get("Relation Name") == "listing_row"]
        assert scans, one
        assert not [scan for scan in scans if "Seq" in scan], (one, scans)
    page = await find(database, filters_of({"q": "大红袍"}), now=clock.now())
    assert page.items.count(b'"id"') > 20
    assert page.next_cursor
