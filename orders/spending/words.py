"""Codes as people say them, and the one sentence of a decision."""

from collections.abc import Mapping, Sequence
from typing import Final

from orders.funds.source import UNION_FUND_WORDS
from orders.spending.proposal import Limit
from orders.spending.rule import Rule, Rules
from shop.core.money import half_up
from shop.ui import filters

PURPOSE_WORDS: Final = {
    "festival": "逢年过节",
    "summer_cooling": "送清凉",
    "hardship": "困难帮扶",
    "birthday": "生日慰问",
    "prize": "活动奖品",
    "retirement": "退休慰问",
    "allowance": "福利额度",
}
FESTIVAL_WORDS: Final = {
    "new_year": "元旦",
    "spring_festival": "春节",
    "qingming": "清明节",
    "labour_day": "劳动节",
    "dragon_boat": "端午节",
    "mid_autumn": "中秋节",
    "national_day": "国庆节",
    "regional": "地方节日",
}
KIND_WORDS: Final = {
    "cap": "人均上限",
    "cap_year": "年度归属",
    "top_up": "帮扶专用额度",
    "assisted_share": "帮扶产品占比",
    "assisted_per_head": "帮扶产品人均",
    "tier": "金额分级",
    "directed": "定向采购",
    "purpose": "允许用途",
    "festival": "允许节日",
    "goods_only": "只发实物",
    "max_packages": "套餐数",
    "fund_source": "资金来源",
    "skip": "免步骤",
    "reserved_share": "预留份额",
}
ORIGIN_WORDS: Final = {
    "one_paired_cooperative": "一个结对帮扶县的一家合作社",
    "all_assisted": "全部为帮扶产品",
}
ALLOWS_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "purpose": PURPOSE_WORDS,
    "festival": FESTIVAL_WORDS,
    "fund_source": UNION_FUND_WORDS,
    "directed": ORIGIN_WORDS,
}
"""What a rule of each kind may allow; the other kinds allow nothing by name."""
UNIT_WORDS: Final = {"budget_unit": "预算单位", "bank": "银行", "company": "企业", "school": "学校"}
BASIS_WORDS: Final = {"person": "每人", "average": "人均"}
WINDOW_WORDS: Final = {"year": "每年", "festival": "每节"}
YEAR_WORDS: Final = {"payment": "付款年度", "festival": "节日年度"}
STEP_WORDS: Final = {"quoting": "询价", "noticed": "公示"}


def yuan(fen: int) -> str:
    return filters.yuan(fen)


def percent(part: int, whole: int) -> str:
    """Rounded down, so that what is short never looks enough; nothing of nothing is —."""
    return filters.percent(part * 10_000 // whole if whole else None)


def window_words(rule: Rule) -> str:
    """每人每年, 人均每年, 每人每节: what a cap counts."""
    return ("每人" if rule.basis == "person" else "人均") + ("每年" if rule.cap_window == "year" else "每节")


def line_of(
    asked: Rules, limits: Sequence[Limit], assisted: Sequence[Rule], *, quotes_needed: int, quotes_by: Rule | None
) -> str:
    """Per head, cap, assisted share and quotes, each with its source, in one sentence."""
    parts = [_per_head(asked), _caps(asked, limits), _assisted(asked, assisted)]
    parts.append(_quotes(asked, quotes_needed, quotes_by))
    return "；".join(parts) + "。"


def _per_head(asked: Rules) -> str:
    people = len({one.person_id for one in asked.proposal.portions})
    fen = sum(one.fen for one in asked.proposal.portions)
    return f"人均 {yuan(half_up(fen, people))}（{people:,} 人）" if people else "人均 —（还没有人员）"


def _caps(asked: Rules, limits: Sequence[Limit]) -> str:
    by_id = {rule.id: rule for rule in asked.rules}
    said: dict[str, None] = {}
    for limit in limits:
        rule = by_id[limit.rule_id]
        if limit.holder == "purse":
            words = f"另有帮扶产品专用额度 {yuan(rule.fen)}，{rule.lapses_on} 后作废"
        else:
            words = f"{window_words(rule)}上限 {yuan(rule.fen)}"
        said[f"{rule.province}{words}（{rule.source}）"] = None
    return "，".join(said) or "没有录入适用的人均上限"


def _assisted(asked: Rules, rules: Sequence[Rule]) -> str:
    proposal = asked.proposal
    share = f"帮扶产品占 {percent(proposal.assisted_fen, proposal.total_fen)}"
    needs = [
        f"{rule.province}要求不低于 {percent(rule.basis_points or 0, 10_000)}（{rule.source}）"
        if rule.kind == "assisted_share"
        else f"{rule.province}要求每人不少于 {yuan(rule.fen)}（{rule.source}）"
        for rule in rules
    ]
    return "，".join([share, *(needs or ["没有占比要求"])])


def _quotes(asked: Rules, needed: int, by: Rule | None) -> str:
    if by is None:
        return "没有这个金额的审批规定"
    if needed:
        return f"应询价 {needed} 家、已有 {asked.proposal.quotes} 家（{by.source}）"
    return f"{'定向采购，' if by.kind == 'directed' else ''}免询价（{by.source}）"


def says(rule: Rule) -> str:
    """What a rule asks for, as its row of the table says it."""
    if rule.kind == "tier":
        quotes = f"询价 {rule.quotes} 家" if rule.quotes else "免询价"
        notice = f"公示 {rule.notice_days} 天" if rule.notice_days else "免公示"
        return f"{rule.approvers} 人审批，{quotes}，{notice}"
    if rule.kind == "cap":
        return f"{window_words(rule)}不超过 {yuan(rule.fen)}"
    if rule.kind == "top_up":
        return f"每人另有 {yuan(rule.fen)}，只限帮扶产品，{rule.lapses_on} 后作废"
    if rule.kind in {"assisted_share", "reserved_share"}:
        return f"不低于 {percent(rule.basis_points or 0, 10_000)}" if rule.basis_points else "不作要求"
    if rule.kind == "assisted_per_head":
        return f"每人不少于 {yuan(rule.fen)}"
    simple = {
        "cap_year": f"按{YEAR_WORDS.get(rule.year_of or '', '')}计算",
        "goods_only": "不发现金、购物卡、代金券",
        "max_packages": f"最多 {rule.packages} 种",
        "skip": f"免{STEP_WORDS.get(rule.step or '', '')}：{rule.reason}",
    }
    return simple.get(rule.kind) or _listing(rule)


def _listing(rule: Rule) -> str:
    words = PURPOSE_WORDS | FESTIVAL_WORDS | UNION_FUND_WORDS | ORIGIN_WORDS
    return "、".join(words.get(one, one) for one in rule.allows)


def concerns(rule: Rule) -> str:
    """Which purchases a rule is about, beside its place: purposes, festivals, units, money, amounts."""
    parts = ["、".join(words.get(one, one) for one in named) for named, words in _filters(rule) if named]
    if rule.from_fen or rule.below_fen:
        upper = f"，不足 {yuan(rule.below_fen)}" if rule.below_fen else ""
        parts.append(
            f"{yuan(rule.from_fen or 0)} 以上{upper}" if rule.from_fen else f"不足 {yuan(rule.below_fen or 0)}"
        )
    return "；".join(parts) or "全部"


def _filters(rule: Rule) -> tuple[tuple[tuple[str, ...], dict[str, str]], ...]:
    return (
        (rule.purposes, PURPOSE_WORDS),
        (rule.festivals, FESTIVAL_WORDS),
        (rule.unit_kinds, UNIT_WORDS),
        ((rule.fund_source,) if rule.fund_source else (), UNION_FUND_WORDS),
    )
