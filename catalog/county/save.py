"""Put counties and their names into the books."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class NewCounty:
    """code: six digits. pinyin: syllables joined, then initials; blank until somebody fills it in."""

    code: str
    name: str
    province: str
    source: str
    prefecture: str | None = None
    kind: str | None = "county"
    valid_from: date | None = None
    valid_to: date | None = None
    pinyin: str | None = None


@dataclass(frozen=True, slots=True)
class NewAlias:
    code: str
    alias: str
    kind: str


class CountyDaysWrong(Problem):
    """A code would end before it began. Nothing was saved."""

    status = 422
    code = "county_days_wrong"
    title = "行政区划代码的起止日期有误"


_COUNTIES = text("""
INSERT INTO county (code, name, province, prefecture, kind, valid_from, valid_to, pinyin, source)
SELECT code, name, province, prefecture, kind, valid_from, valid_to, pinyin, source
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(code text, name text, province text, prefecture text, kind text,
    valid_from date, valid_to date, pinyin text, source text)
ORDER BY code
ON CONFLICT (code) DO UPDATE SET name = excluded.name, province = excluded.province, prefecture = excluded.prefecture,
    kind = excluded.kind, pinyin = coalesce(excluded.pinyin, county.pinyin), source = excluded.source,
    valid_from = coalesce(excluded.valid_from, county.valid_from),
    valid_to = coalesce(excluded.valid_to, county.valid_to)
WHERE (county.name, county.province, county.prefecture, county.kind, county.source, county.valid_from, county.valid_to,
    county.pinyin)
    IS DISTINCT FROM (excluded.name, excluded.province, excluded.prefecture, excluded.kind, excluded.source,
    coalesce(excluded.valid_from, county.valid_from), coalesce(excluded.valid_to, county.valid_to),
    coalesce(excluded.pinyin, county.pinyin))
RETURNING code
""")
_ALIASES = text("""
INSERT INTO county_alias (code, alias, kind)
SELECT code, alias, kind FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(code text, alias text, kind text)
ON CONFLICT DO NOTHING
""")


async def save_counties(session: WriteSession, counties: Sequence[NewCounty]) -> list[str]:
    """Add or correct counties by code; the codes that changed. Blank days never wipe out known ones.

    Each code once a call. Raises CountyDaysWrong.
    """
    try:
        async with session.begin_nested():
            rows = await session.execute(_COUNTIES, {"rows": as_rows(counties)})
            return list(rows.scalars())
    except IntegrityError as error:
        raise CountyDaysWrong("与已登记的起止日期合在一起，结束日期不晚于开始日期；请核对。") from error


async def save_aliases(session: WriteSession, aliases: Sequence[NewAlias]) -> None:
    """Add other names in use. Raises IntegrityError when a code is unknown."""
    await session.execute(_ALIASES, {"rows": as_rows(aliases)})
