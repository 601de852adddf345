"""Say what a county is designated as, from when to when, and who says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.county.queries import unknown_codes
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows


class UnknownCounty(Problem):
    """A division code that is not in the books."""

    status = 422
    code = "county_unknown"
    title = "没有这个行政区划代码"


class DesignationOverlaps(Problem):
    """The same kind would hold twice on one day. Nothing was saved."""

    status = 409
    code = "designation_overlaps"
    title = "同一类认定的日期重叠，请先结束原有的一条"


@dataclass(frozen=True, slots=True)
class NewDesignation:
    """Days are half-open; valid_from None = unknown, valid_to None = no document ended it."""

    county_code: str
    kind: str
    source: str
    valid_from: date | None = None
    valid_to: date | None = None
    delisted_year: int | None = None
    confirmed: bool = False

    @property
    def id(self) -> UUID:
        return derived_id("designation", self.county_code, self.kind, self.valid_from)


_DESIGNATE = text("""
INSERT INTO designation (id, county_code, kind, valid_from, valid_to, delisted_year, source, confirmed)
SELECT id, county_code, kind, valid_from, valid_to, delisted_year, source, confirmed
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, county_code text, kind text, valid_from date, valid_to date,
    delisted_year int, source text, confirmed boolean)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET valid_to = excluded.valid_to, delisted_year = excluded.delisted_year,
    source = excluded.source, confirmed = excluded.confirmed
WHERE (designation.valid_to, designation.delisted_year, designation.source, designation.confirmed)
    IS DISTINCT FROM (excluded.valid_to, excluded.delisted_year, excluded.source, excluded.confirmed)
RETURNING id, county_code
""")


async def designate(
    session: WriteSession, *, actor_id: UUID | None, designations: Sequence[NewDesignation], now: datetime
) -> list[str]:
    """Save designations; the codes whose designations changed. The same county, kind and first day is the same row:
    saying it again with another last day or source corrects it.

    The caller touches the products of the counties that come back (`touch_counties`).
    Raises UnknownCounty, DesignationOverlaps.
    """
    missing = await unknown_codes(session, {one.county_code for one in designations})
    if missing:
        raise UnknownCounty(
            errors=[
                Detail(f"/{i}/county_code", UnknownCounty.code, f"没有行政区划代码 {one.county_code}")
                for i, one in enumerate(designations)
                if one.county_code in missing
            ]
        )
    by_id = {one.id: one for one in designations}
    try:
        async with session.begin_nested():
            rows = await session.execute(
                _DESIGNATE,
                {"rows": as_rows(msgspec.to_builtins(one) | {"id": str(key)} for key, one in by_id.items())},
            )
    except IntegrityError as error:
        raise DesignationOverlaps("同一个县、同一类认定在同一天只能有一条；请检查起止日期。") from error
    changed = rows.all()
    await record_changes(
        session,
        [Change("county.designate", f"county:{row.county_code}", None, _facts(by_id[row.id])) for row in changed],
        actor_id=actor_id,
        now=now,
    )
    return sorted({row.county_code for row in changed})


def _facts(one: NewDesignation) -> dict[str, object]:
    found: dict[str, object] = msgspec.to_builtins(one)
    return found
