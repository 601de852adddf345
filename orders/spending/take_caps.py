"""Count what a decision gives each person, once, under the caps: the guard that no two purchases can cross.

It decides in SQL what `caps.capped` decided before: others may have taken since, and no lock waits for Python.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem

EXCEEDED_SHOWN_MAX: Final = 20


class CapExceeded(Problem):
    """Somebody would get more than a cap allows. Nothing was counted."""

    status = 409
    code = "cap_exceeded"
    title = "超过福利上限"


class DecisionReleased(Problem):
    """What the decision took was given back; whoever wants it again asks the rules again."""

    status = 409
    code = "decision_released"
    title = "这项规则决定已经作废"


# What a decision wants of which counter, as the stored inputs and limits say. A purse gives what it has left, to
# assisted goods only; the other caps count the rest. Whoever uses `need` holds the counters' rows.
_WANTED: Final = """
decided AS MATERIALIZED (
    SELECT inputs -> 'portions' AS portions, inputs -> 'provinces' AS provinces, result -> 'limits' AS limits, union_id
    FROM spending_decision WHERE id = :decision_id
),
got AS MATERIALIZED (
    SELECT (p ->> 0)::uuid AS person_id, min(d.provinces ->> (p ->> 1)::int) AS province,
        sum((p ->> 3)::bigint)::bigint AS fen, sum((p ->> 4)::bigint)::bigint AS assisted_fen,
        min(place)::int - 1 AS place
    FROM decided d, jsonb_array_elements(d.portions) WITH ORDINALITY AS t(p, place)
    GROUP BY 1
),
cap AS MATERIALIZED (
    SELECT l.*, d.union_id FROM decided d, jsonb_to_recordset(d.limits)
        AS l(holder text, province text, key text, year int, cap_fen bigint, title text)
),
counter AS MATERIALIZED (
    SELECT g.person_id AS owner_id, c.key, c.year, min(c.cap_fen) AS cap_fen
    FROM got g JOIN cap c ON c.province = g.province AND c.holder <> 'union' GROUP BY 1, 2, 3
    UNION ALL
    SELECT union_id, key, year, min(cap_fen) FROM cap WHERE holder = 'union' GROUP BY 1, 2, 3
)"""
_MAKE = text(f"""
WITH {_WANTED}
INSERT INTO spending_counter (owner_id, cap_key, cap_year, used_fen, cap_fen)
SELECT owner_id, key, year, 0, cap_fen FROM counter ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
""")  # noqa: S608  # composed of our own constants
_LOCK = text(f"""
WITH {_WANTED}
SELECT count(*) FROM (SELECT * FROM counter ORDER BY owner_id, key, year) n
CROSS JOIN LATERAL (
    SELECT FROM spending_counter s WHERE s.owner_id = n.owner_id AND s.cap_key = n.key AND s.cap_year = n.year
    LIMIT 1 FOR NO KEY UPDATE
) locked
""")  # noqa: S608  # composed of our own constants
_TAKE = text(f"""
WITH {_WANTED},
rest AS MATERIALIZED (
    SELECT g.person_id, g.province, g.place, p.key, p.year, p.cap_fen,
        coalesce(least(g.assisted_fen, greatest(p.cap_fen - s.used_fen, 0)), 0) AS purse_fen,
        g.fen - coalesce(least(g.assisted_fen, greatest(p.cap_fen - s.used_fen, 0)), 0) AS fen
    FROM got g LEFT JOIN cap p ON p.province = g.province AND p.holder = 'purse'
    LEFT JOIN LATERAL (
        SELECT used_fen FROM spending_counter c
        WHERE c.owner_id = g.person_id AND c.cap_key = p.key AND c.cap_year = p.year LIMIT 1
    ) s ON true
),
need AS MATERIALIZED (
    SELECT person_id AS owner_id, key, year, cap_fen, purse_fen AS fen, NULL::int AS place, NULL AS title
    FROM rest WHERE purse_fen > 0
    UNION ALL
    SELECT r.person_id, c.key, c.year, c.cap_fen, r.fen, r.place, c.title
    FROM rest r JOIN cap c ON c.province = r.province AND c.holder = 'person' WHERE r.fen > 0
    UNION ALL
    SELECT c.union_id, c.key, c.year, c.cap_fen, sum(r.fen)::bigint, NULL, c.title
    FROM rest r JOIN cap c ON c.province = r.province AND c.holder = 'union'
    GROUP BY 1, 2, 3, 4, c.title HAVING sum(r.fen) > 0
),
exceeded AS MATERIALIZED (
    SELECT n.place, n.title FROM need n CROSS JOIN LATERAL (
        SELECT used_fen FROM spending_counter c
        WHERE c.owner_id = n.owner_id AND c.cap_key = n.key AND c.cap_year = n.year LIMIT 1
    ) s WHERE s.used_fen + n.fen > n.cap_fen
),
moved AS (
    INSERT INTO spending_counter AS s (owner_id, cap_key, cap_year, used_fen, cap_fen)
    SELECT owner_id, key, year, fen, cap_fen FROM need WHERE NOT EXISTS (SELECT FROM exceeded)
    ON CONFLICT (owner_id, cap_key, cap_year)
        DO UPDATE SET used_fen = s.used_fen + excluded.used_fen, cap_fen = excluded.cap_fen
    RETURNING s.owner_id
),
noted AS (
    INSERT INTO spending_taken (decision_id, owner_id, cap_key, cap_year, fen, released_fen)
    SELECT CAST(:decision_id AS uuid), owner_id, key, year, fen, 0 FROM need WHERE NOT EXISTS (SELECT FROM exceeded)
    RETURNING owner_id
)
SELECT (SELECT count(*) FROM need) AS requested, (SELECT count(*) FROM noted) AS taken,
    (SELECT count(*) FROM moved) AS moved,
    (SELECT count(DISTINCT place) FROM exceeded) AS people,
    (SELECT coalesce(jsonb_agg(e ORDER BY e.place), '[]') FROM (
        SELECT place, title FROM exceeded ORDER BY place LIMIT :shown) e) AS shown
