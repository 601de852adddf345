"""Place an order: quote it from the facts of this moment, then promise everything in one statement.

Two round trips: the facts, and one statement that writes the order and takes the stock. The statement checks again
what may have changed in between: a price or paper that is no longer valid leaves `price_id` empty, which the column
refuses; stock that is short breaks the CHECK of `stock_item`. Whatever the database refuses, nothing was written.
An order with an allowance takes a transaction of a few statements: the allowance is held in it.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.allowance.queries import purses_of
from orders.allowance.spend import hold_for
from orders.checkout.document import TABLES, Asked, document_of
from orders.checkout.facts import Connection, buyer_of, goods_of, together
from orders.checkout.pay_wholly import pay_wholly
from orders.checkout.problems import check
from orders.checkout.quote import Quote, quote
from orders.checkout.quoted import origin_out
from orders.checkout.recent import RecentGoods
from orders.checkout.schemas import PlaceIn
from orders.checkout.tender import laid_over
from orders.order.schemas import NameRef, OrderLineOut, OrderOut
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.idempotency import IdempotencyKeyReused
from shop.core.ids import new_id

HOLD = timedelta(minutes=30)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read for something else
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
    database: Database, *, actor: Actor, key: str, request_sha256: bytes, wanted: PlaceIn, now: datetime
) -> Placed:
    """Hold the goods and freeze what the buyer saw. The order waits for payment until `expires_at`.

    Raises UnknownSku, NotForSale, PriceChanged, OutOfStock, CannotArrive, RegionUnknown, EmptyCart,
    AllowanceNotAvailable, FundsShort, IdempotencyKeyReused, GoodsChanged and their like, with one detail a line;
    nothing is written then.
    """
    asked = Asked(actor, key, request_sha256, wanted, now)
    recent = database.kept.setdefault(RecentGoods, RecentGoods())
    async with database.hot.acquire() as connection:
        write: _Write = partial(_write_with_allowance, database, asked)
        if not wanted.allowance_fen:
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
    wanted, now, region_code = asked.wanted, asked.now, asked.wanted.address.region_code
    lines = [(line.sku_id, line.quantity) for line in wanted.lines or await _cart(connection, asked.actor.user_id)]
    sku_ids = [sku_id for sku_id, _ in lines]
    buyer = await buyer_of(connection, person_id=asked.actor.person_id, now=now)
    goods = await recent.goods(connection, sku_ids=sku_ids, region_code=region_code, now=now)
    try:
        return await write(quote(lines, together(goods, buyer), now=now, fund_source=wanted.fund_source))
    except (Problem, _Stale):
        pass
    for _ in range(_TRIES):
        goods = await goods_of(connection, sku_ids=sku_ids, region_code=region_code, now=now)
        recent.keep(goods, region_code, now)
        try:
            return await write(quote(lines, together(goods, buyer), now=now, fund_source=wanted.fund_source))
        except _Stale:
            continue
    raise GoodsChanged


class _Stale(Exception):
    """A price, a paper, a product or the stock changed since the facts were read. Nothing was written."""


async def _write(connection: Connection, asked: Asked, quoted: Quote) -> Placed:
    check(quoted, asked.wanted)
    order = _order_of(quoted, asked.wanted, asked.now)
    answer = msgspec.json.encode(order)
    rows = document_of(order, quoted, asked, answer)
    with _stale_refused():
        await connection.execute(_PLACE, *rows, asked.now, clock.business_day(asked.now))
    return Placed(answer, replayed=False)


async def _write_with_allowance(database: Database, asked: Asked, quoted: Quote) -> Placed:
    """The same in a transaction that also holds the allowance's part; where that is all, the order is paid in it."""
    now, day, amount_fen = asked.now, clock.business_day(asked.now), asked.wanted.allowance_fen or 0
    async with database.transaction() as session:
        purses = await purses_of(session, asked.actor.person_id, day=day)
        shared, laid = laid_over(quoted, purses, amount_fen)
        check(shared, asked.wanted)
        order = _order_of(shared, asked.wanted, now)
        covered = shared.total_fen == amount_fen
        answer = msgspec.json.encode(
            replace(order, state="confirmed", payment_state="paid", paid_fen=order.total_fen) if covered else order
        )
        rows = dict(zip(TABLES, document_of(order, shared, asked, answer), strict=True))
        with _stale_refused(), _as_the_driver_says():
            await session.execute(_PLACE_IN_SESSION, rows | {"now": now, "day": day})
        await hold_for(session, order_id=order.id, laid=laid, now=now)
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


def spoken_code() -> str:
    """Eight letters that can be read aloud, chosen at random: part of an order's number, or a transfer code."""
    return "".join(_ALPHABET[byte & 31] for byte in secrets.token_bytes(8))


