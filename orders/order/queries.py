"""Reads of orders: the list, one order, its receipt, a buyer's year. Every total is a sum of stored rows."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.order.cancel_until import CANCEL_UNTIL
from orders.order.is_joint import IS_JOINT
from orders.order.schemas import OrderCountyRef, OrderList, OrderOut, OrderSummary
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import Invalid, NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

# Money that could not be kept (held, and returned as a late payment) neither came nor went.
_MONEY = """
    (SELECT coalesce(sum(p.amount_fen), 0) FROM payment p
        WHERE p.order_id = o.id AND p.state = 'succeeded') + (SELECT coalesce(sum(y.paid_fen), 0) FROM payer_share y
        WHERE y.order_id = o.id AND y.payer_kind <> 'person') AS paid_fen,
    (SELECT coalesce(sum(r.amount_fen), 0) FROM refund r JOIN payment p ON p.id = r.payment_id
        WHERE r.order_id = o.id AND r.state = 'succeeded' AND p.state = 'succeeded') AS refunded_fen
"""
_LIST = text(f"""
SELECT coalesce(jsonb_agg(to_jsonb(found) ORDER BY placed_at DESC, id DESC), '[]')::text FROM (
    SELECT o.id, o.number, o.state, o.payment_state, o.placed_at, o.expires_at,
        (SELECT coalesce(sum(c.net_fen), 0) FROM share_component c WHERE c.order_id = o.id)
        + (SELECT coalesce(sum(a.freight_fen), 0) FROM parcel a WHERE a.order_id = o.id) AS total_fen,
        {_MONEY},
        (SELECT coalesce(jsonb_agg(l.title ORDER BY l.position), '[]') FROM order_line l WHERE l.order_id = o.id)
            AS titles
    FROM shop_order o
    WHERE o.buyer_id = :buyer_id
        AND (CAST(:placed_at AS timestamptz) IS NULL OR (o.placed_at, o.id) < (:placed_at, :id))
    ORDER BY o.placed_at DESC, o.id DESC LIMIT :limit
) found
""")  # noqa: S608  # composed of our own constants; every value is a bind parameter
# What leaves a joint order leaves at once; of a refund only what arrived.
_ORDER = text(f"""
WITH parts AS (
    SELECT c.line_id, c.position, c.net_fen, c.grams, a.county_code, a.county_name, a.producer_id, a.producer_name,
        a.counted, a.not_counted_reason, a.credit_kind,
        CASE WHEN {IS_JOINT.format(order=":order_id")} THEN c.refunded_fen
            ELSE coalesce((SELECT sum(p.fen) FROM refund_part p JOIN refund r ON r.id = p.refund_id
                AND r.state = 'succeeded' WHERE p.component_id = c.id), 0) END AS refunded_fen
    FROM share_component c JOIN attribution a ON a.id = c.id WHERE c.order_id = :order_id
), origins AS (
    SELECT line_id, position, sum(net_fen) AS net_fen, jsonb_build_object(
        'county', jsonb_build_object('code', county_code, 'name', county_name),
        'producer', jsonb_build_object('id', producer_id, 'name', producer_name),
        'grams', sum(grams), 'paid_fen', sum(net_fen), 'counted', counted, 'not_counted_reason', not_counted_reason
    ) AS origin
    FROM parts GROUP BY line_id, position, county_code, county_name, producer_id, producer_name, counted,
        not_counted_reason
), lines AS (
    SELECT l.id, l.position, l.quantity * l.unit_price_fen AS gross_fen,
        (SELECT sum(net_fen) FROM origins g WHERE g.line_id = l.id) AS net_fen, jsonb_build_object(
        'id', l.id, 'sku_id', l.sku_id, 'product_id', l.product_id, 'title', l.title, 'spec', l.spec,
        'supplier', jsonb_build_object('id', l.supplier_id, 'name', (SELECT min(p.supplier_name) FROM parcel p
            WHERE p.order_id = l.order_id AND p.supplier_id = l.supplier_id)),
        'quantity', l.quantity, 'unit_price_fen', l.unit_price_fen,
        'price_list', (SELECT q.list FROM price q WHERE q.id = l.price_id),
        'discount_fen', l.quantity * l.unit_price_fen - (SELECT sum(net_fen) FROM origins g WHERE g.line_id = l.id),
        'paid_fen', (SELECT sum(net_fen) FROM origins g WHERE g.line_id = l.id),
        'refunded_quantity', CASE WHEN {IS_JOINT.format(order=":order_id")}
            THEN l.refunded_quantity ELSE (SELECT coalesce(sum(q.quantity), 0) FROM refund_line q
            JOIN refund r ON r.id = q.refund_id AND r.state = 'succeeded' WHERE q.line_id = l.id) END,
        'refunded_fen', (SELECT coalesce(sum(refunded_fen), 0) FROM parts x WHERE x.line_id = l.id),
        'origins', (SELECT jsonb_agg(origin ORDER BY position) FROM origins g WHERE g.line_id = l.id)
    ) AS line
    FROM order_line l
    WHERE l.order_id = :order_id
), sums AS (
    SELECT sum(gross_fen) AS goods_fen, sum(gross_fen - net_fen) AS discount_fen, sum(net_fen) AS net_fen,
        (SELECT sum(freight_fen) FROM parcel WHERE order_id = :order_id) AS freight_fen FROM lines
)
SELECT o.buyer_id, o.unit_id, jsonb_build_object(
    'id', o.id, 'number', o.number, 'state', o.state, 'payment_state', o.payment_state, 'fund_source', o.fund_source,
    'placed_at', o.placed_at, 'expires_at', o.expires_at, 'goods_fen', s.goods_fen, 'discount_fen', s.discount_fen,
    'freight_fen', s.freight_fen, 'total_fen', s.net_fen + s.freight_fen, 'paid_fen', m.paid_fen,
    'refunded_fen', m.refunded_fen, 'credit_kind', (SELECT min(credit_kind) FROM parts),
    'unit', CASE WHEN o.unit_id IS NOT NULL THEN jsonb_build_object('id', o.unit_id, 'name', o.unit_name) END,
    'lines', (SELECT jsonb_agg(line ORDER BY position) FROM lines),
    'address', (SELECT jsonb_build_object('name', d.name, 'phone', d.phone, 'region_code', d.region_code,
        'street', d.street, 'postcode', d.postcode) FROM delivery d WHERE d.id = o.id)
)::text AS document
FROM shop_order o, sums s, LATERAL (SELECT {_MONEY}) m WHERE o.id = :order_id
""")  # noqa: S608  # as above
_RECEIPT = text(f"""
SELECT jsonb_build_object(
    'region', (SELECT k.province || coalesce(k.prefecture, '') || k.name FROM delivery d
        JOIN county k ON k.code = d.region_code WHERE d.id = :order_id),
    'paid_at', (SELECT succeeded_at FROM payment WHERE order_id = :order_id AND state = 'succeeded'),
    'cancel_until', {CANCEL_UNTIL.format(order=":order_id")},
    'paid_with', (SELECT provider_method FROM payment WHERE order_id = :order_id AND state = 'succeeded'),
    'held_fen', (SELECT coalesce(sum(coalesce(k.left_fen, p.received_fen - coalesce((SELECT sum(r.amount_fen)
        FROM refund r WHERE r.payment_id = p.id AND r.state = 'succeeded'), 0))), 0) FROM payment p
        LEFT JOIN kept_advance k ON k.payment_id = p.id
        WHERE p.order_id = :order_id AND p.state = 'held' AND p.received_currency = 'cny'),
    'allowance_fen', (SELECT coalesce(sum(c.net_fen), 0) FROM share_component c JOIN line_share s ON s.id = c.share_id
        WHERE c.order_id = :order_id AND s.payer_kind = 'allowance'),
    'refunds', (SELECT coalesce(jsonb_agg(jsonb_build_object('amount_fen', amount_fen, 'state', state,
        'reason', reason, 'requested_at', requested_at, 'succeeded_at', succeeded_at) ORDER BY requested_at, id), '[]')
        FROM refund WHERE order_id = :order_id),
    'credited', (SELECT coalesce(jsonb_agg(jsonb_build_object('county', jsonb_build_object('code', county_code,
        'name', county_name), 'amount_fen', fen, 'not_counted_reason', not_counted_reason)
        ORDER BY not_counted_reason NULLS FIRST, county_code), '[]') FROM (
            SELECT e.county_code, e.county_name, e.not_counted_reason, sum(e.amount_fen) AS fen
            FROM order_line l JOIN credit_entry e ON e.order_line_id = l.id WHERE l.order_id = :order_id
            GROUP BY e.county_code, e.county_name, e.not_counted_reason) sums)
)::text
""")  # noqa: S608  # as above
_HELPED = text("""
SELECT count(*) FILTER (WHERE fen > 0) AS counties, coalesce(sum(fen), 0)::bigint AS fen FROM (
    SELECT e.county_code, sum(e.amount_fen) AS fen
    FROM shop_order o JOIN order_line l ON l.order_id = o.id JOIN credit_entry e ON e.order_line_id = l.id
    WHERE o.buyer_id = :buyer_id AND e.person_id = o.person_id AND e.counted
        AND e.period_month BETWEEN :year * 100 + 1 AND :year * 100 + 12
    GROUP BY e.county_code
) sums
""")
_BY_KEY = text("SELECT id FROM shop_order WHERE buyer_id = :buyer_id AND idempotency_key = :key")

_order = msgspec.json.Decoder(OrderOut).decode
_summaries = msgspec.json.Decoder(list[OrderSummary]).decode


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """state: requested, submitted, succeeded, failed."""

    amount_fen: int
    state: str
    reason: str
    requested_at: datetime
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credited:
    """What was written to the credit of a county, refunds taken off; or not counted, with the reason."""

    county: OrderCountyRef
    amount_fen: int
    not_counted_reason: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says beyond the order. held_fen: money that came but could not settle, and is with us.

    allowance_fen: the part that a union's allowance bears. cancel_until: the last day on which its buyer cancels it.
    """

    region: str | None
    paid_at: datetime | None
    cancel_until: date | None
    paid_with: str | None
    held_fen: int
    allowance_fen: int
    refunds: list[RefundSeen]
    credited: list[Credited]

    @property
    def may_cancel(self) -> bool:
        return self.cancel_until is None or clock.today() <= self.cancel_until


