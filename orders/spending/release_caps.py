"""Give back what a decision counted: of a purchase that was cancelled, cut or not accepted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from orders.spending.proposal import Portion
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.rows import as_rows


class ReleasesTooMuch(Problem):
    """More would come back than the decision took."""

    status = 409
    code = "releases_too_much"
    title = "退回的额度多于占用的额度"


_CLOSE = text("""
UPDATE spending_take SET released_at = :now WHERE decision_id = :decision_id AND released_at IS NULL
RETURNING decision_id
""")
_STILL = text(
    "SELECT decision_id FROM spending_take WHERE decision_id = :decision_id AND released_at IS NULL FOR UPDATE"
)
_BACK_ALL: Final = """
back AS MATERIALIZED (
    SELECT owner_id, cap_key, cap_year, fen - released_fen AS fen FROM spending_taken
    WHERE decision_id = :decision_id AND fen > released_fen
)"""
_BACK_SOME: Final = """
asked AS MATERIALIZED (
    SELECT person_id, min(province) AS province, sum(fen)::bigint AS fen, sum(assisted_fen)::bigint AS assisted_fen
    FROM jsonb_to_recordset(CAST(:portions AS jsonb))
        AS r(person_id uuid, province text, fen bigint, assisted_fen bigint) GROUP BY 1
),
rest AS MATERIALIZED (
    SELECT a.person_id, a.province, t.cap_key, t.cap_year,
        least(a.assisted_fen, coalesce(t.fen - t.released_fen, 0)) AS purse_fen,
        a.fen - least(a.assisted_fen, coalesce(t.fen - t.released_fen, 0)) AS fen
    FROM asked a LEFT JOIN spending_taken t ON t.decision_id = :decision_id AND t.owner_id = a.person_id
        AND starts_with(t.cap_key, 'top_up')
),
back AS MATERIALIZED (
    SELECT person_id AS owner_id, cap_key, cap_year, purse_fen AS fen FROM rest WHERE purse_fen > 0
    UNION ALL
    SELECT t.owner_id, t.cap_key, t.cap_year, r.fen
    FROM rest r JOIN spending_taken t ON t.decision_id = :decision_id AND t.owner_id = r.person_id
    WHERE r.fen > 0 AND NOT starts_with(t.cap_key, 'top_up')
    UNION ALL
    SELECT t.owner_id, t.cap_key, t.cap_year, sum(r.fen)::bigint
    FROM rest r JOIN spending_taken t ON t.decision_id = :decision_id
      AND starts_with(t.cap_key, 'average:') AND split_part(t.cap_key, '@', 2) = r.province
    WHERE r.fen > 0 GROUP BY 1, 2, 3
)"""
_LOCK_BACK: Final = """
WITH {back}
SELECT count(*) FROM (
    SELECT FROM back b JOIN spending_counter s USING (owner_id, cap_key, cap_year)
    ORDER BY s.owner_id, s.cap_key, s.cap_year FOR NO KEY UPDATE OF s
) locked
"""
_GIVE_BACK: Final = """
WITH {back},
noted AS (
    UPDATE spending_taken t SET released_fen = t.released_fen + b.fen FROM back b
    WHERE t.decision_id = :decision_id AND (t.owner_id, t.cap_key, t.cap_year) = (b.owner_id, b.cap_key, b.cap_year)
      AND t.released_fen + b.fen <= t.fen
    RETURNING b.owner_id, b.cap_key, b.cap_year, b.fen
),
moved AS (
    UPDATE spending_counter s SET used_fen = s.used_fen - n.fen FROM noted n
    WHERE (s.owner_id, s.cap_key, s.cap_year) = (n.owner_id, n.cap_key, n.cap_year) RETURNING s.owner_id
)
SELECT (SELECT count(*) FROM back) AS asked, (SELECT count(*) FROM noted) AS given, (SELECT count(*) FROM moved)
"""
_LOCK_ALL, _ALL = (text(one.format(back=_BACK_ALL)) for one in (_LOCK_BACK, _GIVE_BACK))
_LOCK_SOME, _SOME = (text(one.format(back=_BACK_SOME)) for one in (_LOCK_BACK, _GIVE_BACK))


async def release_caps(
    session: WriteSession, decision_id: UUID, *, portions: Sequence[Portion] | None = None, now: datetime
) -> None:
    """Give back what a decision took: all of it, once; or of these portions, as much as each says (fen).

    Nothing taken, or all given back before, is success. Part by part is for the caller to do once; assisted goods give
    back to the purse first. Raises ReleasesTooMuch.
    """
    asked: dict[str, object] = {"decision_id": decision_id}
    if portions is None:
        if (await session.execute(_CLOSE, asked | {"now": now})).one_or_none() is not None:
            await session.execute(_LOCK_ALL, asked)
            await session.execute(_ALL, asked)
        return
    if (await session.execute(_STILL, asked)).one_or_none() is None:
        return
    asked["portions"] = as_rows(
        {"person_id": str(p.person_id), "province": p.province, "fen": p.fen, "assisted_fen": p.assisted_fen}
        for p in portions
    )
    await session.execute(_LOCK_SOME, asked)
    done = (await session.execute(_SOME, asked)).one()
    if done.given < done.asked:
        raise ReleasesTooMuch("退回的数量多于这次采购占用的数量，请核对名单和金额。")
