"""What the desk's pages offer to choose from."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from catalog.campaign.entitled import asked_of
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids

_PAIRS = text(f"""
SELECT l.id AS union_id, l.name AS "union", u.id AS unit_id, l.name || ' · ' || u.name AS words
FROM union_unit x JOIN labour_union l ON l.id = x.union_id JOIN unit u ON u.id = x.unit_id
WHERE (:everywhere OR u.id = ANY(:units)) AND {in_force("x", ":day")}
ORDER BY l.code, u.code LIMIT 300
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own words
_UNITS = text(f"""
SELECT id, name FROM unit WHERE (:everywhere OR id = ANY(:units)) AND {in_force("", ":day")} ORDER BY code LIMIT 500
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own words
_SKUS = text(f"""
SELECT s.id, p.title, s.spec, min(q.fen) AS fen, f.name AS supplier
FROM sku s JOIN product p ON p.id = s.product_id JOIN supplier f ON f.id = p.supplier_id
JOIN price q ON q.sku_id = s.id AND q.min_quantity = 1 AND {asked_of("union", "q", ":now")}
WHERE s.active AND p.state = 'listed' GROUP BY s.id, p.title, s.spec, f.name ORDER BY p.title, s.spec LIMIT 1000
""")  # noqa: S608  # our own words
_BY_NUMBER = text("""
SELECT n.number, n.person_id FROM staff_number n WHERE n.union_id = :union AND n.number = ANY(:numbers)
""")


async def places_of(session: ReadSession, actor: Actor, day: date) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """(union and unit) pairs the actor buys for, and the units where sites may be."""
    visible = await visible_unit_ids(session, actor, Permission.BULK_WRITE, day)
    named = {"everywhere": visible is None, "units": sorted(visible or ()), "day": day}
    return (await session.execute(_PAIRS, named)).all(), (await session.execute(_UNITS, named)).all()


async def unions_approved_by(session: ReadSession, actor: Actor, day: date) -> list[tuple[str, str]]:
    """(id, name) of the unions whose purchases the actor approves."""
    visible = await visible_unit_ids(session, actor, Permission.BULK_APPROVE, day)
    named = {"everywhere": visible is None, "units": sorted(visible or ()), "day": day}
    return list({str(row.union_id): row.union for row in await session.execute(_PAIRS, named)}.items())


async def goods_on_sale(session: ReadSession, now: datetime) -> Sequence[Row[Any]]:
    """At most 1,000 SKUs, by title."""
    return (await session.execute(_SKUS, {"now": now})).all()


async def people_by_number(session: ReadSession, union_id: UUID, said: str) -> tuple[list[UUID], list[str]]:
    """Staff numbers as typed, apart by blanks or commas → person ids, and the numbers nobody has."""
    numbers = list(dict.fromkeys(said.replace("，", " ").replace(",", " ").replace("、", " ").split()))
    found = {
        row.number: row.person_id for row in await session.execute(_BY_NUMBER, {"union": union_id, "numbers": numbers})
    }
    return [found[number] for number in numbers if number in found], [n for n in numbers if n not in found]
