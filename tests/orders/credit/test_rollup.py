"""Rollup + what is not folded yet = the entries, at every moment, whoever folds and whoever sells."""

import asyncio
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.credit.check import differences, years_apart
from orders.credit.fold import fold
from orders.credit.jobs import fold_deltas
from orders.credit.record import record
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import CONGJIANG, HUNYUAN, Given, Sale, enter, recognised

pytestmark = pytest.mark.anyio

TODAY = clock.today()
_SUM = """SELECT coalesce(sum(sale_fen + refund_fen), 0)::bigint FROM (
    SELECT sale_fen, refund_fen FROM credit_rollup UNION ALL SELECT sale_fen, refund_fen FROM credit_delta) x"""


async def scalar(database: Database, statement: str) -> int:
    async with database.reading() as session:
        return int((await session.execute(text(statement))).scalar_one())


def history(top: UUID, count: int) -> list[Sale]:
    return [
        Sale(
            on=TODAY, fen=100 + n, path=[new_id(), top], place=(CONGJIANG, HUNYUAN)[n % 2],
            grade="D" if n % 5 == 0 else "A",
            reason="recognition_expired" if n % 7 == 0 else None,
            given=[Given(on=TODAY, fen=n, grams=10, milli=100)] if n % 3 == 0 else [],
        )
        for n in range(count)
    ]  # fmt: skip


async def test_folding_moves_everything_and_changes_no_figure(database: Database) -> None:
    sales = history(new_id(), 40)
    await enter(database, *sales[:20])
    await enter(database, *sales[20:], Sale(on=TODAY, fen=5, reason="no_credited_unit"))
    before = await scalar(database, _SUM)
    async with database.reading() as session:
        assert await differences(session) == []
        assert await years_apart(session) == 0
    await fold_deltas(database)
    assert await scalar(database, "SELECT count(*) FROM credit_delta") == 0
    assert await scalar(database, _SUM) == before
    assert before == sum(s.fen - sum(g.fen for g in s.given) for s in sales) + 5
    async with database.reading() as session:
        assert await differences(session) == []
        assert await years_apart(session) == 0


async def test_nothing_to_fold_is_nothing_done(database: Database) -> None:
    async with database.transaction() as session:
        assert await fold(session) == 0


async def test_a_fold_that_is_rolled_back_took_nothing(database: Database) -> None:
    await enter(database, *history(new_id(), 5))
    deltas = await scalar(database, "SELECT count(*) FROM credit_delta")
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            assert await fold(session) == deltas
            raise ZeroDivisionError
    assert await scalar(database, "SELECT count(*) FROM credit_delta") == deltas
    assert await scalar(database, "SELECT count(*) FROM credit_rollup") == 0


async def test_many_folders_while_others_sell_and_read(database: Database) -> None:
    tops = [new_id(), new_id()]
    done = asyncio.Event()
    seen: list[int] = []

    async def sell(n: int) -> None:
        for round_ in range(6):
            await enter(database, *(Sale(on=TODAY, fen=100, path=[tops[(n + i) % 2]]) for i in range(5)))
            await asyncio.sleep(0.001 * round_)

    async def fold_on() -> None:
        while not done.is_set():
            async with database.transaction() as session:
                await fold(session, batch=3)

    async def read_on() -> None:
        while not done.is_set():
            seen.append(await scalar(database, _SUM))

    others = [asyncio.create_task(work()) for work in (fold_on, fold_on, fold_on, read_on)]
    await asyncio.gather(*(sell(n) for n in range(4)))
    done.set()
    await asyncio.gather(*others)
    assert all(fen % 500 == 0 for fen in seen), "a reader saw half of a transaction, or a row twice"
    assert seen == sorted(seen), "a figure that had been read went down"
    await fold_deltas(database)
    assert await scalar(database, _SUM) == 4 * 6 * 5 * 100
    async with database.reading() as session:
        assert await differences(session) == []
        assert await years_apart(session) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE credit_rollup SET sale_fen = sale_fen + 1 WHERE county_code = '140225'",
        "UPDATE credit_rollup SET grams = grams - 1 WHERE county_code = '140225'",
        "DELETE FROM credit_rollup WHERE county_code = '140225'",
    ],
)
async def test_a_planted_difference_is_found_and_named(database: Database, spoil: str) -> None:
    top = new_id()
    await enter(database, Sale(on=TODAY, fen=700, path=[top]), Sale(on=TODAY, fen=900, path=[top], place=HUNYUAN))
    await fold_deltas(database)
    async with database.transaction() as session:
        await session.execute(text(spoil))
    async with database.reading() as session:
        (found,) = await differences(session)
    assert (found.top_unit_id, found.county_code, found.standing) == (top, "140225", "headline")
    assert found.entry_sale_fen == 900
    assert (found.rollup_sale_fen, found.rollup_grams) != (found.entry_sale_fen, found.entry_grams)


async def test_a_key_without_entries_is_a_difference_too(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(
            text("""INSERT INTO credit_rollup VALUES (:top, 202601, '140225', '浑源县', '山西省', 'direct_purchase',
                'headline', 1, 0, 0, 0)"""),
            {"top": new_id()},
        )
    async with database.reading() as session:
        (found,) = await differences(session)
    assert (found.period_month, found.entry_sale_fen, found.rollup_sale_fen) == (202601, 0, 1)


async def test_what_was_entered_twice_is_one_entry_and_one_delta(database: Database) -> None:
    sale = Sale(on=date(TODAY.year, TODAY.month, 1), fen=100, path=[new_id()])
    await enter(database, sale)
    async with database.transaction() as session:
        assert await record(session, list(recognised(sale)), now=clock.now()) == 0
    assert await scalar(database, "SELECT count(*) FROM credit_entry") == 1
    assert await scalar(database, _SUM) == 100
