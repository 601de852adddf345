"""Load the published facts that come with the shop: codes, names, former codes, designations."""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from importlib import resources
from typing import Final

from sqlalchemy import text

from catalog.county.designate import NewDesignation, designate
from catalog.county.pinyin import pinyin_key
from catalog.county.save import NewAlias, NewCounty, save_aliases, save_counties
from shop.core.database import WriteSession
from shop.core.rows import as_rows

_CODES_SOURCE: Final = "GB/T 2260 行政区划代码（2026-09）"
_FORMER_SOURCE: Final = "行政区划变更（只知年份，按当年1月1日计）"
_EMERGENCY: Final = "2020 年应急滞销地区（媒体报道）"
_EMERGENCY_DAYS: Final = (date(2020, 1, 1), date(2021, 1, 1))
_UNCONFIRMED: Final = "未核实"

_SUCCESSORS = text("""
INSERT INTO county_successor (code, successor_code, valid_from, source)
SELECT code, successor_code, valid_from, source
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(code text, successor_code text, valid_from date, source text)
ON CONFLICT DO NOTHING
""")


async def load_counties(session: WriteSession, *, now: datetime) -> None:
    """Everything in `data/`, in five statements. Loading it again changes nothing."""
    counties = [_county(row) for row in _read("gbt2260_counties.csv")]
    province = {one.code: one.province for one in counties}
    aliases, former, successors = [], {}, []
    for row in _read("county_aliases.csv"):
        kind, _, was = row["kind"].partition(":")
        if kind != "former_code":
            aliases.append(NewAlias(row["code"], row["alias"], row["kind"]))
            continue
        name, _, year = was.partition("@")
        first_day = date(int(year), 1, 1)
        former[row["alias"]] = NewCounty(
            code=row["alias"],
            name=name,
            province=province[row["code"]],
            kind="county",
            valid_to=first_day,
            pinyin=pinyin_key(name),
            source=_FORMER_SOURCE,
        )
        successors.append(
            {
                "code": row["alias"],
                "successor_code": row["code"],
                "valid_from": first_day,
                "source": _FORMER_SOURCE,
            }
        )
    await save_counties(session, [*counties, *former.values()])
    await save_aliases(session, aliases)
    await session.execute(_SUCCESSORS, {"rows": as_rows(successors)})
    designations = [one for row in _read("assisted_counties.csv") for one in _designations(row)]
    await designate(session, actor_id=None, designations=designations, now=now)


def _read(name: str) -> Iterator[dict[str, str]]:
    with resources.files("catalog.county").joinpath("data", name).open(encoding="utf-8-sig") as file:
        yield from csv.DictReader(file)


def _county(row: dict[str, str]) -> NewCounty:
    return NewCounty(
        code=row["code"],
        name=row["name"],
        province=row["province"],
        prefecture=row["prefecture"] or None,
        kind=row["kind"],
        pinyin=pinyin_key(row["name"]),
        source=_CODES_SOURCE,
    )


def _designations(row: dict[str, str]) -> Iterator[NewDesignation]:
    """The flags of one county as dated rows. A blank flag is unknown, and what is unknown has no row."""
    made = partial(NewDesignation, county_code=row["code"], confirmed=True)
    if row["poverty_county"] == "true":
        yield made(kind="lifted_out", source=row["list_source"], delisted_year=int(row["delisted_year"]))
    if row["deep_poverty_area"] == "true":
        yield made(kind="severely_poor", source=row["list_source"])
    if row["key_county_160"] == "true":
        source = row["key_county_160_source"]
        yield made(kind="key_revitalisation", source=source, confirmed=source != _UNCONFIRMED)
    if row["list_source"] == _EMERGENCY:
        first, end = _EMERGENCY_DAYS
        yield made(kind="emergency", source=row["list_source"], valid_from=first, valid_to=end)
    if row["list_source"].startswith("省级"):
        yield made(kind="provincial", source=row["list_source"])
