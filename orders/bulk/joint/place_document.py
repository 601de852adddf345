"""Write a drawn order: thousands of rows by COPY, in the transaction of the session, and the stock last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, text

from orders.bulk.joint.demand import Demand, Payer
from orders.bulk.joint.draw import Drawn, DrawnLine, DrawnPiece
from orders.checkout.facts import Facts, Goods
from orders.checkout.place import spoken_code
from orders.checkout.quote import why_not_counted
from orders.order.transfer_code import new_transfer_code
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id


class StockShort(Problem):
    """`missing`: SKU → pieces that are missing."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "out_of_stock"
    title: ClassVar[str] = "库存不足"


@dataclass(frozen=True, slots=True)
class Placing:
    """What the rows have in common. key: under which the order exists once."""

    purchase_id: UUID
    union_id: UUID
    unit_id: UUID
    unit_name: str
    buyer_id: UUID
    person_id: UUID
    key: str
    fund_source: str
    terms: str
    shared_by: str
    ship_on: date
    requester_id: UUID
    approver_id: UUID
    now: datetime


_LOCKED = text("SELECT 1")
_HOLD = text("""
WITH wanted AS (
    SELECT * FROM unnest(:skus, :pieces) AS r(sku_id, pieces)
), locked AS MATERIALIZED (
    SELECT i.sku_id, w.pieces, i.on_hand_pieces - i.held_pieces AS free
    FROM stock_item i JOIN wanted w USING (sku_id) ORDER BY i.sku_id FOR NO KEY UPDATE OF i
), promised AS (
    INSERT INTO stock_hold (order_id, sku_id, pieces, state)
    SELECT :order, sku_id, pieces, 'held' FROM locked WHERE free >= pieces
), raised AS (
    UPDATE stock_item i SET held_pieces = i.held_pieces + l.pieces FROM locked l
    WHERE i.sku_id = l.sku_id AND l.free >= l.pieces
)
SELECT l.sku_id, l.pieces - l.free AS missing, p.title, s.spec FROM locked l JOIN sku s ON s.id = l.sku_id
JOIN product p ON p.id = s.product_id WHERE l.free < l.pieces ORDER BY p.title, s.spec
""").bindparams(
    bindparam("order", type_=Uuid), bindparam("skus", type_=ARRAY(Uuid)), bindparam("pieces", type_=ARRAY(BigInteger))
)

_ORDER = (
    "id", "number", "buyer_id", "person_id", "idempotency_key", "state", "payment_state", "fund_source", "unit_id",
    "unit_name", "placed_at", "expires_at",
)  # fmt: skip
_DELIVERY = ("id", "order_id", "position", "name", "phone", "region_code", "street")
_PARCEL = ("id", "order_id", "delivery_id", "supplier_id", "supplier_name", "freight_fen", "refunded_freight_fen")
_LINE = (
    "id", "order_id", "position", "sku_id", "product_id", "supplier_id", "price_id", "title", "spec", "quantity",
    "unit_price_fen", "refunded_quantity",
)  # fmt: skip
_SHARE = (
    "id", "order_id", "position", "payer_kind", "payer_id", "payer_name", "unit_id", "is_spare", "owns_pieces",
    "fund_source", "transfer_code", "invoice_title", "tax_number", "terms", "due_fen", "paid_fen", "payment_state",
    "due_on", "created_at",
)  # fmt: skip
_LINE_SHARE = ("id", "line_id", "position", "payer_kind", "payer_id", "fund_source")
_COMPONENT = (
    "id", "share_id", "line_id", "order_id", "position", "stock_sku_id", "quantity_milli", "grams", "net_fen",
    "vat_basis_points", "refunded_fen", "refunded_grams", "refunded_milli",
)  # fmt: skip
_ATTRIBUTION = (
    "id", "order_line_id", "order_id", "person_id", "credit_kind", "buyer_kind", "unit_id", "unit_name", "unit_path",
    "union_id", "fund_source", "channel", "campaign_id", "county_code", "county_name", "province", "made_county_code",
    "designations", "pairing_unit_ids", "producer_id", "producer_name", "supplier_id", "supplier_name", "product_id",
    "category", "recognition_number", "rule_id", "counted", "not_counted_reason", "placed_on",
)  # fmt: skip
_ALLOCATION = ("delivery_id", "line_id", "payer_share_id", "pieces")
_FREIGHT = ("parcel_id", "payer_share_id", "fen")
_DUTY = ("order_id", "requester_id", "approver_id")
_EVENT = ("order_id", "state", "at", "actor_id")