@dataclass(frozen=True, slots=True)
class Helped:
    """A person's own year: how many counties, and how much was credited to them, net of refunds."""

    counties: int
    fen: int


_receipt = msgspec.json.Decoder(Receipt).decode


async def orders_of(session: ReadSession, actor: Actor, *, limit: int, cursor: str | None = None) -> OrderList:
    """One's own orders, the newest first. Raises Invalid for a cursor that is not ours."""
    placed_at, order_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    if placed_at is not None and placed_at.tzinfo is None:
        raise Invalid("翻页位置已失效，请从第一页重新浏览。")
    facts = {"buyer_id": actor.user_id, "placed_at": placed_at, "id": order_id, "limit": limit + 1}
    items = _summaries((await session.execute(_LIST, facts)).scalar_one())
    more = len(items) > limit
    last = items[limit - 1] if more else None
    return OrderList(items[:limit], cursor_of(last.placed_at, last.id) if last else None)


async def order_seen_by(session: ReadSession, actor: Actor, order_id: UUID, *, day: date) -> OrderOut:
    """One order, as much of it as this actor may see; NotFound when that is nothing.

    Its buyer sees all of it. Programme staff who may refund it (their units cover the order's on `day`) see number,
    lines and money, but neither name nor address. A supplier sees the own lines and their sums, and no address.
    Anybody else, managers and auditors too, is a stranger: nobody looks into one person's basket.
    """
    row = (await session.execute(_ORDER, {"order_id": order_id})).one_or_none()
    if row is None:
        raise NotFound("没有这个订单。")
    order = _order(row.document)
    if row.buyer_id == actor.user_id:
        return order
    visible = await visible_unit_ids(session, actor, Permission.REFUND_REQUEST, day)
    if visible is None or row.unit_id in visible:
        return replace(order, address=None)
    suppliers = {grant.scope_id for grant in actor.scopes(Permission.REFUND_REQUEST) if grant.scope_kind == "supplier"}
    return _for_supplier(order, suppliers)


