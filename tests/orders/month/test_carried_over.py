"""An older shop is migrated: what was closed for everybody stays closed for everybody, and nothing else changes."""

from pathlib import Path

import asyncpg
import pytest

from shop.app.migrate import migrate
from shop.core.postgres import embedded
from shop.core.postgres.database_url import driver_urls
from shop.core.settings import DEVELOPMENT_SECRET

pytestmark = pytest.mark.anyio

BEFORE = "20261122_0019"
SHOP, BANK, BRANCH, OTHER, GONE = [f"00000000-0000-0000-0000-00000000000{n}" for n in range(5)]
OLD_SHOP = f"""
INSERT INTO person (id, name, created_at) VALUES ('{BANK}', '关账人（虚构）', now());
INSERT INTO user_account (id, person_id, email, password_hash, state, created_at)
    VALUES ('{BANK}', '{BANK}', 'closer@old.test', '-', 'active', now());
INSERT INTO unit (id, code, name, valid_from, created_at) SELECT id, id, id, '2021-01-01', now()
    FROM unnest(ARRAY['{BANK}', '{BRANCH}', '{OTHER}']::uuid[]) AS id;
INSERT INTO unit_parent (id, unit_id, parent_id, valid_from) VALUES ('{BRANCH}', '{BRANCH}', '{BANK}', '2021-01-01');
CREATE TABLE credit_entry_202607 PARTITION OF credit_entry FOR VALUES FROM (202607) TO (202608);
INSERT INTO credit_entry (id, period_month, kind, cause_id, component_id, order_line_id, order_id, amount_fen,
    quantity_milli, grams, occurred_on, sale_on, recorded_at, grade, credit_kind, buyer_kind, unit_path, fund_source,
    channel, county_code, county_name, province, designations, pairing_unit_ids, producer_id, producer_name,
    supplier_id, supplier_name, product_id, category, counted)
VALUES ('{BANK}', 202607, 'sale', '{BANK}', '{BANK}', '{BANK}', '{BANK}', 5, 1, 1, '2026-07-01', '2026-07-01', now(),
    'A', 'direct_purchase', 'employee', ARRAY['{BRANCH}', '{GONE}']::uuid[], 'personal', 'shop', '522633', '从江县',
    '贵州省', '{{}}', '{{}}', '{BANK}', '甲（虚构）', '{BANK}', '乙（虚构）', '{BANK}', '杂粮', true);
UPDATE accounting_period SET state = 'closed', closed_by = '{BANK}', closed_at = '2026-08-03T01:00:00Z',
    was_open = '{{"payments_held": 2}}' WHERE month = 202607;
UPDATE accounting_period SET state = 'adjusting', adjusts_until = '2026-02-01', closed_by = '{BANK}',
    closed_at = '2026-01-05T01:00:00Z', was_open = '{{}}' WHERE month = 202512;
"""


async def test_closes_are_carried_over_to_every_top_unit_and_the_shop(postgres: Path, database_name: str) -> None:
    url = embedded.url(postgres, database_name, embedded.OWNER_ROLE)
    await migrate(url, schema="old_shop", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET], revision=BEFORE)
    owner = await asyncpg.connect(driver_urls(url)[0], server_settings={"search_path": "old_shop, extensions"})
    try:
        await owner.execute(OLD_SHOP)
    except BaseException:
        owner.terminate()
        raise
    await migrate(url, schema="old_shop", app_role=embedded.APP_ROLE, secrets=[DEVELOPMENT_SECRET])
    found = await owner.fetch(
        """SELECT unit_id::text, month, state, adjusts_until::text, closed_by::text, closed_at, was_open
        FROM unit_month WHERE state <> 'open' ORDER BY 1, 2"""
    )
    events = await owner.fetch(
        """SELECT unit_id::text, month, kind, NULL, actor_id::text, at, was_open FROM period_event ORDER BY 1, 2"""
    )
    last = await owner.fetchval("SELECT count(*) FROM credit_entry WHERE period_month = 202607")
    early = await owner.fetchval("SELECT to_regclass('credit_entry_2020') IS NOT NULL")
    await owner.close()
    assert [tuple(row[:5]) for row in found] == [
        (unit, *month, BANK)
        for unit in (SHOP, BANK, OTHER, GONE)
        for month in ((202512, "adjusting", "2026-02-01"), (202607, "closed", None))
    ], "a branch has no months of its own"
    assert [row["was_open"] for row in found][1] == '{"payments_held": 2}'
    assert [(*row[:3], *row[4:]) for row in events] == [(*row[:3], *row[4:]) for row in found]
    assert (last, early) == (1, True)
