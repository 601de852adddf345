"""Place an order: quote it from the facts of this moment, then promise everything in one statement.

Two round trips: the facts, and one statement that writes the order and takes the stock. The statement checks again
what may have changed in between: a price or paper that is no longer valid leaves `price_id` empty, which the column
refuses; stock that is short breaks the CHECK of `stock_item`. Whatever the database refuses, nothing was written.
An order with an allowance takes a transaction of a few statements: the allowance is held in it.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.exc import IntegrityError

from orders.allowance.queries import purses_of
from orders.allowance.spend import hold_for
from orders.checkout.answer import order_of
from orders.checkout.facts import Connection, buyer_of, goods_of, together
from orders.checkout.pay_wholly import pay_wholly
from orders.checkout.place_statement import PARTS, PLACE, PLACE_IN_SESSION, given_of
from orders.checkout.problems import check
from orders.checkout.quote import Quote, quote
from orders.checkout.recent import RecentGoods
from orders.checkout.rows import Asked, order_rows
from orders.checkout.schemas import PlaceIn
from orders.checkout.tender import allocated_over
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.idempotency import IdempotencyKeyReused

_TRIES = 3


class AlreadyOrdered(Problem):
    """The key's order exists, but its first answer was purged after 72 hours."""

    status = 409
    code = "already_ordered"
    title = "这个请求编号已经下过单"


class GoodsChanged(Problem):
    status = 409
    code = "goods_changed"
    title = "商品信息刚刚变动，请再提交一次"


@dataclass(frozen=True, slots=True)
class Placed:
    """answer: the order as JSON bytes, the same again for the same key and body."""

    answer: bytes
    replayed: bool


_Write = Callable[[Quote], Awaitable[Placed]]


async def place(
    database: Database, *, actor: Actor, key: str, request_sha256: bytes, requested: PlaceIn, now: datetime
) -> Placed:
    """Hold the goods and freeze what the buyer saw. The order waits for payment until `expires_at`.

    Raises UnknownSku, NotForSale, PriceChanged, OutOfStock, CannotArrive, RegionUnknown, EmptyCart,
    AllowanceNotAvailable, FundsShort, IdempotencyKeyReused, GoodsChanged and their like, with one detail a line;
    nothing is written then.
    """
    asked = Asked(actor, key, request_sha256, requested, now)
    recent = database.kept.setdefault(RecentGoods, RecentGoods())
    async with database.hot.acquire() as connection:
        write: _Write = partial(_write_with_allowance, database, asked)
        if not requested.allowance_fen:
            write = partial(_write, connection, asked)
        try:
            return await _place(connection, asked, recent, write)
        except (Problem, asyncpg.UniqueViolationError) as error:
            # The same request again gets its first answer, even if the goods have changed since.
            if before := await _answered(connection, asked):
                return before
            if isinstance(error, Problem):
                raise
            raise AlreadyOrdered("请在“我的订单”里查看这笔订单。") from error


async def _place(connection: Connection, asked: Asked, recent: RecentGoods, write: _Write) -> Placed:
    """First with facts of a moment ago; whatever is wrong with them is decided on fresh ones."""
    requested, now, region_code = asked.requested, asked.now, asked.requested.address.region_code
    lines = [(line.sku_id, line.quantity) for line in requested.lines or await _cart(connection, asked.actor.user_id)]
    sku_ids = [sku_id for sku_id, _ in lines]
    buyer = await buyer_of(connection, person_id=asked.actor.person_id, now=now)
    goods = await recent.goods(connection, sku_ids=sku_ids, region_code=region_code, now=now)
    try:
        return await write(quote(lines, together(goods, buyer), now=now, fund_source=requested.fund_source))
    except (Problem, _Stale):
        pass
    for _ in range(_TRIES):
        goods = await goods_of(connection, sku_ids=sku_ids, region_code=region_code, now=now)
        recent.keep(goods, region_code, now)
        try:
            return await write(quote(lines, together(goods, buyer), now=now, fund_source=requested.fund_source))
        except _Stale:
            continue
    raise GoodsChanged


class _Stale(Exception):
    """A price, a paper, a product or the stock changed since the facts were read. Nothing was written."""


async def _write(connection: Connection, asked: Asked, quoted: Quote) -> Placed:
    check(quoted, asked.requested)
    order = order_of(quoted, asked.requested, asked.now)
    answer = msgspec.json.encode(order)
    given = given_of(order_rows(order, quoted, asked), quoted, asked, answer)
    with _stale_refused():
        await connection.execute(PLACE, *(given[part] for part in PARTS), asked.now, clock.business_day(asked.now))
    return Placed(answer, replayed=False)


async def _write_with_allowance(database: Database, asked: Asked, quoted: Quote) -> Placed:
    """The same in a transaction that also holds the allowance's part; where that is all, the order is paid in it."""
    now, day, amount_fen = asked.now, clock.business_day(asked.now), asked.requested.allowance_fen or 0
    async with database.transaction() as session:
        purses = await purses_of(session, asked.actor.person_id, day=day)
        shared, allocated = allocated_over(quoted, purses, amount_fen)
        check(shared, asked.requested)
        order = order_of(shared, asked.requested, now)
        covered = shared.total_fen == amount_fen
        answer = msgspec.json.encode(
            replace(order, state="confirmed", payment_state="paid", paid_fen=order.total_fen) if covered else order
        )
        given = given_of(order_rows(order, shared, asked), shared, asked, answer)
        with _stale_refused(), _as_the_driver_says():
            await session.execute(PLACE_IN_SESSION, given | {"now": now, "day": day})
        await hold_for(session, order_id=order.id, allocated=allocated, now=now)
        if covered:
            await pay_wholly(session, order_id=order.id, amount_fen=amount_fen, now=now)
    return Placed(answer, replayed=False)


@contextmanager
def _stale_refused() -> Iterator[None]:
    """What the database refuses because facts changed: raises _Stale."""
    try:
        yield
    except asyncpg.CheckViolationError as error:
        if error.constraint_name == "ck_stock_item_never_promise_more_than_there_is":
            raise _Stale from error
        raise
    except asyncpg.NotNullViolationError as error:
        if error.column_name == "price_id":
            raise _Stale from error
        raise


@contextmanager
def _as_the_driver_says() -> Iterator[None]:
    """The toolkit wraps the driver's errors; here they are read as they are."""
    try:
        yield
    except IntegrityError as wrapped:
        said = wrapped.orig.__cause__ if wrapped.orig else None
        raise (said or wrapped) from wrapped


class _CartLine(msgspec.Struct, frozen=True):
    sku_id: UUID
    quantity: int


async def _cart(connection: Connection, owner_id: UUID) -> Sequence[_CartLine]:
    rows = await connection.fetch(
        "SELECT sku_id, quantity FROM cart_line WHERE owner_id = $1 ORDER BY added_at, sku_id LIMIT 100", owner_id
    )
    return [_CartLine(row["sku_id"], row["quantity"]) for row in rows]


async def _answered(connection: Connection, asked: Asked) -> Placed | None:
    row = await connection.fetchrow(
        "SELECT request_sha256, answer FROM idempotency WHERE actor_id = $1 AND key = $2",
        asked.actor.user_id,
        asked.key,
    )
    if row is None:
        return None
    if row["request_sha256"] != asked.request_sha256:
        raise IdempotencyKeyReused
    return Placed(row["answer"].encode(), replayed=True)
