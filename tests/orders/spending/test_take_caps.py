"""What counts is what was taken: never above a cap, once a decision, and back when it is released."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.spending.add_rules import rule_id
from orders.spending.proposal import Portion
from orders.spending.release_caps import ReleasesTooMuch, release_caps
from orders.spending.take_caps import CapExceeded, DecisionReleased
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import NotFound
from shop.core.ids import new_id
from tests.make.spending import decided, gift, new_rule, ordinary, proposal, ruled, taken, union

pytestmark = pytest.mark.anyio

YEARLY = new_rule("CAP", "cap", amount_fen=200_000, basis="person", cap_window="year")


async def used(database: Database, owner: UUID) -> dict[str, int]:
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT cap_key || '/' || cap_year, used_fen FROM spending_counter WHERE owner_id = :o AND used_fen > 0"
            ),
            {"o": owner},
        )
        return dict(rows.all())  # type: ignore[arg-type]


async def released(database: Database, decision_id: UUID, portions: list[Portion] | None = None) -> None:
    async with database.transaction() as session:
        await release_caps(session, decision_id, portions=portions, now=clock.now())


async def test_a_decision_counts_once(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    here, ada = await union(database, "U1"), new_id()
    decision = await decided(database, proposal(here, [gift(ada, 30_000), gift(ada, 5_000)]))
    for _ in range(3):
        await taken(database, decision)
    assert await used(database, ada) == {"year/2026": 35_000}


async def test_two_unions_fill_one_cap(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    one, other, ada, bob = await union(database, "U1"), await union(database, "U2"), new_id(), new_id()
    early = await decided(database, proposal(other, [gift(bob, 10_000), gift(ada, 60_000)]))
    await taken(database, await decided(database, proposal(one, [gift(ada, 150_000)])))
    assert early.allowed, "decided before the other union's was counted"
    with pytest.raises(CapExceeded) as refused:
        await taken(database, early)
    assert refused.value.extra == {"people": 1}
    assert [one.pointer for one in refused.value.errors] == ["/portions/1"]
    assert str(ada) not in str(refused.value.as_json()), "a place among the portions, never who"
    assert await used(database, ada) == {"year/2026": 150_000}
    assert await used(database, bob) == {}, "all or nothing"
    late = await decided(database, proposal(other, [gift(ada, 60_000)]))
    assert [(one.code, one.people) for one in late.refusals] == [("cap_exceeded", 1)]
    await taken(database, await decided(database, proposal(other, [gift(ada, 50_000)])))
    assert await used(database, ada) == {"year/2026": 200_000}


async def test_a_new_version_in_mid_year_finds_what_was_given(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    here, ada = await union(database, "U1"), new_id()
    await taken(database, await decided(database, proposal(here, [gift(ada, 150_000)])))
    await ruled(
        database,
        new_rule("CAP", "cap", since=date(2026, 10, 1), amount_fen=180_000, basis="person", cap_window="year"),
    )
    october = date(2026, 10, 1)
    assert not (await decided(database, proposal(here, [gift(ada, 30_001)], day=october))).allowed
    await taken(database, await decided(database, proposal(here, [gift(ada, 30_000)], day=october)))
    assert await used(database, ada) == {"year/2026": 180_000}


async def test_each_branch_follows_its_own_province(database: Database) -> None:
    small = new_rule("CAP-SX", "cap", province="山西省", amount_fen=100_000, basis="person", cap_window="year")
    await ruled(database, *ordinary(), YEARLY, small)
    here, ada, bob = await union(database, "U1"), new_id(), new_id()
    portions = [gift(ada, 150_000, province="上海市"), gift(bob, 150_000, province="山西省")]
    decision = await decided(database, proposal(here, portions))
    assert [(one.rule_id, one.people) for one in decision.refusals] == [(rule_id(small), 1)]
    with pytest.raises(CapExceeded) as refused:
        await taken(database, decision)
    assert [one.pointer for one in refused.value.errors] == ["/portions/1"]


async def test_caps_for_the_same_purposes_are_one_however_they_are_listed(database: Database) -> None:
    for code, fen, purposes in (("A", 100, ("festival", "birthday")), ("B", 90, ("birthday", "festival"))):
        await ruled(
            database,
            new_rule(code, "cap", amount_fen=fen, basis="person", cap_window="year", purposes=purposes),
        )
    await ruled(database, *ordinary())
    here, ada = await union(database, "U1"), new_id()
    await taken(database, await decided(database, proposal(here, [gift(ada, 60)])))
    assert await used(database, ada) == {"year:birthday:festival/2026": 60}
    assert not (await decided(database, proposal(here, [gift(ada, 31)]))).allowed


async def test_the_purse_is_for_assisted_goods_and_is_drawn_on_first(database: Database) -> None:
    purse = new_rule("PURSE", "top_up", amount_fen=60_000, lapses_on="12-31")
    await ruled(database, *ordinary(), YEARLY, purse)
    here, ada = await union(database, "U1"), new_id()
    await taken(database, await decided(database, proposal(here, [gift(ada, 100_000, assisted=40_000)])))
    assert await used(database, ada) == {"year/2026": 60_000, "top_up/2026": 40_000}
    more = await decided(database, proposal(here, [gift(ada, 160_000, assisted=100_000)]))
    assert more.allowed
    await taken(database, more)
    assert await used(database, ada) == {"year/2026": 200_000, "top_up/2026": 60_000}
    with pytest.raises(CapExceeded):
        await taken(database, await decided(database, proposal(here, [gift(ada, 1)])))
    await released(database, more.id, [gift(ada, 50_000, assisted=50_000)])
    assert await used(database, ada) == {"year/2026": 170_000, "top_up/2026": 40_000}
    await released(database, more.id)
    assert await used(database, ada) == {"year/2026": 60_000, "top_up/2026": 40_000}


async def test_the_purse_lapses_with_the_year(database: Database) -> None:
    purse = new_rule("PURSE", "top_up", amount_fen=60_000, lapses_on="12-31")
    await ruled(database, *ordinary(), YEARLY, purse, new_rule("Y", "cap_year", year_of="festival"))
    here, ada = await union(database, "U1"), new_id()

    async def give(fen: int, pays_on: date) -> bool:
        asked = proposal(here, [gift(ada, fen)], pays_on=pays_on, festival_year=2026)
        decision = await decided(database, asked)
        if decision.allowed:
            await taken(database, decision)
        return decision.allowed

    assert await give(260_000, date(2026, 12, 31))
    assert not await give(60_001, date(2027, 1, 1)), "the cap's year is the festival's; the new purse holds 600 yuan"
    assert await give(60_000, date(2027, 1, 1))
    assert await used(database, ada) == {"year/2026": 200_000, "top_up/2026": 60_000, "top_up/2027": 60_000}


async def test_an_average_cap_counts_every_member_of_the_union(database: Database) -> None:
    average = new_rule("AVG", "cap", amount_fen=10_000, basis="average", cap_window="year")
    await ruled(database, *ordinary(), average)
    here, people = await union(database, "U1"), [new_id() for _ in range(4)]
    async with database.transaction() as session:
        for person in people:
            await session.execute(
                text("INSERT INTO person (id, name, created_at) VALUES (:id, '会员（虚构）', now())"), {"id": person}
            )
            await session.execute(
                text("INSERT INTO union_membership (id, union_id, person_id, valid_from) VALUES (:i, :u, :p, :d)"),
                {"i": new_id(), "u": here, "p": person, "d": date(2020, 1, 1)},
            )
    await taken(database, await decided(database, proposal(here, [gift(people[0], 25_000)])))
    over = await decided(database, proposal(here, [gift(people[1], 15_001)]))
    assert [one.code for one in over.refusals] == ["cap_exceeded"]
    with pytest.raises(CapExceeded):
        await taken(database, over)
    fits = await decided(database, proposal(here, [gift(people[1], 15_000)]))
    await taken(database, fits)
    assert await used(database, here) == {"average:year@/2026": 40_000}
    await released(database, fits.id, [gift(people[1], 5_000)])
    assert await used(database, here) == {"average:year@/2026": 35_000}


async def test_what_comes_back_can_be_given_again_but_not_by_the_old_decision(database: Database) -> None:
    await ruled(database, *ordinary(), YEARLY)
    here, ada = await union(database, "U1"), new_id()
    decision = await decided(database, proposal(here, [gift(ada, 200_000)]))
    await taken(database, decision)
    with pytest.raises(ReleasesTooMuch):
        await released(database, decision.id, [gift(ada, 200_001)])
    for _ in range(2):
        await released(database, decision.id)
    assert await used(database, ada) == {}
    with pytest.raises(DecisionReleased):
        await taken(database, decision)
    await taken(database, await decided(database, proposal(here, [gift(ada, 200_000)])))
    with pytest.raises(NotFound):
        async with database.transaction() as session:
            from orders.spending.take_caps import take_caps  # noqa: PLC0415

            await take_caps(session, new_id(), now=clock.now())


async def test_the_database_itself_refuses_more_than_the_cap(database: Database) -> None:
    with pytest.raises(IntegrityError, match="never_above_the_cap"):
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO spending_counter VALUES (:o, 'year', 2026, 2, 1)"), {"o": new_id()})
