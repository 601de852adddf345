"""What the dated rules say about a proposal. Pure: facts and rules in, a verdict out, the same for the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from orders.funds.source import UNION_FUND_WORDS
from orders.spending.caps import capped, limits_of
from orders.spending.proposal import Finding, Proposal, Skip, SpentSoFar, Verdict
from orders.spending.rule import Rule, Rules, most_specific
from orders.spending.words import FESTIVAL_WORDS, ORIGIN_WORDS, PURPOSE_WORDS, line_of, percent, yuan


@dataclass(frozen=True, slots=True)
class Procurement:
    """How goods may be chosen and approved: what the tier asks for, less what another rule lets out."""

    approvers: int
    quotes: int
    notice_days: int
    quotes_by: Rule | None
    skips: list[Skip]
    refusals: list[Finding]


def judge(proposal: Proposal, rules: Sequence[Rule], spent_so_far: SpentSoFar) -> Verdict:
    """Ask every rule. Several provinces: each one's members by its own rules, the purchase by the strictest."""
    asked = Rules(rules, proposal, tuple(sorted({one.province for one in proposal.portions})) or ("",))
    limits = limits_of(asked, spent_so_far.headcounts)
    procurement = _procurement(asked)
    over, unknown = capped(asked, limits, spent_so_far)
    assisted, unmet = _assisted(asked)
    refusals = [
        *_purpose(asked),
        *_festival(asked),
        *_goods_only(asked),
        *_fund_source(asked),
        *_packages(asked),
        *procurement.refusals,
        *over,
        *unmet,
    ]
    return Verdict(
        allowed=not refusals,
        refusals=refusals,
        warnings=unknown,
        approvers_needed=procurement.approvers,
        quotes_needed=procurement.quotes,
        notice_days=procurement.notice_days,
        skips=procurement.skips,
        limits=limits,
        line=line_of(asked, limits, assisted, quotes_needed=procurement.quotes, quotes_by=procurement.quotes_by),
    )


def _against(code: str, detail: str, rule: Rule | None, people: int = 0) -> Finding:
    return Finding(code, detail, rule.id if rule else None, rule.source if rule else None, people)


# --- what the money may be for ---------------------------------------------------------------------------------------


def _purpose(asked: Rules) -> list[Finding]:
    """A purpose is allowed where a rule of the country, the province or the union lists it."""
    purpose = asked.proposal.purpose
    words = PURPOSE_WORDS.get(purpose, purpose)
    return _listed(asked, "purpose", purpose, "purpose_not_allowed", f"用途“{words}”不在允许的范围内，请改用途")


def _festival(asked: Rules) -> list[Finding]:
    proposal = asked.proposal
    if proposal.purpose != "festival":
        return []
    words = FESTIVAL_WORDS.get(proposal.festival or "", "（未填）")
    return _listed(
        asked,
        "festival",
        proposal.festival,
        "festival_not_allowed",
        f"节日“{words}”不在可以慰问的节日之列，请改节日或用途",
    )


def _listed(asked: Rules, kind: str, value: str | None, code: str, detail: str) -> list[Finding]:
    for province in asked.provinces:
        listing = asked.all_of(kind, province)
        if not any(value in rule.allows for rule in listing):
            where = f"（{province}）" if province and len(asked.provinces) > 1 else ""
            return [_against(code, detail + where, listing[0] if listing else None)]
    return []


def _goods_only(asked: Rules) -> list[Finding]:
    """Never cash, never a card; the rule says by which document."""
    if asked.proposal.gives == "goods":
        return []
    rules = asked.anywhere("goods_only")
    return [_against("goods_only", "只能发放实物，不得发放现金、购物卡或代金券", rules[0] if rules else None)]


def _fund_source(asked: Rules) -> list[Finding]:
    source = asked.proposal.fund_source
    return [
        _against(
            "fund_source_wrong",
            f"这项支出应由{'、'.join(UNION_FUND_WORDS.get(one, one) for one in rule.allows)}列支，"
            f"不能用{UNION_FUND_WORDS.get(source, source)}",
            rule,
        )
        for rule in asked.anywhere("fund_source")
        if source not in rule.allows
    ]


def _packages(asked: Rules) -> list[Finding]:
    packages = asked.proposal.packages
    return [
        _against("too_many_packages", f"最多 {rule.packages} 种套餐，现有 {packages} 种，请减少", rule)
        for rule in asked.anywhere("max_packages")
        if packages > (rule.packages or 0)
    ]


# --- how it is bought and approved -----------------------------------------------------------------------------------


