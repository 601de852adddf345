"""A quote becomes rows: what the buyer saw, frozen (DOMAIN rule 2). Pure; others freeze the same way."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from orders.checkout.facts import Content, SkuFacts, UnitFacts
from orders.checkout.quote import Piece, Quote, QuoteShare
from orders.checkout.schemas import AddressIn, PlaceIn
from orders.checkout.tender import ALLOWANCE_FUNDS
from orders.credit.attribution import AttributionRow
from orders.order.rows import ComponentRow, DeliveryRow, LineRow, LineShareRow, OrderRow, OrderRows, ParcelRow
from orders.order.schemas import OrderOut
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.ids import new_id


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to place an order: who, under which key, what, when."""

    actor: Actor
    key: str
    request_sha256: bytes
    requested: PlaceIn
    now: datetime


@dataclass(frozen=True, slots=True)
class CreditedTo:
    """Who is credited with a purchase, and as what: the facts that all lines of one payer share."""

    order_id: UUID
    person_id: UUID | None
    credit_kind: str
    buyer_kind: str
    unit: UnitFacts | None
    union_id: UUID | None
    fund_source: str
    rule_id: UUID | None
    placed_on: date


def order_rows(order: OrderOut, quoted: Quote, asked: Asked) -> OrderRows:
    """Ids are made here, so that rows can refer to each other."""
    actor, now, unit, rule = asked.actor, asked.now, quoted.unit, quoted.facts.rule
    lines, line_shares, components, attributions = [], [], [], []
    person_id = actor.person_id if order.fund_source == "personal" else None
    for position, (out, line) in enumerate(zip(order.lines, quoted.lines, strict=True), 1):
        assert line.sku and line.step  # noqa: S101, PT018  # the quote was checked
        lines.append(line_row(out.id, order.id, position, line.sku, line.step.price_id, line.step.fen, line.quantity))
        for place, share in enumerate(line.shares or (QuoteShare(None, line.pieces),), 1):
            share_id, purse = new_id(), share.purse
            credited = CreditedTo(
                order_id=order.id,
                person_id=person_id,
                credit_kind=quoted.credit_kind,
                buyer_kind=quoted.buyer_kind,
                unit=unit,
                union_id=purse.union_id if purse else None,
                fund_source=ALLOWANCE_FUNDS if purse else order.fund_source,
                rule_id=rule.id if rule else None,
                placed_on=clock.business_day(now),
            )
            line_shares.append(
                LineShareRow(
                    id=share_id,
                    line_id=out.id,
                    position=place,
                    payer_kind="allowance" if purse else "own",
                    payer_id=purse.allowance_id if purse else None,
                    fund_source=credited.fund_source,
                )
            )
            for part, piece in enumerate(share.pieces, 1):
                component = component_row(share_id, out.id, order.id, part, piece)
                components.append(component)
                reason = piece.not_counted_reason
                attributions.append(attribution_row(component.id, out.id, line.sku, piece.content, reason, credited))
    return OrderRows(
        order=_order_row(order, asked, unit),
        deliveries=[_delivery_row(order.id, asked.requested.address)],
        parcels=parcel_rows(order.id, quoted),
        lines=lines,
        line_shares=line_shares,
        attributions=attributions,
        components=components,
    )


def _order_row(order: OrderOut, asked: Asked, unit: UnitFacts | None) -> OrderRow:
    return OrderRow(
        id=order.id,
        number=order.number,
        buyer_id=asked.actor.user_id,
        person_id=asked.actor.person_id,
        idempotency_key=asked.key,
        state=order.state,
        payment_state=order.payment_state,
        fund_source=order.fund_source,
        unit_id=unit.id if unit else None,
        unit_name=unit.name if unit else None,
        placed_at=asked.now,
        expires_at=order.expires_at,
    )


def _delivery_row(order_id: UUID, address: AddressIn) -> DeliveryRow:
    return DeliveryRow(
        id=order_id,
        order_id=order_id,
        position=0,
        name=address.name,
        phone=address.phone,
        region_code=address.region_code,
        street=address.street,
        postcode=address.postcode,
    )


def parcel_rows(order_id: UUID, quoted: Quote) -> list[ParcelRow]:
    """One from each supplier to the order's one delivery, whose id is the order's."""
    return [
        ParcelRow(
            id=new_id(),
            order_id=order_id,
            delivery_id=order_id,
            supplier_id=supplier_id,
            supplier_name=quoted.supplier_names[supplier_id],
            freight_fen=fen,
        )
        for supplier_id, fen in quoted.freight_fen.items()
    ]


def line_row(
    line_id: UUID,
    order_id: UUID,
    position: int,
    sku: SkuFacts,
    price_id: UUID,
    unit_price_fen: int,
    quantity: int,
    weighed_milli: int | None = None,
) -> LineRow:
    return LineRow(
        id=line_id,
        order_id=order_id,
        position=position,
        sku_id=sku.id,
        product_id=sku.product_id,
        supplier_id=sku.supplier_id,
        price_id=price_id,
        title=sku.title,
        spec=sku.spec,
        quantity=quantity,
        unit_price_fen=unit_price_fen,
        weighed_milli=weighed_milli,
    )


def component_row(share_id: UUID, line_id: UUID, order_id: UUID, position: int, piece: Piece) -> ComponentRow:
    return ComponentRow(
        id=new_id(),
        share_id=share_id,
        line_id=line_id,
        order_id=order_id,
        position=position,
        stock_sku_id=piece.content.stock_sku_id,
        quantity_milli=piece.quantity_milli,
        grams=piece.grams,
        net_fen=piece.net_fen,
        vat_basis_points=piece.content.vat_basis_points,
    )


def attribution_row(
    component_id: UUID, line_id: UUID, sku: SkuFacts, content: Content, reason: str | None, credited: CreditedTo
) -> AttributionRow:
    """reason: why it is not counted; None: it is."""
    unit = credited.unit
    return AttributionRow(
        id=component_id,
        order_line_id=line_id,
        order_id=credited.order_id,
        person_id=credited.person_id,
        credit_kind=credited.credit_kind,
        buyer_kind=credited.buyer_kind,
        unit_id=unit.id if unit else None,
        unit_name=unit.name if unit else None,
        unit_path=unit.path if unit else [],
        union_id=credited.union_id,
        fund_source=credited.fund_source,
        channel="shop",
        campaign_id=content.campaign_id,
        county_code=content.county_code,
        county_name=content.county_name,
        province=content.province,
        made_county_code=content.made_county_code,
        designations=content.designations,
        pairing_unit_ids=content.pairing_unit_ids,
        producer_id=content.producer_id,
        producer_name=content.producer_name,
        supplier_id=sku.supplier_id,
        supplier_name=sku.supplier_name,
        product_id=content.product_id,
        category=content.category,
        recognition_number=content.recognition_number,
        rule_id=credited.rule_id,
        counted=reason is None,
        not_counted_reason=reason,
        placed_on=credited.placed_on,
    )
