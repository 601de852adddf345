"""A drawn order becomes rows: thousands of them, frozen as checkout freezes a buyer's. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from orders.bulk.joint.demand import Demand, Payer
from orders.bulk.joint.draw import Drawn
from orders.checkout.facts import Content, Facts, Goods
from orders.checkout.quote import why_not_counted
from orders.checkout.rows import CreditedTo, attribution_row, component_row, line_row
from orders.credit.attribution import AttributionRow
from orders.order.number import new_number
from orders.order.rows import (
    AllocationRow,
    ComponentRow,
    DeliveryRow,
    DutyRow,
    FreightShareRow,
    LineShareRow,
    OrderRow,
    OrderRows,
    ParcelRow,
    PayerShareRow,
)
from orders.order.transfer_code import new_transfer_code
from shop.core import clock
from shop.core.ids import new_id


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


def order_rows(drawn: Drawn, demand: Demand, goods: Goods, placing: Placing) -> OrderRows:
    """Ids are made here, so that rows can refer to each other."""
    order_id = new_id()
    line_ids = [new_id() for _ in drawn.lines]
    delivery_ids = [new_id() for _ in demand.destinations]
    share_ids = {payer: new_id() for payer in sorted(drawn.due_fen)}
    parcel_ids = [new_id() for _ in drawn.parcels]
    supplier_names = {line.sku.supplier_id: line.sku.supplier_name for line in drawn.lines}
    line_shares, components, attributions = _divided(order_id, drawn, demand, goods, placing, line_ids, share_ids)
    return OrderRows(
        order=_order_row(order_id, placing),
        deliveries=[
            DeliveryRow(
                id=delivery_ids[i], order_id=order_id, position=i, name=one.name, phone=one.phone,
                region_code=one.region_code, street=one.street, postcode=None,
            )
            for i, one in enumerate(demand.destinations)
        ],
        parcels=[
            ParcelRow(
                id=parcel_ids[i], order_id=order_id, delivery_id=delivery_ids[one.destination],
                supplier_id=one.supplier_id, supplier_name=supplier_names[one.supplier_id],
                freight_fen=one.freight_fen,
            )
            for i, one in enumerate(drawn.parcels)
        ],
        lines=[
            line_row(line_ids[i], order_id, i + 1, one.sku, one.price_id, one.unit_price_fen, one.quantity)
            for i, one in enumerate(drawn.lines)
        ],
        payer_shares=[
            _payer_share(share_ids[i], order_id, demand.payers[i], drawn.due_fen[i], placing) for i in share_ids
        ],
        line_shares=line_shares,
        attributions=attributions,
        components=components,
        allocations=[
            AllocationRow(
                delivery_id=delivery_ids[one.destination], line_id=line_ids[one.line],
                payer_share_id=share_ids[one.payer], pieces=one.pieces, quantity_milli=None,
            )
            for one in drawn.allocated
        ],
        freight_shares=[
            FreightShareRow(parcel_id=parcel_ids[i], payer_share_id=share_ids[payer], fen=fen)
            for i, one in enumerate(drawn.parcels)
            for payer, fen in one.freight.items()
        ],
        duty=DutyRow(order_id=order_id, requester_id=placing.requester_id, approver_id=placing.approver_id),
    )  # fmt: skip


def _order_row(order_id: UUID, placing: Placing) -> OrderRow:
    """Goods are held until the day after they are to leave."""
    now = placing.now
    ends = datetime.combine(placing.ship_on + timedelta(days=1), time(), clock.SHANGHAI).astimezone(UTC)
    return OrderRow(
        id=order_id,
        number=new_number(clock.business_day(now)),
        buyer_id=placing.buyer_id,
        person_id=placing.person_id,
        idempotency_key=placing.key,
        state="confirmed",
        payment_state="unpaid",
        fund_source=placing.fund_source,
        unit_id=placing.unit_id,
        unit_name=placing.unit_name,
        placed_at=now,
        expires_at=max(ends, now),
    )


def _payer_share(share_id: UUID, order_id: UUID, payer: Payer, due_fen: int, placing: Placing) -> PayerShareRow:
    return PayerShareRow(
        id=share_id,
        order_id=order_id,
        position=payer.position,
        payer_kind=payer.kind,
        payer_id=payer.payer_id,
        payer_name=payer.name,
        unit_id=payer.unit.id,
        is_spare=payer.owns_spares,
        owns_pieces=placing.shared_by == "packages",
        fund_source=placing.fund_source,
        transfer_code=new_transfer_code(),
        invoice_title=payer.invoice_title,
        tax_number=payer.tax_number,
        terms=placing.terms,
        due_fen=due_fen,
        payment_state="unpaid" if due_fen else "paid",
        due_on=placing.ship_on if placing.terms == "prepaid" else None,
        created_at=placing.now,
    )


def _divided(
    order_id: UUID,
    drawn: Drawn,
    demand: Demand,
    goods: Goods,
    placing: Placing,
    line_ids: Sequence[UUID],
    share_ids: Mapping[int, UUID],
) -> tuple[list[LineShareRow], list[ComponentRow], list[AttributionRow]]:
    """Each payer's part of each line, of each origin in it, and what that is credited as."""
    line_shares, components, attributions = [], [], []
    facts = Facts(goods.skus, goods.suppliers, goods.rule, goods.region_known, None, None)
    credited = {payer: _credited(order_id, demand.payers[payer], facts, placing) for payer in share_ids}
    reasons: dict[tuple[int, UUID], str | None] = {}
    for line_id, line in zip(line_ids, drawn.lines, strict=True):
        for position, share in enumerate(line.shares, 1):
            whose = credited[share.payer]
            row = LineShareRow(
                id=new_id(), line_id=line_id, position=position, payer_kind="branch", payer_id=share_ids[share.payer],
                fund_source=placing.fund_source,
            )  # fmt: skip
            line_shares.append(row)
            for part, piece in enumerate(share.pieces, 1):
                known = (share.payer, piece.content.stock_sku_id)
                if known not in reasons:
                    reasons[known] = _why_not(piece.content, facts, whose)
                component = component_row(row.id, line_id, order_id, part, piece)
                components.append(component)
                attributions.append(
                    attribution_row(component.id, line_id, line.sku, piece.content, reasons[known], whose)
                )
    return line_shares, components, attributions


def _credited(order_id: UUID, payer: Payer, facts: Facts, placing: Placing) -> CreditedTo:
    return CreditedTo(
        order_id=order_id,
        person_id=None,
        credit_kind="direct_purchase",
        buyer_kind=payer.kind,
        unit=payer.unit,
        union_id=payer.payer_id if payer.kind == "union" else placing.union_id,
        fund_source=placing.fund_source,
        rule_id=facts.rule.id if facts.rule else None,
        placed_on=clock.business_day(placing.now),
    )


def _why_not(content: Content, facts: Facts, credited: CreditedTo) -> str | None:
    return why_not_counted(content, facts, credited.unit, credited.fund_source, credited.credit_kind)
