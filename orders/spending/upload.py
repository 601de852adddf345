"""Spending rules come in as a table, like every dated rule; the shop's own seeds are such a table."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import text

from catalog.upload.kind import Column, Kind, Layout, Saving
from orders.funds.source import UNION_FUND_WORDS
from orders.spending.add_rules import add_rules
from orders.spending.rule import NewRule
from orders.spending.words import (
    ALLOWS_WORDS,
    BASIS_WORDS,
    FESTIVAL_WORDS,
    KIND_WORDS,
    PURPOSE_WORDS,
    STEP_WORDS,
    UNIT_WORDS,
    WINDOW_WORDS,
    YEAR_WORDS,
)
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.sheet.cells import Cells


class UnknownUnion(Problem):
    status = 422
    code = "union_unknown"
    title = "没有这个工会编号"


@dataclass(frozen=True, slots=True)
class RuleRow:
    rule: NewRule
    union_code: str | None


_NO_WORDS: Final[Mapping[str, str]] = {}
_UNIONS = text("SELECT code, id FROM labour_union WHERE code = ANY(:codes)")
_DAY_OF_YEAR: Final = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")
_PERCENT: Final = re.compile(r"^([0-9]{1,3})(?:\.([0-9]{1,2}))?%?$")


def _codes(cells: Cells, column: str, words: Mapping[str, str]) -> tuple[str, ...]:
    """Words separated by `；` or `、`; blank = none."""
    found = [one for one in re.split(r"[;；、]+", cells.maybe(column) or "") if one]
    by_word = {word: code for code, word in words.items()}
    unknown = [one for one in found if one not in by_word and one not in words]
    if unknown:
        cells.wrong(column, f"“{'、'.join(unknown)}”应为：{'、'.join(words.values()) or '空'}")
        return ()
    return tuple(by_word.get(one, one) for one in found)


def _one_code(cells: Cells, column: str, words: Mapping[str, str]) -> str | None:
    found = _codes(cells, column, words)
    if len(found) > 1:
        cells.wrong(column, "只能填一项")
    return found[0] if found else None


def _share(cells: Cells) -> int | None:
    """A percentage with at most two decimals, as basis points."""
    found = cells.maybe("share_percent")
    if found is None:
        return None
    matched = _PERCENT.match(found)
    points = int(matched[1]) * 100 + int((matched[2] or "0").ljust(2, "0")) if matched else 10_001
    if points > 10_000:
        cells.wrong("share_percent", f"“{found}”不是 0 到 100 的百分比（最多两位小数）")
        return None
    return points


def _lapses_on(cells: Cells) -> str | None:
    found = cells.maybe("lapses_on")
    if found is not None and not _DAY_OF_YEAR.match(found):
        cells.wrong("lapses_on", f"“{found}”应为月-日，如 12-31")
    return found


def _rule(cells: Cells) -> RuleRow:
    cells.window("valid_from", "valid_to")
    kind = cells.choice("kind", {word: code for code, word in KIND_WORDS.items()})
    from_fen = cells.fen("from_yuan") if cells.maybe("from_yuan") else None
    return RuleRow(
        NewRule(
            code=cells.code("code", longest=50),
            kind=kind,
            title=cells.text("title", longest=100),
            province=cells.maybe("province") or "",
            purposes=_codes(cells, "purposes", PURPOSE_WORDS),
            festivals=_codes(cells, "festivals", FESTIVAL_WORDS),
            unit_kinds=_codes(cells, "unit_kinds", UNIT_WORDS),
            fund_source=_one_code(cells, "fund_source", UNION_FUND_WORDS),
            from_fen=0 if kind == "tier" and from_fen is None else from_fen,
            below_fen=cells.fen("below_yuan") if cells.maybe("below_yuan") else None,
            amount_fen=cells.fen("amount_yuan") if cells.maybe("amount_yuan") else None,
            basis_points=_share(cells),
            basis=_one_code(cells, "basis", BASIS_WORDS),
            cap_window=_one_code(cells, "cap_window", WINDOW_WORDS),
            year_of=_one_code(cells, "year_of", YEAR_WORDS),
            lapses_on=_lapses_on(cells),
            approvers=cells.maybe_whole("approvers", least=1, most=9),
            quotes=cells.maybe_whole("quotes", most=9),
            notice_days=cells.maybe_whole("notice_days", most=60),
            packages=cells.maybe_whole("packages", least=1, most=99),
            allows=_codes(cells, "allows", ALLOWS_WORDS.get(kind, _NO_WORDS)),
            step=_one_code(cells, "step", STEP_WORDS),
            reason=cells.maybe("reason"),
            source_title=cells.text("source_title"),
            source_number=cells.maybe("source_number"),
            source_where=cells.maybe("source_where"),
            valid_from=cells.day("valid_from"),
            valid_to=cells.maybe_day("valid_to"),
        ),
        cells.maybe_code("union_code"),
    )


async def _save(session: WriteSession, rows: Sequence[RuleRow], saving: Saving) -> None:
    codes = sorted({row.union_code for row in rows if row.union_code})
    unions = {row.code: row.id for row in await session.execute(_UNIONS, {"codes": codes})} if codes else {}
    unknown = [
        Detail(f"/{i}/union_code", UnknownUnion.code, f"没有工会编号 {row.union_code}，请先导入工会")
        for i, row in enumerate(rows)
        if row.union_code and row.union_code not in unions
    ]
    if unknown:
        raise UnknownUnion(errors=unknown)
    rules = [replace(row.rule, union_id=unions[row.union_code]) if row.union_code else row.rule for row in rows]
    await add_rules(session, actor_id=saving.actor_id, rules=rules, now=saving.now)


SPENDING_RULES = Kind(
    "spending-rules",
    "经费使用规则",
    (
        Layout(
            (
                Column("code", "规则编号", "EX-CAP-1"),
                Column("kind", "种类", "人均上限"),
                Column("title", "名称", "全年节日慰问每人上限"),
                Column("province", "省份", "上海市", needed=False),
                Column("union_code", "工会编号", "", needed=False),
                Column("purposes", "用途", "逢年过节", needed=False),
                Column("festivals", "节日", "", needed=False),
                Column("unit_kinds", "单位性质", "", needed=False),
                Column("fund_source", "资金来源", "工会经费", needed=False),
                Column("from_yuan", "采购金额起（元，含）", "", needed=False),
                Column("below_yuan", "采购金额止（元，不含）", "", needed=False),
                Column("amount_yuan", "额度（元）", "2000", needed=False),
                Column("share_percent", "占比（%）", "", needed=False),
                Column("basis", "计算方式", "每人", needed=False),
                Column("cap_window", "期间", "每年", needed=False),
                Column("year_of", "年度归属", "", needed=False),
                Column("lapses_on", "作废日（月-日）", "", needed=False),
                Column("approvers", "审批人数", "", needed=False),
                Column("quotes", "报价家数", "", needed=False),
                Column("notice_days", "公示天数", "", needed=False),
                Column("packages", "套餐数上限", "", needed=False),
                Column("allows", "允许", "", needed=False),
                Column("step", "免去步骤", "", needed=False),
                Column("reason", "理由", "", needed=False),
                Column("source_title", "来源文件", "示例（虚构）经费管理办法"),
                Column("source_number", "文号", "示例〔2026〕1号", needed=False),
                Column("source_where", "位置", "第一条", needed=False),
                Column("valid_from", "开始日期", "2026-01-01"),
                Column("valid_to", "结束日期（不含）", "", needed=False),
            ),
            _rule,
        ),
    ),
    _save,
    key=lambda row: (row.rule.code, row.rule.valid_from),
)
