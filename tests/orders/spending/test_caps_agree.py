"""`caps.capped` says who would exceed a cap, `take_caps` refuses it on the counters: of the same portions, the same."""

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.spending.proposal import Decision, Portion
from orders.spending.rule import NewRule
from orders.spending.take_caps import CapExceeded
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.spending import decided, gift, new_rule, ordinary, proposal, ruled, taken, union

pytestmark = pytest.mark.anyio

PROVINCES = ("上海市", "山西省", "")
PEOPLE, FEN_MAX = 3, 60
amounts = st.integers(0, FEN_MAX)
caps = st.lists(
    st.fixed_dictionaries(
        {
            "amount_fen": st.integers(1, 3 * FEN_MAX),
            "province": st.sampled_from(PROVINCES),
            "basis": st.sampled_from(("person", "average")),
            "cap_window": st.sampled_from(("year", "festival")),
            "purposes": st.sampled_from(((), ("festival",), ("festival", "birthday"), ("birthday", "festival"))),
        }
    ),
    max_size=4,
)
gifts = st.lists(
    st.tuples(st.integers(0, PEOPLE - 1), amounts, st.integers(0, 4), st.sampled_from(PROVINCES)),
    min_size=1,
    max_size=5,
)
purchases = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(("festival", "birthday")), gifts), max_size=5)


def rules_of(union_id: UUID, drawn: list[dict[str, object]], purse: int) -> list[NewRule]:
    """Of one union alone: what another history drew says nothing about it."""
    found = [new_rule(f"C-{new_id()}", "cap", union_id=union_id, **one) for one in drawn]
    if purse:
        found.append(new_rule(f"P-{new_id()}", "top_up", union_id=union_id, amount_fen=purse, lapses_on="12-31"))
    return found


@pytest.fixture
async def ruled_shop(database: Database) -> Database:
    await ruled(database, *ordinary())
    return database


@given(st.tuples(caps, caps), st.tuples(amounts, amounts), purchases)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_the_rules_refuse_the_counters_refuse(
    ruled_shop: Database,
    drawn: tuple[list[dict[str, object]], ...],
    purses: tuple[int, int],
    bought: list[tuple[int, str, list[tuple[int, int, int, str]]]],
) -> None:
    """Two unions with caps and purses of their own give to the same people, one purchase after the other."""
    unions = [await union(ruled_shop, f"U-{new_id()}") for _ in drawn]
    for here, some, purse in zip(unions, drawn, purses, strict=True):
        await ruled(ruled_shop, *rules_of(here, some, purse))
    people = [new_id() for _ in range(PEOPLE)]
    for at, purpose, given_ in bought:
        portions: list[Portion] = [
            gift(people[n], fen, assisted=fen * quarters // 4, province=province)
            for n, fen, quarters, province in given_
        ]
        festival = "mid_autumn" if purpose == "festival" else None
        decision = await decided(ruled_shop, proposal(unions[at], portions, purpose=purpose, festival=festival))
        over = [one.people for one in decision.refusals if one.code == "cap_exceeded"]
        exceeding = await counted(ruled_shop, decision)
        assert bool(over) == (exceeding is not None), (over, exceeding)
        assert exceeding is None or max(over) <= exceeding <= sum(over)


async def counted(database: Database, decision: Decision) -> int | None:
    """None where it was; else how many people would get more than a cap allows, 0 where only an average would."""
    try:
        await taken(database, decision)
    except CapExceeded as refused:
        return len({one.pointer for one in refused.errors} - {""})
    return None
