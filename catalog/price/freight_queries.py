"""A supplier's freight as it stands and as it is planned, and the regions that a table may name."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from catalog.producer.scope import supplier_ids
from shop.access.permissions import Actor, Permission
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.window import in_force, not_ended

_SUPPLIERS = text("""
SELECT s.id, s.name, EXISTS (SELECT FROM product p WHERE p.supplier_id = s.id AND p.state = 'listed') AS sells
FROM supplier s WHERE (:all OR s.id = ANY(:mine)) ORDER BY s.name, s.id LIMIT 1000
""").bindparams(bindparam("mine", type_=ARRAY(Uuid)))
_RATES = text(f"""
SELECT region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen, valid_from, valid_to
FROM freight_rate f WHERE supplier_id = :supplier AND {not_ended("f", ":day")} ORDER BY valid_from, region
""")  # noqa: S608  # our own words
_PROVINCES = text(f"""
SELECT left(code, 2) AS region, min(province) AS name FROM county c WHERE {in_force("c", ":day", unknown=True)}
GROUP BY left(code, 2) ORDER BY 1
""")  # noqa: S608  # our own words


async def suppliers_of(session: ReadSession, actor: Actor) -> Sequence[Row[Any]]:
    """Those whose goods the caller may write: id, name and whether anything of theirs is on the shelf."""
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    return (await session.execute(_SUPPLIERS, {"all": mine is None, "mine": sorted(mine or ())})).all()


async def freight_rates(session: ReadSession, actor: Actor, supplier_id: UUID, *, day: date) -> Sequence[Row[Any]]:
    """What holds on the day or will, by first day and region. Raises NotFound."""
    if supplier_id not in {one.id for one in await suppliers_of(session, actor)}:
        raise NotFound("没有这个供应商，或者它不是您的。")
    return (await session.execute(_RATES, {"supplier": supplier_id, "day": day})).all()


async def provinces(session: ReadSession, *, day: date) -> list[tuple[str, str]]:
    """(first two digits, name), in the order of their codes."""
    return [(row.region, row.name) for row in await session.execute(_PROVINCES, {"day": day})]