def _procurement(asked: Rules) -> Procurement:
    """The tier of the amount; then a directed purchase or a rule that skips a step, in every province."""
    tiers = asked.anywhere("tier")
    missing = [place for place in asked.provinces if not asked.best_of("tier", place)]
    if missing:
        refusal = Finding("tier_missing", "没有这个金额的审批规定，请管理员先录入金额分级规则")
        return Procurement(1, 0, 0, None, [], [refusal])
    quotes, quotes_by = max(((tier.quotes or 0, tier) for tier in tiers), key=lambda one: one[0])
    notice, notice_by = max(((tier.notice_days or 0, tier) for tier in tiers), key=lambda one: one[0])
    skips: list[Skip] = []
    refusals: list[Finding] = []
    lets_out = _skipping(asked, "quoting")
    if asked.proposal.directed and quotes:
        quotes, quotes_by, refusals = _directed(asked, quotes, quotes_by)
        if not refusals:
            skips.append(Skip("quoting", quotes_by.id, f"定向采购：{quotes_by.title}"))
    elif quotes and lets_out:
        quotes, quotes_by = 0, lets_out
        skips.append(Skip("quoting", lets_out.id, lets_out.reason or lets_out.title))
    elif not quotes:
        skips.append(Skip("quoting", quotes_by.id, f"免询价：{quotes_by.title}"))
    elif asked.proposal.quotes < quotes:
        said = f"应有 {quotes} 家供应商报价，现有 {asked.proposal.quotes} 家，请补齐或改为定向采购并写明理由"
        refusals.append(_against("quotes_missing", said, quotes_by))
    lets_out = _skipping(asked, "noticed")
    if notice and lets_out:
        notice = 0
        skips.append(Skip("noticed", lets_out.id, lets_out.reason or lets_out.title))
    elif not notice:
        skips.append(Skip("noticed", notice_by.id, f"免公示：{notice_by.title}"))
    approvers = max(tier.approvers or 1 for tier in tiers)
    return Procurement(approvers, quotes, notice, quotes_by, skips, refusals)


def _skipping(asked: Rules, step: str) -> Rule | None:
    """The rule that lets a step out, if each province has one."""
    found = [
        next(iter(most_specific(rule for rule in asked.all_of("skip", place) if rule.step == step)), None)
        for place in asked.provinces
    ]
    return found[0] if all(found) else None


def _directed(asked: Rules, quotes: int, quotes_by: Rule) -> tuple[int, Rule, list[Finding]]:
    """A directed purchase needs its rule, a reason, minutes and a reference price, and goods of the allowed origin."""
    ruled = [asked.best_of("directed", place) for place in asked.provinces]
    if not all(ruled):
        return quotes, quotes_by, [_against("directed_not_allowed", "没有规定允许这样定向采购，请改为询价", quotes_by)]
    rule, proposal = ruled[0][0], asked.proposal
    needed = (
        (proposal.has_reason, "directed_reason_missing", "定向采购须写明理由"),
        (proposal.has_minutes, "directed_minutes_missing", "定向采购须附集体研究的会议纪要"),
        (proposal.has_reference, "reference_price_missing", "定向采购须有参考价格"),
    )
    wrong = [_against(code, detail, rule) for there, code, detail in needed if not there]
    wrong += [one for rules in ruled for one in _origin(proposal, rules)][:1]
    return 0, rule, wrong


def _origin(proposal: Proposal, rules: Sequence[Rule]) -> list[Finding]:
    """From whom one may buy directly: one cooperative of one paired county, or assisted goods and nothing else."""
    allowed = {one for rule in rules for one in rule.allows}
    if "one_paired_cooperative" in allowed and proposal.single_cooperative_paired:
        return []
    if "all_assisted" in allowed and proposal.assisted_fen == proposal.total_fen:
        return []
    said = "；或".join(ORIGIN_WORDS[one] for one in sorted(allowed, reverse=True))
    return [_against("directed_origin_wrong", f"定向采购限于：{said}", rules[0])]


# --- how much must be assisted goods ---------------------------------------------------------------------------------


def _assisted(asked: Rules) -> tuple[list[Rule], list[Finding]]:
    """The minimum share of assisted goods, or minimum per head: the rules asked, and what they refuse.

    A rule that holds for all members looks at the whole purchase, spares included; else at its members' portions.
    """
    by_rule: dict[Rule, set[str]] = {}
    for place in asked.provinces:
        shares = [rule for kind in ("assisted_share", "assisted_per_head") for rule in asked.all_of(kind, place)]
        top = max(((one.union_id is not None, one.province != "") for one in shares), default=())
        for rule in shares:
            if (rule.union_id is not None, rule.province != "") == top:
                by_rule.setdefault(rule, set()).add(place)
    unmet = []
    for rule, places in by_rule.items():
        refused = _share(asked, rule, places) if rule.kind == "assisted_share" else _per_head(asked, rule, places)
        unmet += [refused] if refused else []
    return list(by_rule), unmet


def _share(asked: Rules, rule: Rule, places: set[str]) -> Finding | None:
    proposal, least = asked.proposal, rule.basis_points or 0
    if places == set(asked.provinces):
        fen, assisted = proposal.total_fen, proposal.assisted_fen
    else:
        fen = sum(one.fen for one in proposal.portions if one.province in places)
        assisted = sum(one.assisted_fen for one in proposal.portions if one.province in places)
    if assisted * 10_000 >= fen * least:
        return None
    said = f"帮扶产品占 {percent(assisted, fen)}，低于要求的 {percent(least, 10_000)}，请增加帮扶产品"
    return _against("assisted_share_low", said, rule)


def _per_head(asked: Rules, rule: Rule, places: set[str]) -> Finding | None:
    got: dict[object, int] = {}
    for one in asked.proposal.portions:
        if one.province in places:
            got[one.person_id] = got.get(one.person_id, 0) + one.assisted_fen
    people = sum(fen < rule.fen for fen in got.values())
    if not people:
        return None
    said = f"有 {people} 人的帮扶产品不足每人 {yuan(rule.fen)}，请增加"
    return _against("assisted_per_head_low", said, rule, people)
