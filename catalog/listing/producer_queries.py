"""Producers as visitors read them."""

from uuid import UUID

from sqlalchemy import text

from catalog.listing.producer_schemas import ProducerDetail, ProducerOut, ProducerPage
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor

_COLUMNS = """p.id, p.name, p.kind, p.confirmed, p.source,
    jsonb_build_object('code', c.code, 'name', c.name, 'province', c.province) AS county"""
_PAGE = text(f"""
SELECT {_COLUMNS} FROM producer p JOIN county c ON c.code = p.county_code
WHERE p.name > :after AND (CAST(:county AS text) IS NULL OR p.county_code = :county)
    AND (CAST(:q AS text) IS NULL OR strpos(p.name, :q) > 0)
ORDER BY p.name LIMIT :limit
""")  # noqa: S608  # composed of our own constants; every value is a bind parameter
_ONE = text(f"""
SELECT {_COLUMNS},
    coalesce((SELECT jsonb_agg(jsonb_build_object('product_id', d.product_id, 'product_title', g.title,
        'kind', d.kind, 'number', d.number, 'issuer', d.issuer, 'valid_from', d.valid_from, 'valid_to', d.valid_to,
        'source', d.source, 'confirmed', d.confirmed) ORDER BY g.title, d.kind, d.id)
        FROM document d JOIN product g ON g.id = d.product_id
        WHERE g.producer_id = p.id AND g.state = 'listed'), '[]') AS documents,
    coalesce((SELECT jsonb_agg(jsonb_build_object('period', b.period, 'households', b.households,
        'persons', b.persons, 'mode', b.mode, 'source', b.source, 'stated_on', b.stated_on)
        ORDER BY b.stated_on DESC, b.id) FROM benefit_statement b WHERE b.producer_id = p.id), '[]')
        AS benefit_statements
FROM producer p JOIN county c ON c.code = p.county_code WHERE p.id = :id
""")  # noqa: S608  # as above


async def list_producers(
    session: ReadSession, *, limit: int, cursor: str | None = None, county: str | None = None, q: str | None = None
) -> ProducerPage:
    """Producers by name. county: a code; q: part of a name."""
    (after,) = read_cursor(cursor, str) if cursor else ("",)
    found = await session.execute(
        _PAGE, {"after": after, "limit": limit + 1, "county": county, "q": (q or "").strip() or None}
    )
    rows = [ProducerOut.model_validate(dict(row)) for row in found.mappings()]
    more = len(rows) > limit
    return ProducerPage(items=rows[:limit], next_cursor=cursor_of(rows[limit - 1].name) if more else None)


async def read_producer(session: ReadSession, producer_id: UUID) -> ProducerDetail:
    """One producer with the papers of its listed products and its statements. Raises NotFound."""
    row = (await session.execute(_ONE, {"id": producer_id})).mappings().first()
    if row is None:
        raise NotFound("没有这个生产者。")
    return ProducerDetail.model_validate(dict(row))
