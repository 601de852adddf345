"""Counties, designations and pairings."""

from collections.abc import Sequence
from dataclasses import replace

from catalog.county.designate import NewDesignation, designate
from catalog.county.pair import NewPairing, pair
from catalog.county.pinyin import pinyin_key
from catalog.county.save import NewCounty, save_counties
from catalog.product.touch import touch_counties
from catalog.upload.kind import Column, Kind, Layout, Saving
from shop.core.database import WriteSession
from shop.sheet.cells import Cells

FIRST = Column("valid_from", "开始日期", "2021-01-01")
LAST = Column("valid_to", "结束日期（不含）", "", needed=False)
SOURCE = Column("source", "来源文件", "示例文件〔2021〕1号（虚构）")

_DESIGNATIONS = {
    "脱贫县": "lifted_out",
    "深度贫困地区": "severely_poor",
    "国家乡村振兴重点帮扶县": "key_revitalisation",
    "省级帮扶": "provincial",
    "应急滞销地区": "emergency",
}


def _county(cells: Cells) -> NewCounty:
    cells.window("valid_from", "valid_to")
    return NewCounty(
        code=cells.county("code"),
        name=cells.text("name"),
        province=cells.text("province"),
        prefecture=cells.maybe("prefecture"),
        valid_from=cells.maybe_day("valid_from"),
        valid_to=cells.maybe_day("valid_to"),
        source=cells.text("source"),
    )


async def _save_counties(session: WriteSession, rows: Sequence[NewCounty], saving: Saving) -> None:
    changed = await save_counties(session, [replace(one, pinyin=pinyin_key(one.name)) for one in rows])
    await touch_counties(session, changed, now=saving.now)


def _designation(cells: Cells) -> NewDesignation:
    cells.window("valid_from", "valid_to")
    return NewDesignation(
        county_code=cells.county("county_code"),
        kind=cells.choice("kind", _DESIGNATIONS),
        valid_from=cells.maybe_day("valid_from"),
        valid_to=cells.maybe_day("valid_to"),
        delisted_year=cells.maybe_whole("delisted_year", least=2014, most=2020),
        source=cells.text("source"),
        confirmed=cells.flag("confirmed"),
    )


async def _save_designations(session: WriteSession, rows: Sequence[NewDesignation], saving: Saving) -> None:
    changed = await designate(session, actor_id=saving.actor_id, designations=rows, now=saving.now)
    await touch_counties(session, changed, now=saving.now)


def _pairing(cells: Cells) -> NewPairing:
    cells.window("valid_from", "valid_to")
    return NewPairing(
        unit_code=cells.code("unit_code"),
        county_code=cells.county("county_code"),
        valid_from=cells.day("valid_from"),
        valid_to=cells.maybe_day("valid_to"),
        source=cells.text("source"),
    )


async def _save_pairings(session: WriteSession, rows: Sequence[NewPairing], saving: Saving) -> None:
    await pair(session, actor_id=saving.actor_id, pairings=rows, now=saving.now)


COUNTIES = Kind(
    "counties",
    "行政区划",
    (
        Layout(
            (
                Column("code", "行政区划代码", "620623"),
                Column("name", "名称", "天祝藏族自治县"),
                Column("province", "省份", "甘肃省"),
                Column("prefecture", "地市", "武威市", needed=False),
                Column("valid_from", "开始日期", "", needed=False),
                LAST,
                SOURCE,
            ),
            _county,
        ),
    ),
    _save_counties,
    key=lambda row: row.code,
)
DESIGNATIONS = Kind(
    "designations",
    "帮扶县认定",
    (
        Layout(
            (
                Column("county_code", "县代码", "620623"),
                Column("kind", "认定类别", "脱贫县"),
                Column("valid_from", "开始日期", "", needed=False),
                LAST,
                Column("delisted_year", "摘帽年份", "2019", needed=False),
                SOURCE,
                Column("confirmed", "已核实", "是", needed=False),
            ),
            _designation,
        ),
    ),
    _save_designations,
    key=lambda row: row.id,
)
PAIRINGS = Kind(
    "pairings",
    "定点帮扶",
    (
        Layout(
            (Column("unit_code", "单位编号", "DEMO"), Column("county_code", "县代码", "620623"), FIRST, LAST, SOURCE),
            _pairing,
        ),
    ),
    _save_pairings,
    key=lambda row: (row.unit_code, row.county_code, row.valid_from),
)
