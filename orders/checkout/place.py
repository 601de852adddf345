"""Place an order: quote it from the facts of this moment, then promise everything in one statement.

Two round trips: the facts, and one statement that writes the order and takes the stock. The statement checks again
what may have changed in between: a price or paper that is no longer valid leaves `price_id` empty, which the column
refuses; stock that is short breaks the CHECK of `stock_item`. Whatever the database refuses, nothing was written.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from orders.checkout.document import document_of
from orders.checkout.facts import facts_for
from orders.checkout.problems import check
from orders.checkout.quote import Piece, Quote, quote
from orders.checkout.schemas import PlaceIn
from orders.order.schemas import CountyRef, LineOut, NameRef, OrderOut, OriginOut
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Problem
from shop.core.ids import new_id

HOLD = timedelta(minutes=30)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that is read for something else
_TRIES = 3


class IdempotencyKeyReused(Problem):
    status = 422
    code = "idempotency_key_reused"
    title = "这个请求编号已经用于另一份内容"


class AlreadyOrdered(Problem):
    """The key's order exists, but its first answer was purged after 72 hours."""

    status = 409
    code = "already_ordered"
    title = "这个请求编号已经下过单"


class TryAgain(Problem):
    status = 409
    code = "try_again"
    title = "商品信息刚刚变动，请再提交一次"


@dataclass(frozen=True, slots=True)
class Placed:
    """answer: the order as JSON bytes, the same again for the same key and body."""

    answer: bytes
    replayed: bool


async def place(
    database: Database, *, actor: Actor, key: str, request_sha256: bytes, wanted: PlaceIn, now: datetime
) -> Placed:
    """Hold the goods and freeze what the buyer saw. The order waits for payment until `expires_at`.

    Raises UnknownSku, NotForSale, PriceChanged, OutOfStock, CannotArrive, RegionUnknown, EmptyCart,
    IdempotencyKeyReused, TryAgain and their like, with one detail a line; nothing is written then.
    """
    async with database.hot.acquire() as connection:
        try:
            return await _place(connection, actor, key, request_sha256, wanted, now)
        except (Problem, asyncpg.UniqueViolationError) as error:
            # The same request again gets its first answer, even if the goods have changed since.
            if before := await _answered(connection, actor.user_id, key, request_sha256):
                return before
            if isinstance(error, Problem):
                raise
            raise AlreadyOrdered("请在“我的订单”里查看这笔订单。") from error


async def _place(
    connection: asyncpg.pool.PoolConnectionProxy,
    actor: Actor,
    key: str,
    request_sha256: bytes,
    wanted: PlaceIn,
    now: datetime,
) -> Placed:
    for _ in range(_TRIES):
        lines = [(line.sku_id, line.quantity) for line in wanted.lines or await _cart(connection, actor.user_id)]
        facts = await facts_for(
            connection,
            sku_ids=[sku_id for sku_id, _ in lines],
            person_id=actor.person_id,
            region_code=wanted.address.region_code,
            now=now,
        )
        quoted = quote(lines, facts, now=now)
        check(quoted, wanted, actor)
        order = _order_of(quoted, wanted, now)
        answer = msgspec.json.encode(order)
        document = document_of(order, quoted, wanted, actor, key, request_sha256, answer, now)
        try:
            await connection.execute(_PLACE, document, now, clock.business_day(now))
        except asyncpg.CheckViolationError as error:
            if error.constraint_name != "ck_stock_item_never_promise_more_than_there_is":
                raise
        except asyncpg.NotNullViolationError as error:
            if error.column_name != "price_id":
                raise
        else:
            return Placed(answer, replayed=False)
    raise TryAgain


class _CartLine(msgspec.Struct, frozen=True):
    sku_id: UUID
    quantity: int


async def _cart(connection: asyncpg.pool.PoolConnectionProxy, owner_id: UUID) -> Sequence[_CartLine]:
    rows = await connection.fetch(
        "SELECT sku_id, quantity FROM cart_line WHERE owner_id = $1 ORDER BY added_at, sku_id LIMIT 100", owner_id
    )
    return [_CartLine(row["sku_id"], row["quantity"]) for row in rows]


async def _answered(
    connection: asyncpg.pool.PoolConnectionProxy, actor_id: UUID, key: str, request_sha256: bytes
) -> Placed | None:
    row = await connection.fetchrow(
        "SELECT request_sha256, answer FROM idempotency WHERE actor_id = $1 AND key = $2", actor_id, key
    )
    if row is None:
        return None
    if row["request_sha256"] != request_sha256:
        raise IdempotencyKeyReused("请换一个新的 Idempotency-Key 再提交。")
    return Placed(row["answer"].encode(), replayed=True)


