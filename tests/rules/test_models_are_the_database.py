"""The models alone make what the migrations made: every column, default, CHECK, key and index, by the same name."""

import re
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel import SQLModel

from shop.app.migrate import import_tables
from shop.core.postgres import embedded

import_tables()

OF_MODELS: Final = "of_models"
ONLY_MIGRATED: Final = {
    "function cluster_is_known": "made anew in each cluster: shop/core/commit_number.py",
    "function commit_number": "the same",
    "function commit_snapshot": "the same",
    "function make_credit_months": "the application's role makes no tables, this does: shop/app/migrate.py",
    "default user_account.email_verified_at": "of the last release, until the next one drops it (CHANGELOG.md); "
    "UserAccount always says the moment",
    "default sandbox_clock.id": "the first migration counts the only row there can be; nobody asks it to",
    "relation sandbox_clock_id_seq": "the same",
}
"""What the database has and no model says, and why."""
NAMED_LONGER: Final = {
    "fk_bank_statement_decided_by_user_account", "fk_bank_statement_row_statement_id_bank_statement",
    "fk_came_back_decided_by_user_account", "fk_came_back_paid_back_id_paid_back",
    "fk_came_back_proposed_by_user_account", "fk_came_back_refund_id_refund", "fk_came_back_transfer_id_bank_transfer",
    "fk_desk_decision_asked_by_user_account", "fk_desk_decision_decided_by_user_account",
    "fk_dispute_order_id_shop_order", "fk_dispute_payment_id_payment", "fk_flag_end_flag_id_flag",
    "fk_kept_advance_payment_id_payment", "fk_match_undoing_undoes_id_match_undoing",
    "fk_notice_seen_user_id_user_account", "fk_payment_advance_of_id_payment", "fk_provider_refund_order_id_shop_order",
    "fk_provider_refund_payment_id_payment", "fk_provider_refund_refund_id_refund", "fk_refund_dispute_id_dispute",
    "fk_refund_goods_refund_id_refund", "fk_refund_goods_stock_sku_id_stock_item", "fk_refund_retries_id_refund",
    "fk_seal_event_seal_number_seal", "fk_sent_transfer_recorded_by_user_account",
    "fk_transfer_proof_brought_by_user_account", "fk_transfer_proof_sha256_evidence",
}  # fmt: skip
"""Foreign keys to which some migrations gave the referred table's name besides the rule's (shop/core/database.py)."""

# alembic's own table is no model's, and a partition is like its parent: they come and go with the months.
SAID: Final = text("""
WITH relation AS (
    SELECT * FROM pg_class
    WHERE relnamespace = CAST(:schema AS regnamespace) AND NOT relispartition AND relname !~ '^alembic_version'
), of_table AS (SELECT * FROM relation WHERE relkind IN ('r', 'p')),
of_column AS (
    SELECT a.*, relname || '.' || attname AS name
    FROM pg_attribute a JOIN of_table t ON t.oid = attrelid WHERE attnum > 0 AND NOT attisdropped
)
SELECT 'relation' AS kind, relname::text AS name,
    concat_ws(' ', relkind, relpersistence, reloptions::text, pg_get_partkeydef(oid)) AS said
FROM relation WHERE relkind NOT IN ('i', 'I')
UNION ALL SELECT 'column', name, concat_ws(' ', format_type(atttypid, atttypmod),
    'COLLATE ' || nullif(attcollation, typcollation)::regcollation::text, CASE WHEN attnotnull THEN 'NOT NULL' END,
    'identity ' || nullif(attidentity::text, ''), 'generated ' || nullif(attgenerated::text, ''))
FROM of_column JOIN pg_type y ON y.oid = atttypid
UNION ALL SELECT 'default', name, pg_get_expr(adbin, adrelid)
FROM of_column JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL SELECT 'constraint', relname || '.' || conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN of_table t ON t.oid = conrelid
UNION ALL SELECT 'index', t.relname || '.' || i.relname, pg_get_indexdef(indexrelid)
FROM pg_index JOIN of_table t ON t.oid = indrelid JOIN relation i ON i.oid = indexrelid
UNION ALL SELECT 'trigger', relname || '.' || tgname, pg_get_triggerdef(g.oid)
FROM pg_trigger g JOIN of_table t ON t.oid = tgrelid WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname::text, '' FROM pg_proc WHERE pronamespace = CAST(:schema AS regnamespace)
UNION ALL SELECT 'type', typname::text, typtype::text
FROM pg_type WHERE typnamespace = CAST(:schema AS regnamespace) AND typtype NOT IN ('b', 'c')
""")


def created(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection, checkfirst=False)


async def said_by(connection: AsyncConnection, schema: str) -> set[tuple[str, str, str]]:
    """Kind, name and PostgreSQL's own words for everything in a schema."""
    rows = await connection.execute(SAID, {"schema": f'"{schema}"'})
    return {(kind, name, re.sub(rf'(?<!\w)("?){schema}\1\.', "", said)) for kind, name, said in rows}


def by_the_rule(name: str, said: str) -> str:
    referred = re.search(r" REFERENCES (\w+)", said)
    return name.removesuffix(f"_{referred[1]}") if referred and name.partition(".")[2] in NAMED_LONGER else name


@pytest.mark.anyio
async def test_the_models_alone_make_what_the_migrations_made(postgres: Path, database_name: str, schema: str) -> None:
    engine = create_async_engine(embedded.url(postgres, database_name, embedded.OWNER_ROLE))
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f'SET search_path = "{schema}", extensions')
        migrated = await said_by(connection, schema)
        await connection.exec_driver_sql(f"CREATE SCHEMA {OF_MODELS}")
        # The functions that defaults call are the migrated ones.
        await connection.exec_driver_sql(f'SET search_path = {OF_MODELS}, "{schema}", extensions')
        await connection.run_sync(created)
        modelled = await said_by(connection, OF_MODELS)
    await engine.dispose()
    assert {name.partition(".")[2] for _, name, _ in migrated} >= NAMED_LONGER
    assert {f"{kind} {name}" for kind, name, _ in migrated} >= set(ONLY_MIGRATED)
    migrated = {
        (kind, by_the_rule(name, said), said) for kind, name, said in migrated if f"{kind} {name}" not in ONLY_MIGRATED
    }
    found = [f"only migrated: {' '.join(one)}" for one in sorted(migrated - modelled)]
    found += [f"only in the models: {' '.join(one)}" for one in sorted(modelled - migrated)]
    assert found == [], "\n".join(found)
