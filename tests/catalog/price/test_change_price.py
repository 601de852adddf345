"""What was asked on any day stays known, and no moment has two prices."""

from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from catalog.price.change_price import NewPrice, PriceInThePast, PriceTwice, UnknownSku, change_prices
from catalog.producer.scope import NotYourSupplier
from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.catalogue import OPENED, new_product, rows, stock_of_goods

pytestmark = pytest.mark.anyio
_turns = count()
HISTORY = (
    "SELECT q.fen, q.valid_from, q.valid_to FROM price q JOIN sku s ON s.id = q.sku_id WHERE s.code = :code ORDER BY 2"
)


def at(day: int) -> datetime:
    return OPENED + timedelta(days=day)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(100, 105)), min_size=1, max_size=8))
async def test_every_moment_has_the_price_that_was_set_for_it_last(
    database: Database, steps: list[tuple[int, int, int]]
) -> None:
    """steps: (days that pass, days ahead, fen). A model of one list of days says what must be asked on each."""
    code = f"P{next(_turns)}"
    await stock_of_goods(database, new_product(code), fen=100)
    today, model = 0, [100] * 80
    for passed, ahead, fen in steps:
        today += passed
        first = today + ahead
        planned = {row[1] for row in await rows(database, HISTORY, code=code)}
        try:
            async with database.transaction() as session:
                price = NewPrice(code, fen, valid_from=at(first))
                await change_prices(session, actor=None, prices=[price], now=at(today))
        except PriceInThePast:
            assert at(first) in planned
            continue
        if model[first] != fen:
            end = min((moment for moment in planned if moment > at(first)), default=at(80))
            model[first : (end - OPENED).days] = [fen] * ((end - OPENED).days - first)
    history = await rows(database, HISTORY, code=code)
    assert [later[1] for later in history[1:]] == [earlier[2] for earlier in history[:-1]]
    assert history[-1][2] is None
    for day in range(80):
        asked = [fen for fen, start, end in history if start <= at(day) and (end is None or at(day) < end)]
        assert asked == [model[day]]


async def test_the_old_row_closes_and_the_change_is_audited(database: Database) -> None:
    await stock_of_goods(database, new_product("T1"))
    await _forget_touched(database)
    async with database.transaction() as session:
        changed = await change_prices(session, actor=None, prices=[NewPrice("T1", 4_200)], now=at(3), reason="涨价")
    assert changed == 1
    assert await rows(database, HISTORY, code="T1") == [(3_800, OPENED, at(3)), (4_200, at(3), None)]
    assert await rows(database, "SELECT before, after->'fen', reason FROM audit_event WHERE reason = '涨价'") == [
        ({"fen": 3_800}, 4_200, "涨价")
    ]
    assert await rows(database, "SELECT count(*) FROM product_touched") == [(1,)]


async def test_the_same_price_is_no_change(database: Database) -> None:
    await stock_of_goods(database, new_product("T1"))
    await _forget_touched(database)
    async with database.transaction() as session:
        assert await change_prices(session, actor=None, prices=[NewPrice("T1", 3_800)], now=at(3)) == 0
    assert await rows(database, HISTORY, code="T1") == [(3_800, OPENED, None)]
    assert await rows(database, "SELECT count(*) FROM product_touched") == [(0,)]


async def test_refused_changes_change_nothing(database: Database) -> None:
    await stock_of_goods(database, new_product("T1"), new_product("T2"))
    stranger = Actor(new_id(), new_id(), new_id(), (Grant(Role.SUPPLIER, "supplier", str(new_id())),))
    wrong = (
        (None, [NewPrice("T1", 1), NewPrice("NONE", 1)], UnknownSku),
        (None, [NewPrice("T1", 1), NewPrice("T2", 1, valid_from=at(1))], PriceInThePast),
        (None, [NewPrice("T1", 1), NewPrice("T1", 2)], PriceTwice),
        (stranger, [NewPrice("T1", 1)], NotYourSupplier),
    )
    before = await rows(database, "SELECT * FROM price ORDER BY id")
    for actor, prices, expected in wrong:
        with pytest.raises(expected):
            async with database.transaction() as session:
                await change_prices(session, actor=actor, prices=prices, now=at(3))
    assert await rows(database, "SELECT * FROM price ORDER BY id") == before


async def _forget_touched(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM product_touched"))