async def driver_of(session: WriteSession) -> Any:
    """The driver's own connection under the session, inside its transaction."""
    await session.execute(_LOCKED)  # the toolkit opens the transaction with the first statement
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


async def write(session: WriteSession, drawn: Drawn, demand: Demand, goods: Goods, placing: Placing) -> UUID:
    """Everything of one order; returns its id. Raises StockShort, naming what is missing."""
    connection: asyncpg.Connection[Any] = await driver_of(session)
    order_id = new_id()
    tables = _rows(order_id, drawn, demand, goods, placing)
    for table, columns, rows in tables:
        if rows:
            await connection.copy_records_to_table(table, records=rows, columns=columns)
    named = {"order": order_id, "skus": list(drawn.stock), "pieces": list(drawn.stock.values())}
    if short := (await session.execute(_HOLD, named)).all():
        raise StockShort(
            "请减少数量，或请供应商补货后再下单："
            + "；".join(f"{s.title} {s.spec} 缺 {s.missing} 件" for s in short[:20]),
            [Detail("/packages", "out_of_stock", f"{s.title} {s.spec} 缺 {s.missing} 件") for s in short],
            extra={"missing": {str(row.sku_id): row.missing for row in short}},
        )
    return order_id


Table = tuple[str, Sequence[str], Sequence[tuple[Any, ...]]]


def _rows(order_id: UUID, drawn: Drawn, demand: Demand, goods: Goods, placing: Placing) -> list[Table]:
    """Each table with its columns and rows, in the order in which they refer to each other."""
    now, day = placing.now, clock.business_day(placing.now)
    number = f"{day:%y%m%d}{spoken_code()}"
    ends = datetime.combine(placing.ship_on + timedelta(days=1), time(), clock.SHANGHAI).astimezone(UTC)
    line_ids = [new_id() for _ in drawn.lines]
    delivery_ids = [new_id() for _ in demand.destinations]
    share_ids = {payer: new_id() for payer in sorted(drawn.due_fen)}
    parcel_ids = [new_id() for _ in drawn.parcels]
    supplier_names = {line.sku.supplier_id: line.sku.supplier_name for line in drawn.lines}
    order = (
        order_id, number, placing.buyer_id, placing.person_id, placing.key, "confirmed", "unpaid",
        placing.fund_source, placing.unit_id, placing.unit_name, now, max(ends, now),
    )  # fmt: skip
    deliveries = [
        (delivery_ids[i], order_id, i, one.name, one.phone, one.region_code, one.street)
        for i, one in enumerate(demand.destinations)
    ]
    parcels = [
        (parcel_ids[i], order_id, delivery_ids[one.destination], one.supplier_id, supplier_names[one.supplier_id],
         one.freight_fen, 0)
        for i, one in enumerate(drawn.parcels)
    ]  # fmt: skip
    lines = [
        (line_ids[i], order_id, i + 1, one.sku.id, one.sku.product_id, one.sku.supplier_id, one.price_id,
         one.sku.title, one.sku.spec, one.quantity, one.unit_price_fen, 0)
        for i, one in enumerate(drawn.lines)
    ]  # fmt: skip
    payers = [_payer_share(share_ids[i], order_id, demand.payers[i], drawn.due_fen[i], placing) for i in share_ids]
    line_shares, components, attributions = _divided(order_id, drawn, demand, goods, placing, line_ids, share_ids)
    allocations = [
        (delivery_ids[one.destination], line_ids[one.line], share_ids[one.payer], one.pieces) for one in drawn.allocated
    ]
    freight = [
        (parcel_ids[i], share_ids[payer], fen)
        for i, one in enumerate(drawn.parcels)
        for payer, fen in one.freight.items()
    ]
    return [
        ("shop_order", _ORDER, [order]),
        ("order_event", _EVENT, [(order_id, "confirmed", now, placing.buyer_id)]),
        ("delivery", _DELIVERY, deliveries),
        ("parcel", _PARCEL, parcels),
        ("order_line", _LINE, lines),
        ("payer_share", _SHARE, payers),
        ("line_share", _LINE_SHARE, line_shares),
        ("attribution", _ATTRIBUTION, attributions),
        ("share_component", _COMPONENT, components),
        ("allocation", _ALLOCATION, allocations),
        ("freight_share", _FREIGHT, freight),
        ("acceptance_duty", _DUTY, [(order_id, placing.requester_id, placing.approver_id)]),
    ]


