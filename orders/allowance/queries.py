"""Allowances as they stand. A union sees counts and sums; what one member bought with his is his own."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Uuid, bindparam, text

from orders.allowance.allocate import Purse
from orders.allowance.schemas import AllowanceList, AllowanceOut, GrantList, GrantOut
from shop.core.database import ReadSession
from shop.core.errors import Invalid, NotFound
from shop.core.paging import cursor_of, read_cursor

_STATE = """CASE WHEN g.withdrawn_at IS NOT NULL THEN 'withdrawn'
    WHEN g.expires_on <= CAST(:day AS date) THEN 'expired' ELSE 'open' END"""
_MINE = text(f"""
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY expires_on DESC, id DESC), '[]')::text FROM (
    SELECT w.id, jsonb_build_object('id', u.id, 'name', u.name) AS union, g.plan_id, g.title, g.batch_number,
        g.amount_fen AS granted_fen,
        CASE WHEN {_STATE} = 'open' THEN a.balance_fen - a.held_fen ELSE 0 END AS available_fen,
        a.held_fen, {_STATE} AS state, g.expires_on,
        (SELECT jsonb_agg(s.sku_id ORDER BY s.sku_id) FROM allowance_sku s WHERE s.grant_id = g.id) AS sku_ids
    FROM allowance w JOIN allowance_grant g ON g.id = w.grant_id JOIN labour_union u ON u.id = g.union_id
    JOIN account a ON a.kind = 'allowance' AND a.owner = w.id::text
    WHERE w.person_id = :person AND (CAST(:expires_on AS date) IS NULL
        OR (g.expires_on, w.id) < (CAST(:expires_on AS date), CAST(:id AS uuid)))
    ORDER BY g.expires_on DESC, w.id DESC LIMIT :limit
) found
""")  # noqa: S608  # composed of our own constants; every value is a bind parameter
_GRANTS = text(f"""
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY granted_at DESC, id DESC), '[]')::text FROM (
    SELECT g.id, g.batch_number, jsonb_build_object('id', u.id, 'name', u.name) AS union, g.plan_id, g.title,
        g.fiscal_year, g.members, g.amount_fen, g.members * g.amount_fen AS granted_fen, m.left_fen, m.held_fen,
        {_STATE} AS state, g.expires_on, g.granted_at, g.withdrawn_at, g.withdrawn_reason,
        (SELECT jsonb_agg(s.sku_id ORDER BY s.sku_id) FROM allowance_sku s WHERE s.grant_id = g.id) AS sku_ids
    FROM allowance_grant g JOIN labour_union u ON u.id = g.union_id, LATERAL (
        SELECT sum(a.balance_fen)::bigint AS left_fen, sum(a.held_fen)::bigint AS held_fen
        FROM allowance w JOIN account a ON a.kind = 'allowance' AND a.owner = w.id::text WHERE w.grant_id = g.id) m
    WHERE g.union_id = ANY(:unions) AND (CAST(:only AS uuid) IS NULL OR g.id = :only)
        AND (CAST(:granted_at AS timestamptz) IS NULL OR (g.granted_at, g.id) < (:granted_at, CAST(:id AS uuid)))
    ORDER BY g.granted_at DESC, g.id DESC LIMIT :limit
) found
""").bindparams(bindparam("unions", type_=ARRAY(Uuid)))  # noqa: S608  # as above
_PURSES = text("""
SELECT w.id, g.union_id, g.fiscal_year, a.balance_fen - a.held_fen AS fen, g.expires_on,
    array_agg(s.sku_id) AS sku_ids
FROM allowance w JOIN allowance_grant g ON g.id = w.grant_id
JOIN account a ON a.kind = 'allowance' AND a.owner = w.id::text JOIN allowance_sku s ON s.grant_id = g.id
WHERE w.person_id = :person AND g.withdrawn_at IS NULL AND g.expires_on > CAST(:day AS date)
    AND a.balance_fen > a.held_fen
GROUP BY w.id, g.id, a.id ORDER BY g.expires_on, w.id
""")
_mine = msgspec.json.Decoder(list[AllowanceOut]).decode
_grants = msgspec.json.Decoder(list[GrantOut]).decode


async def purses_of(session: ReadSession, person_id: UUID, *, day: date) -> list[Purse]:
    """What a person can spend on that day: those that expire first come first."""
    rows = await session.execute(_PURSES, {"person": person_id, "day": day})
    return [
        Purse(row.id, row.union_id, row.fiscal_year, row.fen, row.expires_on, frozenset(row.sku_ids)) for row in rows
    ]


async def allowances_of(
    session: ReadSession, person_id: UUID, *, day: date, limit: int, cursor: str | None = None
) -> AllowanceList:
    """One's own, the longest valid first, spent and expired ones too. Raises Invalid for a foreign cursor."""
    expires_on, allowance_id = read_cursor(cursor, date, UUID) if cursor else (None, None)
    facts = {"person": person_id, "day": day, "expires_on": expires_on, "id": allowance_id, "limit": limit + 1}
    items = _mine((await session.execute(_MINE, facts)).scalar_one())
    last = items[limit - 1] if len(items) > limit else None
    return AllowanceList(items[:limit], cursor_of(last.expires_on, last.id) if last else None)


async def grants_of(
    session: ReadSession, union_ids: Collection[UUID], *, day: date, limit: int, cursor: str | None = None
) -> GrantList:
    """Batches of these unions, the newest first, with sums only. Raises Invalid for a foreign cursor."""
    granted_at, grant_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    if granted_at is not None and granted_at.tzinfo is None:
        raise Invalid("翻页位置已失效，请从第一页重新浏览。")
    facts = {"unions": sorted(union_ids), "only": None, "granted_at": granted_at, "id": grant_id}
    items = _grants((await session.execute(_GRANTS, facts | {"day": day, "limit": limit + 1})).scalar_one())
    last = items[limit - 1] if len(items) > limit else None
    return GrantList(items[:limit], cursor_of(last.granted_at, last.id) if last else None)


async def grant_of(session: ReadSession, union_id: UUID, grant_id: UUID, *, day: date) -> GrantOut:
    """Raises NotFound."""
    facts = {"unions": [union_id], "only": grant_id, "granted_at": None, "id": None, "day": day, "limit": 1}
    found = _grants((await session.execute(_GRANTS, facts)).scalar_one())
    if not found:
        raise NotFound("没有这一批福利额度。")
    return found[0]