def _for_supplier(order: OrderOut, supplier_ids: set[str]) -> OrderOut:
    """Goods only: freight, payments and other sellers' lines are not this supplier's to see."""
    lines = [line for line in order.lines if str(line.supplier.id) in supplier_ids]
    if not lines:
        raise NotFound("没有这个订单。")
    net_fen, discount_fen = sum(line.paid_fen for line in lines), sum(line.discount_fen for line in lines)
    return replace(
        order,
        lines=lines,
        goods_fen=net_fen + discount_fen,
        discount_fen=discount_fen,
        freight_fen=0,
        total_fen=net_fen,
        paid_fen=net_fen if order.payment_state == "paid" else 0,
        refunded_fen=sum(line.refunded_fen for line in lines),
        unit=None,
        address=None,
    )


async def own_order(session: ReadSession, actor: Actor, order_id: UUID) -> OrderOut:
    """Raises NotFound when it is somebody else's."""
    row = (await session.execute(_ORDER, {"order_id": order_id})).one_or_none()
    if row is None or row.buyer_id != actor.user_id:
        raise NotFound("没有这个订单。")
    return _order(row.document)


async def receipt_of(session: ReadSession, order_id: UUID) -> Receipt:
    """Of an order that the caller was allowed to read."""
    return _receipt((await session.execute(_RECEIPT, {"order_id": order_id})).scalar_one())


async def helped_in(session: ReadSession, actor: Actor, *, year: int) -> Helped:
    """What the actor's own purchases were credited with in a calendar year."""
    facts = {"buyer_id": actor.user_id, "year": year}
    row = (await session.execute(_HELPED, facts)).one()
    return Helped(row.counties, row.fen)


async def order_under_key(session: ReadSession, actor: Actor, key: str) -> UUID | None:
    """The order that was placed with this idempotency key."""
    found: UUID | None = await session.scalar(_BY_KEY, {"buyer_id": actor.user_id, "key": key})
    return found
