"""Budgets as they stand."""

from collections.abc import Collection
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.budget.schemas import BudgetList, BudgetOut
from shop.core.database import ReadSession
from shop.core.errors import Invalid, NotFound
from shop.core.paging import cursor_of, read_cursor

# Allowances are granted out of an encumbrance, each by one transfer: the funds know whose money they are.
_BUDGETS = text("""
WITH years AS (
    SELECT union_id, fiscal_year, sum(change_fen)::bigint AS amount_fen, jsonb_agg(jsonb_build_object(
        'version', version, 'kind', kind, 'change_fen', change_fen, 'reason', reason,
        'document_sha256', document_sha256, 'actor_id', actor_id, 'at', at) ORDER BY version) AS versions
    FROM budget_version
    WHERE union_id = ANY(:unions) AND (CAST(:year AS integer) IS NULL OR fiscal_year = :year)
        AND (CAST(:after_year AS bigint) IS NULL
            OR (-fiscal_year, union_id) > (-CAST(:after_year AS bigint), CAST(:after_union AS uuid)))
    GROUP BY union_id, fiscal_year ORDER BY fiscal_year DESC, union_id LIMIT :limit
)
SELECT coalesce(jsonb_agg(jsonb_build_object(
    'union_id', y.union_id, 'union_name', l.name, 'fiscal_year', y.fiscal_year, 'amount_fen', y.amount_fen,
    'available_fen', (SELECT coalesce(sum(balance_fen - held_fen), 0) FROM account
        WHERE kind = 'budget' AND owner = y.union_id || ':' || y.fiscal_year),
    'encumbered_fen', (SELECT coalesce(sum(a.balance_fen), 0) FROM encumbrance e
        JOIN account a ON a.kind = 'encumbrance' AND a.owner = e.purchase_id::text
        WHERE e.union_id = y.union_id AND e.fiscal_year = y.fiscal_year),
    'allowances_fen', (SELECT coalesce(sum(a.balance_fen), 0) FROM encumbrance e
        JOIN account p ON p.kind = 'encumbrance' AND p.owner = e.purchase_id::text
        JOIN transfer t ON t.credit_account_id = p.id AND t.kind = 'allowance_granted'
        JOIN account a ON a.id = t.debit_account_id
        WHERE e.union_id = y.union_id AND e.fiscal_year = y.fiscal_year),
    'spent_fen', (SELECT coalesce(sum(CASE WHEN t.debit_account_id = a.id THEN amount_fen ELSE -amount_fen END), 0)
        FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
        WHERE a.kind = 'union_spent' AND a.owner = y.union_id || ':' || y.fiscal_year),
    'versions', y.versions) ORDER BY y.fiscal_year DESC, y.union_id), '[]')::text
FROM years y JOIN labour_union l ON l.id = y.union_id
""").bindparams(bindparam("unions", type_=ARRAY(Uuid)))
YEAR_MAX = 2999
_budgets = msgspec.json.Decoder(list[BudgetOut]).decode


async def budgets_of(
    session: ReadSession,
    union_ids: Collection[UUID],
    *,
    fiscal_year: int | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> BudgetList:
    """Budgets of these unions, the newest year first, with their versions. Raises Invalid for a foreign cursor."""
    after_year, after_union = read_cursor(cursor, int, UUID) if cursor else (None, None)
    if after_year is not None and abs(after_year) > YEAR_MAX:
        raise Invalid("翻页位置已失效，请从第一页重新浏览。")
    facts = {"unions": sorted(union_ids), "year": fiscal_year, "after_year": after_year, "after_union": after_union}
    items = _budgets((await session.execute(_BUDGETS, facts | {"limit": limit + 1})).scalar_one())
    last = items[limit - 1] if len(items) > limit else None
    return BudgetList(items[:limit], cursor_of(last.fiscal_year, last.union_id) if last else None)


async def budget_of(session: ReadSession, union_id: UUID, fiscal_year: int) -> BudgetOut:
    """Raises NotFound when none was adopted."""
    found = await budgets_of(session, [union_id], fiscal_year=fiscal_year, limit=1)
    if not found.items:
        raise NotFound("这一年度还没有建立预算。")
    return found.items[0]