def _order_of(quoted: Quote, wanted: PlaceIn, now: datetime) -> OrderOut:
    number = f"{clock.business_day(now):%y%m%d}" + "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return OrderOut(
        id=new_id(),
        number=number,
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
            LineOut(
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
                origins=[_origin(piece) for piece in line.pieces],
            )
            for line in quoted.lines
            if line.sku and line.step
        ],
    )


def _origin(piece: Piece) -> OriginOut:
    content = piece.content
    return OriginOut(
        county=CountyRef(content.county_code or "", content.county_name or ""),
        producer=NameRef(content.producer_id, content.producer_name),
        grams=piece.grams,
        paid_fen=piece.net_fen,
        counted=piece.not_counted_reason is None,
        not_counted_reason=piece.not_counted_reason,
    )


# Inserts first, stock last: the rows that other buyers want are locked for the shortest time, in SKU order.
_PLACE = """
WITH doc AS (SELECT $1::jsonb AS d),
remembered AS (
    INSERT INTO idempotency SELECT r.* FROM doc, jsonb_populate_record(NULL::idempotency, d->'idempotency') r
    RETURNING 1
), ordered AS (
    INSERT INTO shop_order SELECT r.* FROM doc, jsonb_populate_record(NULL::shop_order, d->'order') r RETURNING 1
), noted AS (
    INSERT INTO order_event (order_id, state, at, actor_id)
    SELECT r.id, r.state, $2, r.buyer_id FROM doc, jsonb_populate_record(NULL::shop_order, d->'order') r RETURNING 1
), delivered AS (
    INSERT INTO delivery SELECT r.* FROM doc, jsonb_populate_record(NULL::delivery, d->'delivery') r RETURNING 1
), packed AS (
    INSERT INTO parcel SELECT r.* FROM doc, jsonb_populate_recordset(NULL::parcel, d->'parcels') r RETURNING 1
), lined AS (
    INSERT INTO order_line (id, order_id, position, sku_id, product_id, supplier_id, price_id, title, spec, quantity,
        unit_price_fen, refunded_quantity)
    SELECT r.id, r.order_id, r.position, r.sku_id, r.product_id, r.supplier_id, p.id, r.title, r.spec, r.quantity,
        r.unit_price_fen, 0
    FROM doc, jsonb_populate_recordset(NULL::order_line, d->'lines') r
    LEFT JOIN price p ON p.id = r.price_id AND p.fen = r.unit_price_fen AND p.valid_from <= $2
        AND (p.valid_to IS NULL OR p.valid_to > $2)
        AND EXISTS (SELECT FROM product g WHERE g.id = r.product_id AND g.state = 'listed')
        AND NOT EXISTS (
            SELECT FROM sku_content c JOIN sku s ON s.id = c.stock_sku_id JOIN document f ON f.product_id = s.product_id
            WHERE c.sku_id = r.sku_id AND f.kind IN ('licence', 'conformity', 'inspection')
            GROUP BY f.product_id, f.kind
            HAVING NOT bool_or((f.valid_from IS NULL OR f.valid_from <= $3)
                AND (f.valid_to IS NULL OR f.valid_to > $3)))
    RETURNING 1
), shared AS (
    INSERT INTO line_share SELECT r.* FROM doc, jsonb_populate_recordset(NULL::line_share, d->'shares') r RETURNING 1
), frozen AS (
    INSERT INTO attribution SELECT r.* FROM doc, jsonb_populate_recordset(NULL::attribution, d->'attributions') r
    RETURNING 1
), divided AS (
    INSERT INTO share_component SELECT r.* FROM doc, jsonb_populate_recordset(NULL::share_component, d->'components') r
    RETURNING 1
), emptied AS (
    DELETE FROM cart_line USING doc
    WHERE owner_id = (d->'order'->>'buyer_id')::uuid AND d->'from_cart' ? sku_id::text RETURNING 1
), taken AS (
    SELECT r.sku_id, r.pieces, (d->'order'->>'id')::uuid AS order_id
    FROM doc, jsonb_to_recordset(d->'stock') AS r(sku_id uuid, pieces bigint)
), promised AS (
    INSERT INTO stock_hold (order_id, sku_id, pieces, state) SELECT order_id, sku_id, pieces, 'held' FROM taken
    RETURNING 1
), locked AS (
    SELECT i.sku_id, t.pieces FROM stock_item i JOIN taken t USING (sku_id)
    WHERE (SELECT count(*) FROM promised) > 0 AND (SELECT count(*) FROM divided) > 0
        AND (SELECT count(*) FROM lined) > 0
    ORDER BY i.sku_id FOR NO KEY UPDATE OF i
)
UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM locked l WHERE i.sku_id = l.sku_id
"""
