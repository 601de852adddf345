"""A decision is kept with everything it was made of, and comes out the same whenever it is asked again."""

from datetime import date

import pytest
from sqlalchemy import text

from orders.spending.add_rules import end_rule, rule_id
from orders.spending.decide import canonical, decision_of, replay
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.ids import new_id
from tests.make.spending import SOURCE, decided, gift, new_rule, ordinary, proposal, ruled, taken, union

pytestmark = pytest.mark.anyio

YEARLY = new_rule("CAP", "cap", amount_fen=200_000, basis="person", cap_window="year")
SHARE = new_rule("SHARE", "assisted_share", basis_points=3_000)


async def test_a_decision_replays_whatever_came_later(database: Database) -> None:
    await ruled(database, *ordinary(quotes=3), YEARLY, SHARE)
    here, ada, bob = await union(database, "U1"), new_id(), new_id()
    await taken(database, await decided(database, proposal(here, [gift(ada, 150_000)], quotes=3)))
    asked = proposal(here, [gift(ada, 60_000, province="上海市"), gift(bob, 10_000)], quotes=3)
    decision = await decided(database, asked)
    assert [one.code for one in decision.refusals] == ["cap_exceeded"]
    await ruled(
        database,
        new_rule("CAP", "cap", since=date(2026, 8, 1), amount_fen=500_000, basis="person", cap_window="year"),
        new_rule("CAP-SH", "cap", province="上海市", amount_fen=1, basis="person", cap_window="year"),
    )
    async with database.transaction() as session:
        await end_rule(
            session, actor_id=None, rule_id=rule_id(SHARE), valid_to=date(2026, 1, 1), reason="废止", now=clock.now()
        )
    await taken(database, await decided(database, proposal(here, [gift(bob, 1)], quotes=3, day=date(2026, 7, 1))))
    async with database.reading() as session:
        again = await replay(session, decision.id)
    assert again.same
    assert again == decision
    assert again.line == decision.line
    fresh = await decided(database, asked)
    assert fresh.verdict != decision.verdict, "today's rules say something else"


async def test_a_rewritten_rule_is_noticed(database: Database, database_url: str) -> None:
    await ruled(database, *ordinary(), YEARLY)
    decision = await decided(database, proposal(await union(database, "U1"), [gift(new_id(), 100)]))
    async with database.transaction() as session:
        await session.execute(text("UPDATE spending_rule SET title = title || '*' WHERE kind = 'cap'"))
    async with database.reading() as session:
        assert not (await replay(session, decision.id)).same


async def test_what_is_stored_is_what_was_answered(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    asked = proposal(await union(database, "U1"), [gift(new_id(), 100, province="上海市")])
    decision = await decided(database, asked)
    async with database.reading() as session:
        kept = await decision_of(session, decision.id)
        row = (await session.execute(text("SELECT inputs, rule_ids FROM spending_decision"))).one()
        with pytest.raises(NotFound):
            await decision_of(session, new_id())
        with pytest.raises(NotFound):
            await replay(session, new_id())
    assert kept == decision
    assert row.inputs["provinces"] == ["上海市"]
    assert set(row.rule_ids) == {rule_id(one) for one in [*ordinary(), YEARLY]}
    assert canonical({"b": 1, "a": [2]}) == '{"a":[2],"b":1}'


async def test_the_sentence_names_its_sources(database: Database) -> None:
    await ruled(database, *ordinary(quotes=3), YEARLY, SHARE)
    portions = [gift(new_id(), 50_000, assisted=20_000) for _ in range(3)]
    decision = await decided(database, proposal(await union(database, "U1"), portions, quotes=2))
    assert decision.line == (
        f"人均 ¥500.00（3 人）；每人每年上限 ¥2,000.00（{SOURCE}）；"
        f"帮扶产品占 40.00%，要求不低于 30.00%（{SOURCE}）；应询价 3 家、已有 2 家（{SOURCE}）。"
    )
    assert decision.verdict.quotes_needed == 3


async def test_ones_own_purchase_is_not_counted_against_itself(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    asked = proposal(await union(database, "U1"), [gift(new_id(), 150_000)])
    await taken(database, await decided(database, asked))
    assert (await decided(database, asked)).allowed
    assert not (await decided(database, proposal(asked.union_id, asked.portions))).allowed


async def test_a_decision_is_never_altered(database: Database) -> None:
    with pytest.raises(Exception, match="permission denied"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE spending_decision SET allowed = true"))
