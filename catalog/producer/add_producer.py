"""Who grows and makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.county.designate import UnknownCounty
from catalog.county.queries import unknown_codes
from shop.core.database import WriteSession
from shop.core.errors import Detail
from shop.core.ids import derived_id
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class NewProducer:
    """confirmed: somebody has seen a paper that it is what it says."""

    name: str
    kind: str
    county_code: str
    source: str
    confirmed: bool = False

    @property
    def id(self) -> UUID:
        return derived_id("producer", self.name)


_ADD = text("""
INSERT INTO producer (id, name, kind, county_code, confirmed, source, created_at)
SELECT id, name, kind, county_code, confirmed, source, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text, kind text, county_code text, confirmed boolean,
    source text)
ORDER BY name
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, county_code = excluded.county_code,
    confirmed = excluded.confirmed, source = excluded.source
WHERE excluded.confirmed AND (producer.kind, producer.county_code, producer.confirmed, producer.source)
    IS DISTINCT FROM (excluded.kind, excluded.county_code, excluded.confirmed, excluded.source)
RETURNING id
""")


async def add_producers(session: WriteSession, *, producers: Sequence[NewProducer], now: datetime) -> list[UUID]:
    """Add producers by name; the ids that are new or changed. What is confirmed replaces what is known of a name,
    what is not never does. The caller touches their products. Raises UnknownCounty.
    """
    missing = await unknown_codes(session, {one.county_code for one in producers})
    if missing:
        raise UnknownCounty(
            errors=[
                Detail(f"/{i}/county_code", UnknownCounty.code, f"没有行政区划代码 {one.county_code}")
                for i, one in enumerate(producers)
                if one.county_code in missing
            ]
        )
    by_id = {one.id: one for one in producers}
    documents = [msgspec.to_builtins(one) | {"id": str(key)} for key, one in by_id.items()]
    return list((await session.execute(_ADD, {"rows": as_rows(documents), "now": now})).scalars())
