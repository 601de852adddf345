"""Two decide one review at once, files meet files and decisions: each change holds once, and never two wait."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from catalog.price.change_price import NewPrice
from catalog.product.list_product import list_products
from catalog.review.approve import approve
from catalog.review.bring import bring
from catalog.review.find import ReviewDecided, ReviewStale
from catalog.review.reject import reject
from catalog.review.renew import renew
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from tests.make.catalogue import new_product, rows, stock_of_goods
from tests.make.people import somebody

pytestmark = pytest.mark.anyio
CODES = tuple(f"R{n:02}" for n in range(12))
WAITING = "SELECT count(*) FROM product_review WHERE state = 'waiting'"


@pytest.fixture
async def crowd(database: Database) -> list[Actor]:
    """Six of the platform; CODES are on the shelf."""
    await stock_of_goods(database, *(new_product(code) for code in CODES))
    async with database.transaction() as session:
        ids = [new_product(code).id for code in CODES]
        await list_products(session, actor_id=None, product_ids=ids, now=clock.now())
    grant = Grant(Role.STAFF, "all", "*")
    people = [await somebody(database, f"p{n}@races.test", grant) for n in range(6)]
    return [Actor(one.user_id, one.person_id, new_id(), (grant,)) for one in people]


async def tried(database: Database, verb: Callable[[WriteSession], Awaitable[object]]) -> str:
    """`done`, or the code of what it raised."""
    try:
        async with database.transaction() as session:
            await verb(session)
    except Problem as problem:
        return problem.code
    return "done"


async def brought(database: Database, actor: Actor | None, title: str, *codes: str, fen: int = 3_800) -> UUID:
    async with database.transaction() as session:
        done = await bring(
            session,
            actor=actor,
            products=[new_product(code, title=title) for code in codes],
            prices=[NewPrice(code, fen) for code in codes],
            reference="test",
            now=clock.now(),
        )
    return done.waiting[0].review_id


async def test_two_approve_at_once_and_it_is_done_once(database: Database, crowd: list[Actor]) -> None:
    for code in CODES[:4]:
        review = await brought(database, crowd[0], "新名（虚构）", code, fen=38_000)

        def verb(who: Actor, review: UUID = review) -> Callable[[WriteSession], Awaitable[None]]:
            return lambda session: approve(session, actor=who, review_id=review, now=clock.now())

        answers = await asyncio.gather(*(tried(database, verb(who)) for who in crowd[1:]))
        assert sorted(answers) == ["done", *[ReviewDecided.code] * 4]
    noted = "SELECT count(*) FROM audit_event WHERE action = 'product_review.approve'"
    assert await rows(database, noted) == [(4,)]
    prices = "SELECT count(*) FROM price WHERE fen = 38000"
    assert await rows(database, prices) == [(4,)]
    assert await rows(database, "SELECT count(*) FROM product WHERE title = '新名（虚构）'") == [(4,)]


async def test_yes_and_no_at_once_is_one_of_them(database: Database, crowd: list[Actor]) -> None:
    for code in CODES[:6]:
        review, now = await brought(database, crowd[0], "新名（虚构）", code), clock.now()

        async def yes(session: WriteSession, review: UUID = review) -> None:
            await approve(session, actor=crowd[1], review_id=review, now=now)  # noqa: B023

        async def no(session: WriteSession, review: UUID = review) -> None:
            await reject(session, actor=crowd[2], review_id=review, reason="x", now=now)  # noqa: B023

        answers = await asyncio.gather(tried(database, yes), tried(database, no))
        assert sorted(answers) == ["done", ReviewDecided.code]
        state, title = (
            await rows(
                database,
                "SELECT r.state, p.title FROM product_review r JOIN product p ON p.id = r.product_id WHERE r.id = :id",
                id=review,
            )
        )[0]
        assert (state, title) in {("approved", "新名（虚构）"), ("rejected", f"商品{code}")}


async def test_files_brought_at_once_leave_one_review_a_product(database: Database, crowd: list[Actor]) -> None:
    """Products of one file in one order, of another in the other; prices beside them: nobody is left in a deadlock."""
    turns = [
        brought(database, who, f"名{n}（虚构）", *(CODES if n % 2 else CODES[::-1]), fen=40_000 + n)
        for n, who in enumerate(crowd)
    ]

    async def prices(n: int) -> None:
        async with database.transaction() as session:
            requested = [NewPrice(code, 50_000 + n) for code in (CODES[::-1] if n % 2 else CODES)]
            await bring(session, actor=crowd[n], prices=requested, reference="test", now=clock.now())

    await asyncio.gather(*turns, *(prices(n) for n in range(4)))
    assert await rows(database, WAITING) == [(len(CODES),)]
    assert await rows(database, "SELECT count(DISTINCT items) FROM product_review WHERE state = 'replaced'") != [(0,)]
    assert await rows(database, "SELECT count(*) FROM product WHERE title LIKE '名%'") == [(0,)]
    assert await rows(database, "SELECT DISTINCT fen FROM price") == [(3_800,)]


async def test_an_approval_meets_the_next_file(database: Database, crowd: list[Actor]) -> None:
    """Either what was shown holds and the new word waits beside it, or nothing holds and the approver hears of it."""
    for code in CODES[:8]:
        review, now = await brought(database, crowd[0], "一（虚构）", code), clock.now()

        async def yes(session: WriteSession, review: UUID = review) -> None:
            await approve(session, actor=crowd[1], review_id=review, now=now)  # noqa: B023

        answer, _ = await asyncio.gather(tried(database, yes), brought(database, crowd[2], "二（虚构）", code))
        found = await rows(
            database,
            "SELECT p.title, r.items -> 0 ->> 'before', r.items -> 0 ->> 'after' FROM product p"
            " JOIN product_review r ON r.product_id = p.id AND r.state = 'waiting' WHERE p.code = :code",
            code=code,
        )
        before = "一（虚构）" if answer == "done" else f"商品{code}"
        assert answer in {"done", ReviewStale.code}
        assert found == [(before, before, "二（虚构）")]


async def test_asked_again_by_many_waits_once(database: Database, crowd: list[Actor]) -> None:
    review = await brought(database, crowd[0], "新名（虚构）", CODES[0])
    async with database.transaction() as session:
        await reject(session, actor=crowd[1], review_id=review, reason="x", now=clock.now())

    def verb(who: Actor) -> Callable[[WriteSession], Awaitable[UUID]]:
        return lambda session: renew(session, actor=who, review_id=review, now=clock.now())

    assert set(await asyncio.gather(*(tried(database, verb(who)) for who in crowd))) == {"done"}
    assert await rows(database, WAITING) == [(1,)]
