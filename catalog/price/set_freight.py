"""What a supplier charges for sending to a region, from a day on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.touch import touch_suppliers
from shop.access.permissions import Actor, Permission
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.ids import derived_id
from shop.core.rows import as_rows
from shop.core.window import not_ended


@dataclass(frozen=True, slots=True)
class NewRate:
    """region: a prefix of the division code, '' = everywhere else; served False = cannot arrive there."""

    supplier_id: UUID
    region: str
    valid_from: date
    served: bool = True
    first_grams: int = 1_000
    first_fen: int = 0
    step_grams: int = 1_000
    step_fen: int = 0
    free_from_fen: int | None = None

    @property
    def id(self) -> UUID:
        return derived_id("freight", self.supplier_id, self.region, self.valid_from)


_CLOSE = text(f"""
UPDATE freight_rate f SET valid_to = r.valid_from
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(supplier_id uuid, region text, valid_from date)
WHERE (f.supplier_id, f.region) = (r.supplier_id, r.region) AND f.valid_from < r.valid_from
    AND {not_ended("f", "r.valid_from")}
""")  # noqa: S608
_OPEN = text("""
INSERT INTO freight_rate (id, supplier_id, region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen,
    valid_from, valid_to)
SELECT id, supplier_id, region, served, first_grams, first_fen, step_grams, step_fen, free_from_fen, valid_from,
    (SELECT min(n.valid_from) FROM freight_rate n
        WHERE (n.supplier_id, n.region) = (r.supplier_id, r.region) AND n.valid_from > r.valid_from)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, supplier_id uuid, region text, served boolean,
    first_grams bigint, first_fen bigint, step_grams bigint, step_fen bigint, free_from_fen bigint, valid_from date)
ORDER BY id
ON CONFLICT (id) DO NOTHING
RETURNING id
""")


async def set_freight_rates(
    session: WriteSession, *, actor: Actor | None, rates: Sequence[NewRate], now: datetime
) -> int:
    """Open new rates and close those they replace; how many are new. A rate of the same day is kept as it is.

    Raises NotYourSupplier.
    """
    mine = supplier_ids(actor, Permission.PRODUCT_WRITE)
    if mine is not None and any(one.supplier_id not in mine for one in rates):
        raise NotYourSupplier
    by_id = {one.id: one for one in rates}
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(key)} for key, one in by_id.items())
    await session.execute(_CLOSE, {"rows": rows})
    added = list((await session.execute(_OPEN, {"rows": rows})).scalars())
    await touch_suppliers(session, {by_id[key].supplier_id for key in added}, now=now)
    await record_changes(
        session,
        [Change("freight.set", f"supplier:{by_id[k].supplier_id}", None, msgspec.to_builtins(by_id[k])) for k in added],
        actor_id=actor.user_id if actor else None,
        now=now,
    )
    return len(added)
