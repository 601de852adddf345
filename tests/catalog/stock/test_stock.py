"""What is on hand is the sum of what ever moved."""

from itertools import count as counting

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from catalog.stock.count import CountBelowHeld, Counted, count
from catalog.stock.receive import Arrived, receive
from shop.core.database import Database
from tests.make.catalogue import OPENED, new_product, rows, stock_of_goods

pytestmark = pytest.mark.anyio
_turns = counting()
moves = st.lists(
    st.tuples(st.sampled_from(["receive", "count"]), st.integers(0, 50), st.integers(0, 5)), min_size=1, max_size=10
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves)
async def test_on_hand_is_the_sum_of_movements(database: Database, moves: list[tuple[str, int, int]]) -> None:
    """Every reference counts once, however often it comes."""
    product = new_product(f"S{next(_turns)}")
    await stock_of_goods(database, product)
    expected, seen = 0, set()
    for kind, pieces, which in moves:
        reference = f"{product.code}:{which}"
        fresh = (kind, which) not in seen
        async with database.transaction() as session:
            if kind == "receive":
                arrived = [Arrived(product.sku_id, pieces + 1, reference)]
                await receive(session, actor_id=None, arrived=arrived, now=OPENED)
                expected += pieces + 1 if fresh else 0
                seen.add((kind, which))
            else:
                counted = [Counted(product.sku_id, pieces, reference)]
                await count(session, actor_id=None, counted=counted, now=OPENED)
                if fresh and pieces != expected:  # a count that finds what the books say moves nothing
                    expected = pieces
                    seen.add((kind, which))
        assert await rows(
            database,
            """SELECT i.on_hand_pieces, coalesce(sum(m.pieces), 0)::bigint FROM stock_item i
            LEFT JOIN stock_movement m USING (sku_id) WHERE i.sku_id = :sku GROUP BY i.sku_id""",
            sku=product.sku_id,
        ) == [(expected, expected)]


async def test_promised_pieces_cannot_be_counted_away(database: Database) -> None:
    product = new_product()
    await stock_of_goods(database, product)
    async with database.transaction() as session:
        await receive(session, actor_id=None, arrived=[Arrived(product.sku_id, 10, "r1")], now=OPENED)
        await session.execute(text("UPDATE stock_item SET held_pieces = 4"))
    with pytest.raises(CountBelowHeld):
        async with database.transaction() as session:
            await count(session, actor_id=None, counted=[Counted(product.sku_id, 3, "c1")], now=OPENED)
    assert await rows(database, "SELECT on_hand_pieces, held_pieces FROM stock_item") == [(10, 4)]
    assert await rows(database, "SELECT kind, pieces FROM stock_movement") == [("received", 10)]
    async with database.transaction() as session:
        await count(session, actor_id=None, counted=[Counted(product.sku_id, 4, "c2")], now=OPENED)
    assert await rows(database, "SELECT on_hand_pieces, held_pieces FROM stock_item") == [(4, 4)]
