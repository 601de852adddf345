"""Counting rules come in as a table, like every dated rule."""

import re
from collections.abc import Mapping, Sequence

from catalog.upload.kind import Column, Kind, Layout, Saving
from orders.credit.add_rules import (
    FREIGHT_SAID,
    POINT_SAID,
    FreightNotCredited,
    NewRule,
    RecognitionPointFixed,
    add_rules,
)
from orders.credit.models import COUNTING_DESIGNATIONS, CREDIT_KINDS
from orders.funds.source import FUND_SOURCES, FUND_WORDS
from shop.core.database import WriteSession
from shop.sheet.cells import Cells

_BASES = {"产地": "grown", "加工地": "made"}
_POINTS = {"付款": "paid", "验收": "accepted"}
_GRADES = {grade: grade for grade in "ABCD"}
_DESIGNATIONS = {
    "脱贫县": "lifted_out", "三区三州": "severely_poor", "国家乡村振兴重点帮扶县": "key_revitalisation",
    "省级帮扶": "provincial", "应急滞销地区": "emergency",
}  # fmt: skip
_CREDIT_KINDS = {"直接购买": "direct_purchase", "帮助销售": "assisted_sale"}
_FUND_SOURCES = {word: code for code, word in FUND_WORDS.items()}


def _rule(cells: Cells) -> NewRule:
    """Raises nothing: what the shop would not carry out is a mistake of its row, as everything else."""
    cells.window("valid_from", "valid_to")
    if cells.flag("includes_freight"):
        cells.wrong("includes_freight", FREIGHT_SAID, FreightNotCredited.code)
    point = cells.choice("recognition_point", _POINTS, blank="paid")
    if point == "accepted":
        cells.wrong("recognition_point", POINT_SAID, RecognitionPointFixed.code)
    return NewRule(
        version=cells.text("version", longest=50),
        valid_from=cells.day("valid_from"),
        valid_to=cells.maybe_day("valid_to"),
        needs_designation=cells.flag("needs_designation", blank=True),
        needs_recognition=cells.flag("needs_recognition", blank=True),
        origin_basis=cells.choice("origin_basis", _BASES, blank="grown"),
        designation_kinds=_several(cells, "designation_kinds", _DESIGNATIONS, COUNTING_DESIGNATIONS),
        credit_kinds=_several(cells, "credit_kinds", _CREDIT_KINDS, CREDIT_KINDS),
        fund_sources=_several(cells, "fund_sources", _FUND_SOURCES, FUND_SOURCES),
        excluded_categories=_parts(cells.maybe("excluded_categories")),
        minimum_grade=cells.choice("minimum_grade", _GRADES, blank="D"),
        source=cells.text("source"),
    )


def _parts(cell: str | None) -> list[str]:
    return [part for part in re.split(r"[、，,;；\s]+", cell or "") if part]


def _several(cells: Cells, column: str, words: Mapping[str, str], blank: Sequence[str]) -> list[str]:
    """Words or codes, one after the other; an empty cell means all of `blank`."""
    said = _parts(cells.maybe(column))
    if unknown := [part for part in said if part not in words and part not in words.values()]:
        cells.wrong(column, f"不认识“{'、'.join(unknown)}”，可填：{'、'.join(words)}")
    return [words.get(part, part) for part in said] or list(blank)


async def _save(session: WriteSession, rows: Sequence[NewRule], saving: Saving) -> None:
    await add_rules(session, actor_id=saving.actor_id, rules=rows, now=saving.now)


COUNTING_RULES = Kind(
    "counting-rules",
    "计入口径",
    (
        Layout(
            (
                Column("version", "版本", "2021-1"),
                Column("valid_from", "开始日期", "2021-01-01"),
                Column("valid_to", "结束日期（不含）", "", needed=False),
                Column("needs_designation", "须为帮扶县", "是", needed=False),
                Column("needs_recognition", "须有产品认定", "是", needed=False),
                Column("includes_freight", "含运费", "否", needed=False),
                Column("origin_basis", "产地口径", "产地", needed=False),
                Column("recognition_point", "确认时点", "付款", needed=False),
                Column("designation_kinds", "计入的帮扶类别", "脱贫县、国家乡村振兴重点帮扶县", needed=False),
                Column("credit_kinds", "计入的方式", "直接购买、帮助销售", needed=False),
                Column("fund_sources", "计入的资金来源", "", needed=False),
                Column("excluded_categories", "不计入的品类", "", needed=False),
                Column("minimum_grade", "最低佐证等级", "D", needed=False),
                Column("source", "来源文件", "示例口径〔2021〕1号（虚构）"),
            ),
            _rule,
        ),
    ),
    _save,
    key=lambda row: row.version,
)
