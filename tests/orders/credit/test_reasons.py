"""Every reason why something does not count is reached from facts, and recorded through the real door."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from orders.credit.models import NOT_COUNTED_REASONS
from orders.credit.rules import Deal, Origin, Rule, not_counted_reason
from orders.credit.words import REASONS
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Sale, enter

RULE = Rule(id=new_id(), needs_designation=True, needs_recognition=True, origin_basis="grown")
FINE = Origin(designations=("lifted_out",), paired=False, recognition_number="示例〔2026〕1号", recognised_once=True)
BOUGHT = Deal(credit_kind="direct_purchase", fund_source="personal", category="杂粮")
NO_PAPER = replace(FINE, recognition_number=None, recognised_once=False)
NOWHERE = replace(FINE, designations=())

FIXTURES: Mapping[str, dict[str, Any]] = {
    "outside_rule_period": {"rule": None},
    "donated": {"deal": replace(BOUGHT, donated=True)},
    "no_credited_unit": {"credited": False},
    "credit_kind_excluded": {"rule": replace(RULE, credit_kinds=("assisted_sale",))},
    "fund_source_excluded": {"rule": replace(RULE, fund_sources=("union", "canteen"))},
    "category_excluded": {"rule": replace(RULE, excluded_categories=("杂粮",))},
    "origin_unknown": {"rule": replace(RULE, origin_basis="made"), "origin": replace(FINE, known=False)},
    "no_designation": {"origin": NOWHERE},
    "designation_expired": {"origin": replace(NOWHERE, designated_once=True)},
    "designation_kind_excluded": {"origin": replace(FINE, designations=("severely_poor",))},
    "recognition_missing": {"origin": NO_PAPER},
    "recognition_not_yet_valid": {"origin": replace(NO_PAPER, recognised_later=True)},
    "recognition_expired": {"origin": replace(NO_PAPER, recognised_once=True)},
}


def judged(facts: Mapping[str, Any]) -> str | None:
    asked: dict[str, Any] = {"rule": RULE, "origin": FINE, "credited": True, "deal": BOUGHT} | dict(facts)
    return not_counted_reason(asked["rule"], asked["origin"], credited=asked["credited"], deal=asked["deal"])


def test_each_reason_has_a_fixture_and_a_sentence() -> None:
    assert {*FIXTURES, "evidence_missing"} == set(NOT_COUNTED_REASONS) == set(REASONS)
    assert len(NOT_COUNTED_REASONS) >= 12
    assert judged({}) is None


@pytest.mark.anyio
@pytest.mark.parametrize("reason", FIXTURES)
async def test_it_is_an_entry_with_its_reason(database: Database, reason: str) -> None:
    assert judged(FIXTURES[reason]) == reason
    await enter(database, Sale(on=clock.today(), fen=770, path=[new_id()], reason=reason))
    async with database.reading() as session:
        entry = (await session.execute(text("SELECT counted, not_counted_reason, amount_fen FROM credit_entry"))).one()
        standing = await session.scalar(text("SELECT standing FROM credit_delta"))
    assert tuple(entry) == (False, reason, 770)
    assert standing == reason


def test_a_pairing_stands_for_a_designation_and_a_rule_may_ask_for_nothing() -> None:
    assert judged({"origin": replace(NOWHERE, paired=True)}) is None
    lenient = replace(RULE, needs_designation=False, needs_recognition=False)
    assert judged({"rule": lenient, "origin": replace(NO_PAPER, designations=())}) is None


@given(
    rule=st.none()
    | st.builds(
        replace,
        st.just(RULE),
        needs_designation=st.booleans(),
        needs_recognition=st.booleans(),
        credit_kinds=st.sampled_from([("direct_purchase",), ("assisted_sale",), ("direct_purchase", "assisted_sale")]),
        excluded_categories=st.sampled_from([(), ("杂粮",)]),
    ),
    origin=st.builds(
        Origin,
        designations=st.lists(st.sampled_from(["lifted_out", "severely_poor", "emergency"]), max_size=2),
        paired=st.booleans(),
        recognition_number=st.none() | st.just("号"),
        recognised_once=st.booleans(),
        known=st.booleans(),
        designated_once=st.booleans(),
        recognised_later=st.booleans(),
    ),
    credited=st.booleans(),
)
def test_whatever_the_facts_there_is_one_known_answer(rule: Rule | None, origin: Origin, *, credited: bool) -> None:
    reason = not_counted_reason(rule, origin, credited=credited, deal=BOUGHT)
    assert reason is None or reason in REASONS
    if reason is None:
        assert rule is not None
        assert credited
        assert origin.known