def _payer_share(share_id: UUID, order_id: UUID, payer: Payer, due_fen: int, placing: Placing) -> tuple[Any, ...]:
    return (
        share_id, order_id, payer.position, payer.kind, payer.payer_id, payer.name, payer.unit.id, payer.owns_spares,
        placing.shared_by == "packages", placing.fund_source, new_transfer_code(), payer.invoice_title,
        payer.tax_number, placing.terms, due_fen, 0, "unpaid" if due_fen else "paid",
        placing.ship_on if placing.terms == "prepaid" else None, placing.now,
    )  # fmt: skip


def _divided(
    order_id: UUID,
    drawn: Drawn,
    demand: Demand,
    goods: Goods,
    placing: Placing,
    line_ids: Sequence[UUID],
    share_ids: Mapping[int, UUID],
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Line shares, components, attributions."""
    line_shares, components, attributions = [], [], []
    frozen = _Frozen(goods, demand, placing, order_id)
    for line_id, line in zip(line_ids, drawn.lines, strict=True):
        for position, share in enumerate(line.shares, 1):
            line_share_id = new_id()
            line_shares.append(
                (line_share_id, line_id, position, "branch", share_ids[share.payer], placing.fund_source)
            )
            for part, piece in enumerate(share.pieces, 1):
                component_id = new_id()
                components.append(
                    (component_id, line_share_id, line_id, order_id, part, piece.content.stock_sku_id,
                     piece.quantity_milli, piece.grams, piece.net_fen, piece.content.vat_basis_points, 0, 0, 0)
                )  # fmt: skip
                attributions.append(frozen.row(component_id, line_id, line, share.payer, piece))
    return line_shares, components, attributions


class _Frozen:
    """What the buyer saw, as checkout freezes it: whether a content counts is decided once for each payer."""

    def __init__(self, goods: Goods, demand: Demand, placing: Placing, order_id: UUID) -> None:
        self.facts = Facts(goods.skus, goods.suppliers, goods.rule, goods.region_known, None, None)
        self.payers, self.placing, self.order_id = demand.payers, placing, order_id
        self.day = clock.business_day(placing.now)
        self.reasons: dict[tuple[int, UUID], str | None] = {}

    def row(self, component_id: UUID, line_id: UUID, line: DrawnLine, payer: int, piece: DrawnPiece) -> tuple[Any, ...]:
        content, who, rule = piece.content, self.payers[payer], self.facts.rule
        known = (payer, content.stock_sku_id)
        if known not in self.reasons:
            self.reasons[known] = why_not_counted(
                content, self.facts, who.unit, self.placing.fund_source, "direct_purchase"
            )
        reason = self.reasons[known]
        return (
            component_id, line_id, self.order_id, None, "direct_purchase", who.kind, who.unit.id, who.unit.name,
            who.unit.path, who.payer_id if who.kind == "union" else self.placing.union_id, self.placing.fund_source,
            "shop", content.campaign_id, content.county_code, content.county_name, content.province,
            content.made_county_code, content.designations, content.pairing_unit_ids, content.producer_id,
            content.producer_name, line.sku.supplier_id, line.sku.supplier_name, content.product_id, content.category,
            content.recognition_number, rule.id if rule else None, reason is None, reason, self.day,
        )  # fmt: skip
