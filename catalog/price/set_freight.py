"""What a supplier charges for sending to its regions, from a day on: always the whole table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import Uuid, bindparam, text

from catalog.producer.scope import supplier_ids
from catalog.product.touch import touch_suppliers
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force, not_ended


class FreightInThePast(Problem):
    """What was charged on days gone by, and may be charged today, stays. Nothing was saved."""

    status = 422
    code = "freight_in_the_past"
    title = "运费表只能从明天或以后开始"


class RegionTwice(Problem):
    """Nobody could say which of the two holds. Nothing was saved."""

    status = 422
    code = "freight_region_twice"
    title = "同一地区有两行运费"


@dataclass(frozen=True, slots=True)
class NewRate:
    """As `FreightRate`. region: a prefix of the division code, '' = everywhere else; served False = cannot arrive."""

    region: str
    served: bool = True
    first_grams: int = 1_000
    first_fen: int = 0
    step_grams: int = 1_000
    step_fen: int = 0
    free_from_fen: int | None = None


_SUPPLIER = bindparam("supplier", type_=Uuid)
_LOCK = text("SELECT id FROM supplier WHERE id = :supplier FOR NO KEY UPDATE").bindparams(_SUPPLIER)
_BEGUN = text("""
SELECT min(valid_from) AS first, max(valid_from) AS last FROM freight_rate WHERE supplier_id = :supplier
""")
_HELD = text(f"""
SELECT region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen FROM freight_rate f
WHERE supplier_id = :supplier AND {in_force("f", ":day")} ORDER BY region
""")  # noqa: S608  # our own words
_END = text(f"""
UPDATE freight_rate f SET valid_to = :day
WHERE supplier_id = :supplier AND valid_from < :day AND {not_ended("f", ":day")}
""")  # noqa: S608  # our own words
_UNPLAN = text("DELETE FROM freight_rate WHERE supplier_id = :supplier AND valid_from >= :day")
_OPEN = text("""
INSERT INTO freight_rate (id, supplier_id, region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen,
    valid_from)
SELECT id, :supplier, region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen, :day
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, region text, served boolean, first_grams bigint,
    first_fen bigint, step_grams bigint, step_fen bigint, free_from_fen bigint)
""").bindparams(_SUPPLIER)


async def set_freight(
    session: WriteSession,
    *,
    actor: Actor | None,
    supplier_id: UUID,
    rates: Sequence[NewRate],
    valid_from: date,
    now: datetime,
) -> bool:
    """From `valid_from` on exactly these; whether that changes anything. What was planned for later is given up.

    A supplier without a table may begin on any day, since nothing of it could be sent before; any other table begins
    tomorrow at the earliest. Raises NotFound (no supplier of the caller's), FreightInThePast, RegionTwice.
    """
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    named = {"supplier": supplier_id, "day": valid_from}
    if (mine is not None and supplier_id not in mine) or await session.scalar(_LOCK, named) is None:
        raise NotFound("没有这个供应商，或者它不是您的。")
    _refuse_twice(rates)
    requested = sorted(rates, key=lambda one: one.region)
    begun = (await session.execute(_BEGUN, named)).one()
    held = [NewRate(*row) for row in await session.execute(_HELD, named)]
    if held == requested and (begun.last is None or begun.last <= valid_from):
        return False
    if begun.first is not None and valid_from <= clock.business_day(now):
        raise FreightInThePast(errors=[Detail("/valid_from", FreightInThePast.code, FreightInThePast.title)])
    await session.execute(_END, named)
    await session.execute(_UNPLAN, named)
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(new_id())} for one in requested)
    await session.execute(_OPEN, named | {"rows": rows})
    await touch_suppliers(session, [supplier_id], now=now)
    await record_change(
        session,
        actor_id=actor.user_id if actor else None,
        action="freight.set",
        subject=f"supplier:{supplier_id}",
        before={"rates": msgspec.to_builtins(held)},
        after={"rates": msgspec.to_builtins(requested), "valid_from": valid_from.isoformat()},
        now=now,
    )
    return True


def _refuse_twice(rates: Sequence[NewRate]) -> None:
    regions = [one.region for one in rates]
    twice = [i for i, region in enumerate(regions) if region in regions[:i]]
    if twice:
        raise RegionTwice(errors=[Detail(f"/rates/{i}/region", RegionTwice.code, RegionTwice.title) for i in twice])
