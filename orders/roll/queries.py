"""Reads of the roll: lines, who has not signed, pages with their scans, what was left over."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Row, bindparam, text

from orders.roll.models import OUTCOMES
from orders.roll.paper import Part, RollLine
from shop.core.database import Database, ReadSession

OPEN: Final = "(r.outcome IS NULL OR (r.outcome = 'not_reached' AND coalesce(r.note, '') = '' AND r.erased_at IS NULL))"
"""Neither signed for nor explained."""
_WITHIN: Final = "(CAST(:units AS uuid[]) IS NULL OR r.unit_id = ANY(:units))"
_NOTHING_PRIVATE: Final = """NOT EXISTS (
    SELECT FROM bulk_package q WHERE q.purchase_id = :purchase AND q.is_private)"""
# What package somebody gets is told only where none of the purchase reveals anything.
_LINES = text(f"""
SELECT r.page, r.line, r.person_id, m.staff_number, m.name,
    CASE WHEN {_NOTHING_PRIVATE} THEN coalesce(k.name, d.name) END AS package,
    r.outcome, r.proxy_name, r.waybill, r.note, r.signed_on
FROM roll_row r JOIN bulk_member m ON m.purchase_id = r.purchase_id AND m.person_id = r.person_id
LEFT JOIN bulk_package k ON k.id = m.package_id
LEFT JOIN bulk_package d ON d.purchase_id = m.purchase_id AND d.is_default
WHERE r.purchase_id = :purchase AND r.page = ANY(:pages) ORDER BY r.page, r.line
""").bindparams(bindparam("pages", type_=ARRAY(Integer)))  # noqa: S608  # our own constants
_PARTS = text(f"""
SELECT u.name AS unit, r.department, array_agg(DISTINCT r.page ORDER BY r.page) AS pages, count(*) AS people
FROM roll_row r JOIN unit u ON u.id = r.unit_id
WHERE r.purchase_id = :purchase AND {_WITHIN} GROUP BY r.unit_id, u.name, r.department ORDER BY min(r.page)
""")  # noqa: S608  # our own words
_SHOWN = text(f"""
SELECT r.page, r.line, r.person_id, m.staff_number, m.name, u.name AS unit, r.department, r.outcome, r.proxy_name,
    r.waybill, r.note, r.signed_on
FROM roll_row r JOIN bulk_member m ON m.purchase_id = r.purchase_id AND m.person_id = r.person_id
JOIN unit u ON u.id = r.unit_id
WHERE r.purchase_id = :purchase AND {_WITHIN} AND (r.page, r.line) > (:page, :line)
    AND (NOT CAST(:open AS bool) OR {OPEN}) AND (CAST(:only AS int) IS NULL OR r.page = :only)
ORDER BY r.page, r.line LIMIT :most
""")  # noqa: S608  # our own words
_COUNTS = text(f"""
SELECT count(*) AS members, count(*) FILTER (WHERE {OPEN}) AS open, count(DISTINCT r.page) AS pages,
    {", ".join(f"count(*) FILTER (WHERE r.outcome = '{one}') AS {one}" for one in OUTCOMES)}
FROM roll_row r WHERE r.purchase_id = :purchase AND {_WITHIN}
""")  # noqa: S608  # our own words
_PAGE = text("""
SELECT array_agg(r.person_id ORDER BY r.line) AS people, array_agg(DISTINCT r.unit_id) AS units FROM roll_row r
WHERE r.purchase_id = :purchase AND r.page = :page
""")
_SCANS = text(f"""
SELECT s.page, s.evidence_sha256, s.added_at FROM roll_scan s
WHERE s.purchase_id = :purchase AND EXISTS (SELECT FROM roll_row r
    WHERE r.purchase_id = s.purchase_id AND r.page = s.page AND {_WITHIN})
ORDER BY s.page, s.added_at
""")  # noqa: S608  # our own words
_LEFTOVERS = text("""
SELECT l.id, l.sku_id, g.title, s.spec, l.pieces, l.decision, l.minutes_sha256, l.recorded_at
FROM roll_leftover l JOIN sku s ON s.id = l.sku_id JOIN product g ON g.id = s.product_id
WHERE l.purchase_id = :purchase ORDER BY l.recorded_at, l.id
""")


@dataclass(frozen=True, slots=True)
class Department:
    """A department's pages on the roll."""

    unit: str
    department: str
    pages: Sequence[int]
    people: int


async def departments(session: ReadSession, purchase_id: UUID, units: list[UUID] | None) -> list[Department]:
    rows = await session.execute(_PARTS, {"purchase": purchase_id, "units": units})
    return [Department(*row) for row in rows]


async def parts(
    database: Database, purchase_id: UUID, found: Sequence[Department], *, most: int
) -> AsyncIterator[list[Part]]:
    """Departments with their lines, in batches of about `most` people, so that no more is ever held."""
    batch: list[Department] = []
    for number, one in enumerate(found):
        batch.append(one)
        if number + 1 == len(found) or sum(part.people for part in batch) + found[number + 1].people > most:
            yield await _read(database, purchase_id, batch)
            batch = []


async def _read(database: Database, purchase_id: UUID, batch: Sequence[Department]) -> list[Part]:
    pages = [page for one in batch for page in one.pages]
    by_page: dict[int, list[RollLine]] = {}
    async with database.reading() as session:
        for row in await session.execute(_LINES, {"purchase": purchase_id, "pages": pages}):
            by_page.setdefault(row.page, []).append(RollLine(*row))
    return [
        Part(one.unit, one.department, [line for page in one.pages for line in by_page.get(page, ())]) for one in batch
    ]


async def counts(session: ReadSession, purchase_id: UUID, units: list[UUID] | None) -> Row[Any]:
    """members, open, pages, and one column an outcome."""
    return (await session.execute(_COUNTS, {"purchase": purchase_id, "units": units})).one()


async def lines_after(
    session: ReadSession,
    purchase_id: UUID,
    units: list[UUID] | None,
    *,
    after: tuple[int, int] = (0, 0),
    only_open: bool = False,
    page: int | None = None,
    most: int,
) -> list[Row[Any]]:
    """Lines behind (page, line), in their order."""
    named = {"purchase": purchase_id, "units": units, "page": after[0], "line": after[1], "open": only_open}
    return list(await session.execute(_SHOWN, named | {"only": page, "most": most}))


async def page_of(session: ReadSession, purchase_id: UUID, page: int) -> Row[Any] | None:
    """Its people (ids by line) and units of a page, or None when there is no such page."""
    found = (await session.execute(_PAGE, {"purchase": purchase_id, "page": page})).one()
    return found if found.people else None


async def scans(session: ReadSession, purchase_id: UUID, units: list[UUID] | None) -> list[Row[Any]]:
    """page, evidence_sha256, added_at of the signed pages that came back."""
    return list(await session.execute(_SCANS, {"purchase": purchase_id, "units": units}))


async def leftovers(session: ReadSession, purchase_id: UUID) -> list[Row[Any]]:
    return list(await session.execute(_LEFTOVERS, {"purchase": purchase_id}))
