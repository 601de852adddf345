"""Counties as visitors read them: a page of those valid today, and one with its history."""

from datetime import date

from sqlalchemy import text

from catalog.county.schemas import CountyDetail, CountyOut, CountyPage
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.core.window import in_force

_DESIGNATION = """jsonb_build_object('kind', d.kind, 'valid_from', d.valid_from, 'valid_to', d.valid_to,
    'delisted_year', d.delisted_year, 'source', d.source, 'confirmed', d.confirmed)"""
_PAGE = text(f"""
SELECT c.code, c.name, c.province, c.prefecture,
    coalesce((SELECT jsonb_agg({_DESIGNATION} ORDER BY d.kind) FROM designation d
        WHERE d.county_code = c.code AND {in_force("d", ":day", unknown=True)}), '[]') AS designations
FROM county c
WHERE c.code > :after AND {in_force("c", ":day", unknown=True)}
    AND (CAST(:province AS text) IS NULL OR c.province = :province)
    AND (CAST(:designation AS text) IS NULL OR EXISTS (SELECT FROM designation d
        WHERE d.county_code = c.code AND d.kind = :designation AND {in_force("d", ":day", unknown=True)}))
    AND (CAST(:q AS text) IS NULL OR c.code = :q OR strpos(c.name, :q) > 0 OR strpos(coalesce(c.prefecture, ''), :q) > 0
        OR starts_with(c.pinyin, lower(:q)) OR strpos(c.pinyin, ' ' || lower(:q)) > 0
        OR EXISTS (SELECT FROM county_alias a WHERE a.code = c.code AND strpos(a.alias, :q) > 0)
        OR EXISTS (SELECT FROM county_successor s JOIN county f ON f.code = s.code
            WHERE s.successor_code = c.code AND (f.code = :q OR strpos(f.name, :q) > 0)))
ORDER BY c.code LIMIT :limit
""")  # noqa: S608  # composed of our own constants; every value is a bind parameter
_SUCCESSION = "jsonb_build_object('code', o.code, 'name', o.name, 'valid_from', s.valid_from)"
_ONE = text(f"""
SELECT c.code, c.name, c.province, c.prefecture, c.valid_from, c.valid_to, c.source,
    coalesce((SELECT jsonb_agg({_DESIGNATION} ORDER BY d.kind, d.valid_from NULLS FIRST) FROM designation d
        WHERE d.county_code = c.code), '[]') AS designations,
    coalesce((SELECT jsonb_agg(DISTINCT a.alias) FROM county_alias a WHERE a.code = c.code), '[]') AS aliases,
    coalesce((SELECT jsonb_agg({_SUCCESSION} ORDER BY o.code) FROM county_successor s
        JOIN county o ON o.code = s.successor_code WHERE s.code = c.code), '[]') AS successors,
    coalesce((SELECT jsonb_agg({_SUCCESSION} ORDER BY o.code) FROM county_successor s
        JOIN county o ON o.code = s.code WHERE s.successor_code = c.code), '[]') AS predecessors
FROM county c WHERE c.code = :code
""")  # noqa: S608  # as above


async def list_counties(
    session: ReadSession,
    *,
    day: date,
    limit: int,
    cursor: str | None = None,
    designation: str | None = None,
    province: str | None = None,
    q: str | None = None,
) -> CountyPage:
    """Counties whose code is valid on `day`, by code. q: part of a name, an old name or code, or a pinyin beginning."""
    (after,) = read_cursor(cursor, str) if cursor else ("",)
    found = await session.execute(
        _PAGE,
        {
            "day": day,
            "after": after,
            "limit": limit + 1,
            "designation": designation,
            "province": province,
            "q": (q or "").strip() or None,
        },
    )
    rows = [CountyOut.model_validate(dict(row)) for row in found.mappings()]
    more = len(rows) > limit
    return CountyPage(items=rows[:limit], next_cursor=cursor_of(rows[limit - 1].code) if more else None)


async def read_county(session: ReadSession, code: str) -> CountyDetail:
    """One code, past or present. Raises NotFound."""
    row = (await session.execute(_ONE, {"code": code})).mappings().first()
    if row is None:
        raise NotFound(f"没有行政区划代码 {code}。")
    return CountyDetail.model_validate(dict(row))
