"""The seeded rules, asked about the cases of golden_cases.csv: what a person who knows the documents would answer.

已用键 names the counter (cap key / cap year) that each member's 今年已用元 stands on. 规则来源 must be quoted: by a
refusal, by the sentence, or by the rule of a skipped step.
"""

import csv
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from orders.funds.source import UNION_FUND_WORDS
from orders.spending import seed_rules
from orders.spending.proposal import Portion, Proposal, SpentSoFar
from orders.spending.rule import Rule
from orders.spending.rules import judge
from orders.spending.upload import SPENDING_RULES
from orders.spending.words import FESTIVAL_WORDS, PURPOSE_WORDS, STEP_WORDS
from shop.core.ids import derived_id
from shop.sheet.cells import Cells
from tests.make.spending import kept

CASES = list(csv.DictReader(Path(__file__).with_name("golden_cases.csv").read_text("utf-8").splitlines()))
UNION, BRANCH, PURCHASE = derived_id("union"), derived_id("branch"), derived_id("purchase")


def seeded(day: date) -> list[Rule]:
    """The rules of the seed file in force on a day, as the import reads them."""
    path = Path(seed_rules.__file__).with_name("data") / seed_rules.FILE
    (layout,) = SPENDING_RULES.layouts
    titles = {column.title: column.name for column in layout.columns}
    found = []
    for line in csv.DictReader(path.read_text("utf-8").splitlines()):
        cells = Cells({titles[title]: value for title, value in line.items()})
        rule = layout.read(cells).rule
        assert not cells.mistakes, (line, cells.mistakes)
        if rule.valid_from <= day and (rule.valid_to is None or day < rule.valid_to):
            found.append(kept(rule))
    return found


def code(words: dict[str, str], said: str) -> str | None:
    return {word: key for key, word in words.items()}[said] if said else None


def fen(yuan: str) -> int:
    return int(Decimal(yuan) * 100)


def asked(case: dict[str, str]) -> tuple[Proposal, SpentSoFar]:
    people = [derived_id("person", n) for n in range(int(case["人数"]))]
    each, assisted = fen(case["每人元"]), fen(case["每人帮扶元"])
    papers = case["定向资料"].split("；")
    proposal = Proposal(
        purchase_id=PURCHASE,
        union_id=UNION,
        purpose=code(PURPOSE_WORDS, case["用途"]) or "",
        festival=code(FESTIVAL_WORDS, case["节日"]),
        fund_source=code(UNION_FUND_WORDS, case["资金来源"]) or "",
        day=date.fromisoformat(case["决定日"]),
        pays_on=date.fromisoformat(case["付款日"]),
        festival_year=int(case["节日年份"]),
        total_fen=each * len(people),
        assisted_fen=assisted * len(people),
        portions=[Portion(person, BRANCH, case["省份"], each, assisted) for person in people],
        quotes=int(case["报价"]),
        directed=case["定向"] == "是",
        has_reason="理由" in papers,
        has_minutes="纪要" in papers,
        has_reference="参考价" in papers,
        packages=int(case["套餐"]),
        single_cooperative_paired="一家合作社" in papers,
        gives=case["发放"],
    )
    key, _, year = case["已用键"].partition("/")
    used = {(person, key, int(year)): fen(case["今年已用元"]) for person in people} if key else {}
    return proposal, SpentSoFar({}, used)


def test_there_are_at_least_forty() -> None:
    assert len(CASES) >= 40
    assert len({case["说明"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["序号"] + case["说明"] for case in CASES])
def test_the_rules_say_what_is_expected(case: dict[str, str]) -> None:
    proposal, spent_so_far = asked(case)
    rules = seeded(proposal.day)
    said = judge(proposal, rules, spent_so_far)
    by_id = {rule.id: rule for rule in rules}
    assert "；".join(one.code for one in said.refusals) == case["代码"], said.refusals
    assert said.allowed == (case["结果"] == "通过")
    assert (said.approvers_needed, said.quotes_needed, said.notice_days) == (
        int(case["审批人数"]),
        int(case["应询价"]),
        int(case["公示天数"]),
    )
    assert "；".join(STEP_WORDS[one.step] for one in said.skips) == case["免步骤"]
    assert all(one.reason and one.rule_id in by_id for one in said.skips)
    quoted = [
        said.line,
        *(one.source or "" for one in said.refusals),
        *(by_id[one.rule_id].source for one in said.skips),
    ]
    assert any(case["规则来源"] in one for one in quoted), quoted
    assert all(one.source for one in said.refusals)
    assert said.line.endswith("。"), said.line
    assert said.line.count("。") == 1


def test_no_rule_is_without_a_document() -> None:
    for rule in seeded(date(2026, 6, 1)):
        assert rule.source_title
        assert rule.source_number, rule.code
    assert {one.name for one in fields(Rule)} >= {"source_title", "source_number", "source_where"}
