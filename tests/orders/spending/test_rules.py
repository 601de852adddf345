"""What holds for every proposal and every set of rules."""

from datetime import date
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orders.spending.proposal import Portion, Proposal, SpentSoFar, Verdict
from orders.spending.rule import Rule
from orders.spending.rules import judge
from shop.core.ids import derived_id
from tests.make.spending import gift, kept, ordinary, proposal, rule

UNION = derived_id("u")
PEOPLE = [derived_id("p", n) for n in range(6)]
PROVINCES = ("上海市", "山西省", "")
BASE = [kept(one) for one in ordinary()]
amounts = st.integers(0, 300_000)
portions = st.lists(
    st.builds(
        lambda n, fen, part: gift(PEOPLE[n], fen, assisted=fen * part // 10, province=PROVINCES[n % 3]),
        st.integers(0, 5),
        amounts,
        st.integers(0, 10),
    ),
    max_size=8,
)
caps = st.lists(
    st.builds(
        lambda n, fen, place, basis, window: rule(
            f"CAP-{n}", "cap", amount_fen=fen, province=place, basis=basis, cap_window=window
        ),
        st.integers(0, 99),
        st.integers(1, 300_000),
        st.sampled_from(PROVINCES),
        st.sampled_from(("person", "average")),
        st.sampled_from(("year", "festival")),
    ),
    max_size=4,
    unique_by=lambda one: one.code,
)
purse = rule("PURSE", "top_up", amount_fen=60_000, lapses_on="12-31")


def used_up(fen: int, limits: Verdict) -> SpentSoFar:
    used = {
        (owner, limit.key, limit.year): fen
        for limit in limits.limits
        for owner in ([UNION] if limit.holder == "union" else PEOPLE)
    }
    return SpentSoFar({}, used)


def codes(verdict: Verdict) -> set[str]:
    return {one.code for one in verdict.refusals}


@given(portions, caps, st.booleans(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_rules_and_members_changes_nothing(
    given_: list[Portion], rules: list[Rule], with_purse: bool, chance: object
) -> None:
    asked = [*BASE, *rules, *([purse] if with_purse else [])]
    first = judge(proposal(UNION, given_), asked, SpentSoFar({}, {}))
    mixed, people = list(asked), list(given_)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    chance.shuffle(people)  # type: ignore[attr-defined]
    again = judge(proposal(UNION, people, purchase_id=first_id(first)), mixed, SpentSoFar({}, {}))
    assert again.line == first.line
    assert again.limits == first.limits
    assert sorted(map(repr, again.refusals)) == sorted(map(repr, first.refusals))


def first_id(_: Verdict) -> object:
    return derived_id("purchase")


@given(portions, caps, amounts, amounts)
@settings(max_examples=60, deadline=None)
def test_having_received_more_never_helps(given_: list[Portion], rules: list[Rule], a: int, b: int) -> None:
    asked = proposal(UNION, given_)
    limits = judge(asked, [*BASE, *rules, purse], SpentSoFar({}, {}))
    less, more = (judge(asked, [*BASE, *rules, purse], used_up(fen, limits)) for fen in sorted((a, b)))
    assert codes(less) <= codes(more)


@given(portions, caps)
@settings(max_examples=60, deadline=None)
def test_allowed_means_within_every_personal_cap(given_: list[Portion], rules: list[Rule]) -> None:
    asked = proposal(UNION, given_)
    verdict = judge(asked, [*BASE, *rules], SpentSoFar({}, {}))
    got: dict[object, int] = {}
    for one in given_:
        got[one.person_id] = got.get(one.person_id, 0) + one.fen
    place = {one.person_id: one.province for one in given_}
    over = any(
        got[person] > limit.cap_fen
        for limit in verdict.limits
        if limit.holder == "person"
        for person in got
        if place[person] == limit.province
    )
    averages_over = any(
        sum(fen for person, fen in got.items() if place[person] == limit.province) > limit.cap_fen
        for limit in verdict.limits
        if limit.holder == "union"
    )
    assert ("cap_exceeded" in codes(verdict)) == (over or averages_over)
    assert verdict.allowed == (not verdict.refusals)


@given(portions, caps)
@settings(max_examples=40, deadline=None)
def test_a_purse_only_ever_adds(given_: list[Portion], rules: list[Rule]) -> None:
    asked = proposal(UNION, given_)
    without = judge(asked, [*BASE, *rules], SpentSoFar({}, {}))
    with_it = judge(asked, [*BASE, *rules, purse], SpentSoFar({}, {}))
    assert codes(with_it) <= codes(without)
    plain = proposal(UNION, [gift(one.person_id, one.fen, assisted=0, province=one.province) for one in given_])
    assert codes(judge(plain, [*BASE, *rules, purse], SpentSoFar({}, {}))) == codes(
        judge(plain, [*BASE, *rules], SpentSoFar({}, {}))
    ), "nothing but assisted goods may use it"


@given(st.lists(st.integers(1, 60_000_000), min_size=2, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_larger_purchase_is_never_approved_more_lightly(totals: list[int]) -> None:
    bounds = (0, 1_000_000, 15_000_000, 50_000_000, None)
    tiers = [
        rule(
            f"T{n}", "tier", from_fen=low, below_fen=high, approvers=n, quotes=0 if n == 1 else 3, notice_days=n * 2 - 2
        )
        for n, (low, high) in enumerate(pairwise(bounds), 1)
    ]
    rules = [one for one in BASE if one.kind != "tier"] + tiers
    said = [judge(proposal(UNION, [gift(PEOPLE[0], fen)]), rules, SpentSoFar({}, {})) for fen in sorted(totals)]
    for lighter, heavier in pairwise(said):
        assert lighter.approvers_needed <= heavier.approvers_needed
        assert lighter.quotes_needed <= heavier.quotes_needed
        assert lighter.notice_days <= heavier.notice_days


def asked_in(*provinces: str, **facts: object) -> Proposal:
    return proposal(UNION, [gift(PEOPLE[n], 10_000, province=place) for n, place in enumerate(provinces)], **facts)


def test_without_rules_nothing_is_allowed() -> None:
    assert codes(judge(asked_in("上海市"), [], SpentSoFar({}, {}))) == {
        "purpose_not_allowed", "festival_not_allowed", "tier_missing",
    }  # fmt: skip


def test_a_union_of_several_provinces_follows_the_strictest_tier() -> None:
    strict = rule("T-SX", "tier", province="山西省", from_fen=0, approvers=2, quotes=3, notice_days=5)
    said = judge(asked_in("上海市", "山西省", quotes=3), [*BASE, strict], SpentSoFar({}, {}))
    assert (said.approvers_needed, said.quotes_needed, said.notice_days) == (2, 3, 5)
    assert said.skips == []


def test_a_step_is_skipped_only_if_every_province_has_the_rule() -> None:
    rules = [
        *(one for one in BASE if one.kind != "tier"),
        rule("T", "tier", from_fen=0, approvers=1, quotes=3, notice_days=3),
        rule("SKIP", "skip", province="上海市", step="noticed", reason="示例理由"),
    ]
    both = judge(asked_in("上海市", "山西省", quotes=3), rules, SpentSoFar({}, {}))
    assert both.notice_days == 3
    alone = judge(asked_in("上海市", quotes=3), rules, SpentSoFar({}, {}))
    assert (alone.notice_days, [(one.step, one.reason) for one in alone.skips]) == (0, [("noticed", "示例理由")])


def test_a_unions_own_rule_comes_before_its_provinces() -> None:
    rules = [
        *BASE,
        rule("CN", "cap", amount_fen=30_000, basis="person", cap_window="year"),
        rule("SH", "cap", amount_fen=20_000, basis="person", cap_window="year", province="上海市"),
        rule("U", "cap", amount_fen=5_000, basis="person", cap_window="year", union_id=UNION),
    ]
    assert [one.cap_fen for one in judge(asked_in("上海市"), rules, SpentSoFar({}, {})).limits] == [5_000]
    assert [one.cap_fen for one in judge(asked_in("上海市"), rules[:-1], SpentSoFar({}, {})).limits] == [20_000]
    assert [one.cap_fen for one in judge(asked_in("山西省"), rules[:-1], SpentSoFar({}, {})).limits] == [30_000]


def test_a_rule_of_all_members_counts_the_spares_too() -> None:
    share = rule("SHARE", "assisted_share", basis_points=3_000)
    asked = asked_in("上海市", total_fen=40_000, assisted_fen=10_000)
    assert codes(judge(asked, [*BASE, share], SpentSoFar({}, {}))) == {"assisted_share_low"}


def test_the_purse_does_not_outlive_its_rule() -> None:
    lapsed = rule("PURSE", "top_up", amount_fen=60_000, lapses_on="12-31", valid_to=date(2026, 9, 2))
    rules = [*BASE, rule("CN", "cap", amount_fen=5_000, basis="person", cap_window="year"), lapsed]
    assert judge(asked_in("上海市", pays_on=date(2026, 9, 1)), rules, SpentSoFar({}, {})).allowed
    assert not judge(asked_in("上海市", pays_on=date(2026, 9, 2)), rules, SpentSoFar({}, {})).allowed
