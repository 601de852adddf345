"""A unit answers for a county, from a day on, by a letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.county.designate import UnknownCounty
from catalog.county.queries import unknown_codes
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class UnknownUnit(Problem):
    status = 422
    code = "unit_unknown"
    title = "没有这个单位编号"


class PairingOverlaps(Problem):
    """The unit is already paired with the county on one of these days. Nothing was saved."""

    status = 409
    code = "pairing_overlaps"
    title = "同一单位与同一县的定点帮扶日期重叠，请先结束原有的一条"


@dataclass(frozen=True, slots=True)
class NewPairing:
    """Business days [valid_from, valid_to); open when no letter ended it."""

    unit_code: str
    county_code: str
    valid_from: date
    source: str
    valid_to: date | None = None


_UNITS = text("SELECT code, id FROM unit WHERE code = ANY(:codes)")
_PAIR = text("""
INSERT INTO pairing (id, unit_id, county_code, valid_from, valid_to, source)
SELECT id, unit_id, county_code, valid_from, valid_to, source
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, unit_id uuid, county_code text, valid_from date,
    valid_to date, source text)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET valid_to = excluded.valid_to, source = excluded.source
WHERE (pairing.valid_to, pairing.source) IS DISTINCT FROM (excluded.valid_to, excluded.source)
RETURNING id
""")


async def pair(session: WriteSession, *, actor_id: UUID | None, pairings: Sequence[NewPairing], now: datetime) -> int:
    """Save pairings; how many changed. The same unit, county and first day is the same row.

    Raises UnknownCounty, UnknownUnit, PairingOverlaps.
    """
    missing = await unknown_codes(session, {one.county_code for one in pairings})
    if missing:
        raise UnknownCounty(
            errors=[
                Detail(f"/{i}/county_code", UnknownCounty.code, f"没有行政区划代码 {one.county_code}")
                for i, one in enumerate(pairings)
                if one.county_code in missing
            ]
        )
    rows = await session.execute(_UNITS, {"codes": sorted({one.unit_code for one in pairings})})
    units: dict[str, UUID] = {row.code: row.id for row in rows}
    strangers = [
        Detail(f"/{i}/unit_code", UnknownUnit.code, f"没有单位编号 {one.unit_code}，请先导入单位")
        for i, one in enumerate(pairings)
        if one.unit_code not in units
    ]
    if strangers:
        raise UnknownUnit(errors=strangers)
    by_id = {derived_id("pairing", units[p.unit_code], p.county_code, p.valid_from): p for p in pairings}
    documents = [
        msgspec.to_builtins(p) | {"id": str(key), "unit_id": str(units[p.unit_code])} for key, p in by_id.items()
    ]
    try:
        async with session.begin_nested():
            changed = list((await session.execute(_PAIR, {"rows": as_rows(documents)})).scalars())
    except IntegrityError as error:
        raise PairingOverlaps("同一单位与同一县在同一天只能有一条定点帮扶关系；请检查起止日期。") from error
    await record_changes(
        session,
        [Change("county.pair", f"pairing:{key}", None, msgspec.to_builtins(by_id[key])) for key in changed],
        actor_id=actor_id,
        now=now,
    )
    return len(changed)