""")  # noqa: S608  # composed of our own constants
_CLAIM = text("""
INSERT INTO spending_take (decision_id, purchase_id, taken_at)
SELECT id, purchase_id, :now FROM spending_decision WHERE id = :decision_id
ON CONFLICT DO NOTHING RETURNING decision_id
""")
_CLAIMED = text("SELECT released_at FROM spending_take WHERE decision_id = :decision_id")


async def take_caps(session: WriteSession, decision_id: UUID, *, now: datetime) -> None:
    """Move every counter of a decision, all or none; a second time is success and moves nothing.

    Raises CapExceeded, which says how many people and, for twenty of them, their place among the portions, never who;
    DecisionReleased; NotFound.
    """
    asked = {"decision_id": decision_id}
    if (await session.execute(_CLAIM, asked | {"now": now})).one_or_none() is None:
        claimed = (await session.execute(_CLAIMED, asked)).one_or_none()
        if claimed is None:
            raise NotFound("没有这项规则决定。")
        if claimed.released_at is not None:
            raise DecisionReleased("占用的额度已经退回，请重新提交，由规则重新核对。")
        return
    await session.execute(_MAKE, asked)
    await session.execute(_LOCK, asked)
    done = (await session.execute(_TAKE, asked | {"shown": EXCEEDED_SHOWN_MAX})).one()
    if done.taken < done.requested:
        who = f"有 {done.people:,} 人" if done.people else "工会平均"
        raise CapExceeded(
            f"{who}超过上限（含其他采购和其他工会已发的），什么都没有占用。请减少金额或人员后重新提交。",
            [_exceeded(one["place"], one["title"]) for one in done.shown],
            {"people": done.people},
        )


def _exceeded(place: int | None, title: str) -> Detail:
    who = "" if place is None else f"第 {place + 1} 人"
    return Detail("" if place is None else f"/portions/{place}", CapExceeded.code, f"{who}超过“{title}”")
