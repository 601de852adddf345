"""Reviews that somebody may see: the platform all, a supplier those of its own goods."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.producer.scope import supplier_ids
from catalog.review.item import read_items
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor

_REVIEWS = """
SELECT r.id, r.product_id, p.code, p.title, p.state AS product_state, p.supplier_id, f.name AS supplier_name, r.items,
    r.state, r.asked_by, a.name AS asked_by_name, r.asked_at, r.author_ids, r.reference, r.replaces, r.decided_by,
    d.name AS decided_by_name, r.decided_at, r.reason
FROM product_review r JOIN product p ON p.id = r.product_id JOIN supplier f ON f.id = p.supplier_id
LEFT JOIN user_account ua ON ua.id = r.asked_by LEFT JOIN person a ON a.id = ua.person_id
LEFT JOIN user_account ud ON ud.id = r.decided_by LEFT JOIN person d ON d.id = ud.person_id
WHERE (CAST(:mine AS uuid[]) IS NULL OR p.supplier_id = ANY(:mine))
"""
_PAGE = text(
    _REVIEWS
    + """ AND (CAST(:state AS text) IS NULL OR r.state = :state)
    AND (CAST(:after AS uuid) IS NULL OR r.id < :after) ORDER BY r.id DESC LIMIT :limit"""
)
_ONE = text(_REVIEWS + " AND r.id = :id")
_COUNTIES = text("SELECT code, name FROM county WHERE code = ANY(:codes)")


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Row[Any]]
    next_cursor: str | None


async def reviews_of(session: ReadSession, actor: Actor, *, state: str | None, limit: int, cursor: str | None) -> Page:
    """The newest first. Raises Invalid for a cursor that is none."""
    after = read_cursor(cursor, UUID)[0] if cursor else None
    requested = {"mine": _visible(actor), "state": state, "after": after, "limit": limit + 1}
    rows = (await session.execute(_PAGE, requested)).all()
    return Page(rows[:limit], cursor_of(rows[limit - 1].id) if len(rows) > limit else None)


async def review_of(session: ReadSession, actor: Actor, review_id: UUID) -> Row[Any]:
    """Raises NotFound."""
    found = (await session.execute(_ONE, {"mine": _visible(actor), "id": review_id})).one_or_none()
    if found is None:
        raise NotFound("没有这个审核申请，或者它不在您的管理范围内。")
    return found


async def county_names(session: ReadSession, rows: Sequence[Row[Any]]) -> dict[str, str]:
    """Code → name, of the counties that these reviews speak of."""
    items = [item for row in rows for item in read_items(row.items) if item.field.endswith("county_code")]
    codes = {str(code) for item in items for code in (item.before, item.after) if code}
    if not codes:
        return {}
    return {row.code: row.name for row in await session.execute(_COUNTIES, {"codes": sorted(codes)})}


def _visible(actor: Actor) -> list[UUID] | None:
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    return None if mine is None else sorted(mine)