def _order_of(quoted: Quote, wanted: PlaceIn, now: datetime) -> OrderOut:
    return OrderOut(
        id=new_id(),
        number=f"{clock.business_day(now):%y%m%d}{spoken_code()}",
        state="placed",
        payment_state="unpaid",
        fund_source=wanted.fund_source,
        placed_at=now,
        expires_at=now + HOLD,
        goods_fen=quoted.goods_fen,
        discount_fen=quoted.discount_fen,
        freight_fen=quoted.total_freight_fen,
        total_fen=quoted.total_fen,
        paid_fen=0,
        refunded_fen=0,
        credit_kind=quoted.credit_kind,
        unit=NameRef(quoted.unit.id, quoted.unit.name) if quoted.unit else None,
        lines=[
            OrderLineOut(
                id=new_id(),
                sku_id=line.sku_id,
                product_id=line.sku.product_id,
                title=line.sku.title,
                spec=line.sku.spec,
                supplier=NameRef(line.sku.supplier_id, line.sku.supplier_name),
                quantity=line.quantity,
                unit_price_fen=line.step.fen,
                discount_fen=line.discount_fen,
                paid_fen=line.net_fen,
                refunded_quantity=0,
                refunded_fen=0,
                origins=[origin_out(piece) for piece in line.pieces],
            )
            for line in quoted.lines
            if line.sku and line.step
        ],
    )


# Inserts first, stock last: the rows that other buyers want are locked for the shortest time, in SKU order.
_TEMPLATE = """
WITH remembered AS (
    INSERT INTO idempotency SELECT * FROM jsonb_populate_record(NULL::idempotency, {idempotency}) RETURNING 1
), ordered AS (
    INSERT INTO shop_order SELECT * FROM jsonb_populate_record(NULL::shop_order, {ordered})
    RETURNING id, state, buyer_id
), noted AS (
    INSERT INTO order_event (order_id, state, at, actor_id) SELECT id, state, {now}, buyer_id FROM ordered
), delivered AS (
    INSERT INTO delivery SELECT * FROM jsonb_populate_record(NULL::delivery, {delivery})
), packed AS (
    INSERT INTO parcel SELECT * FROM jsonb_populate_recordset(NULL::parcel, {parcels})
), fresh AS (
    SELECT count(*) = 0 AS yes FROM jsonb_to_recordset({versions}) AS r(product_id uuid, changed_at timestamptz)
    JOIN product g ON g.id = r.product_id WHERE g.changed_at <> r.changed_at
), lined AS (
    INSERT INTO order_line (id, order_id, position, sku_id, product_id, supplier_id, price_id, title, spec, quantity,
        unit_price_fen, refunded_quantity)
    SELECT r.id, r.order_id, r.position, r.sku_id, r.product_id, r.supplier_id, p.id, r.title, r.spec, r.quantity,
        r.unit_price_fen, 0
    FROM jsonb_populate_recordset(NULL::order_line, {lines}) r
    LEFT JOIN price p ON p.id = r.price_id AND p.fen = r.unit_price_fen AND p.valid_from <= {now}
        AND (p.valid_to IS NULL OR p.valid_to > {now})
        AND (SELECT yes FROM fresh)
        AND EXISTS (SELECT FROM product g WHERE g.id = r.product_id AND g.state = 'listed')
        AND NOT EXISTS (
            SELECT FROM sku_content c JOIN sku s ON s.id = c.stock_sku_id JOIN document f ON f.product_id = s.product_id
            WHERE c.sku_id = r.sku_id AND f.kind IN ('licence', 'conformity', 'inspection')
            GROUP BY f.product_id, f.kind
            HAVING NOT bool_or((f.valid_from IS NULL OR f.valid_from <= {day})
                AND (f.valid_to IS NULL OR f.valid_to > {day})))
    RETURNING 1
), shared AS (
    INSERT INTO line_share SELECT * FROM jsonb_populate_recordset(NULL::line_share, {shares})
), frozen AS (
    INSERT INTO attribution SELECT * FROM jsonb_populate_recordset(NULL::attribution, {attributions}) RETURNING 1
), divided AS (
    INSERT INTO share_component SELECT * FROM jsonb_populate_recordset(NULL::share_component, {components}) RETURNING 1
), emptied AS (
    DELETE FROM cart_line USING ordered WHERE owner_id = ordered.buyer_id AND {from_cart} ? sku_id::text
), taken AS (
    SELECT r.sku_id, r.pieces, o.id AS order_id
    FROM ordered o, jsonb_to_recordset({stock}) AS r(sku_id uuid, pieces bigint)
), promised AS (
    INSERT INTO stock_hold (order_id, sku_id, pieces, state) SELECT order_id, sku_id, pieces, 'held' FROM taken
    RETURNING 1
), locked AS (
    SELECT i.sku_id, t.pieces FROM stock_item i JOIN taken t USING (sku_id)
    WHERE (SELECT count(*) FROM remembered) + (SELECT count(*) FROM promised) + (SELECT count(*) FROM lined)
        + (SELECT count(*) FROM frozen) + (SELECT count(*) FROM divided) > 0
    ORDER BY i.sku_id FOR NO KEY UPDATE OF i
)
UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM locked l WHERE i.sku_id = l.sku_id
"""
_PLACE = _TEMPLATE.format(
    **{table: f"${number}::jsonb" for number, table in enumerate(TABLES, 1)},
    now=f"${len(TABLES) + 1}::timestamptz",
    day=f"${len(TABLES) + 2}::date",
)
_PLACE_IN_SESSION = text(
    _TEMPLATE.format(
        **{table: f"CAST(:{table} AS jsonb)" for table in TABLES},
        now="CAST(:now AS timestamptz)",
        day="CAST(:day AS date)",
    )
)
