"""Every row of a canteen's order: one delivery, one payer, one share a line."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from orders.acceptance.rules import NOBODY
from orders.canteen.visibility import Kitchen
from orders.checkout.quote import Quote
from orders.checkout.rows import CreditedTo, attribution_row, component_row, line_row, parcel_rows
from orders.order.number import new_number
from orders.order.rows import (
    AllocationRow,
    DeliveryRow,
    DutyRow,
    FreightShareRow,
    LineShareRow,
    OrderRow,
    OrderRows,
    PayerShareRow,
)
from orders.order.transfer_code import new_transfer_code
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.ids import new_id


@dataclass(frozen=True, slots=True)
class Contract:
    """Who pays and how, and where goods go, as the contract of the day says."""

    id: UUID
    payer_kind: str
    payer_id: UUID
    payer_name: str
    invoice_title: str
    tax_number: str | None
    credit_days: int
    contact_name: str
    contact_phone: str
    region_code: str
    street: str


@dataclass(frozen=True, slots=True)
class Buying:
    """An order that is about to be written."""

    order_id: UUID
    kitchen: Kitchen
    contract: Contract
    quoted: Quote
    deliver_on: date
    expires_at: datetime
    list_id: UUID | None
    supplements_id: UUID | None
    actor: Actor
    key: str
    now: datetime


def order_rows(buying: Buying) -> OrderRows:
    """A canteen's order needs no approval: the contract is the approval, so nobody gave one."""
    quoted, order_id, unit = buying.quoted, buying.order_id, buying.quoted.unit
    payer, parcels = _payer_share(buying), parcel_rows(order_id, quoted)
    lines, allocations, line_shares, components, attributions = [], [], [], [], []
    rule = quoted.facts.rule
    # No person: a kitchen adds no participant, and a contractor neither (DOMAIN rule 25).
    credited = CreditedTo(
        order_id=order_id,
        person_id=None,
        credit_kind="direct_purchase",
        buyer_kind=buying.contract.payer_kind,
        unit=unit,
        union_id=None,
        fund_source="canteen",
        rule_id=rule.id if rule else None,
        placed_on=clock.business_day(buying.now),
    )
    for position, line in enumerate(quoted.lines, 1):
        assert line.sku and line.step  # noqa: S101, PT018  # the quote was checked
        row = line_row(
            new_id(), order_id, position, line.sku, line.step.price_id, line.step.fen, line.quantity, line.milli
        )
        share = LineShareRow(
            id=new_id(), line_id=row.id, position=1, payer_kind="branch", payer_id=payer.id, fund_source="canteen"
        )
        lines.append(row)
        line_shares.append(share)
        allocations.append(
            AllocationRow(
                delivery_id=order_id,
                line_id=row.id,
                payer_share_id=payer.id,
                pieces=line.quantity,
                quantity_milli=line.milli,
            )
        )
        for part, piece in enumerate(line.pieces, 1):
            component = component_row(share.id, row.id, order_id, part, piece)
            components.append(component)
            reason = piece.not_counted_reason
            attributions.append(attribution_row(component.id, row.id, line.sku, piece.content, reason, credited))
    return OrderRows(
        order=_order_row(buying),
        deliveries=[_delivery_row(buying)],
        parcels=parcels,
        lines=lines,
        payer_shares=[payer],
        line_shares=line_shares,
        attributions=attributions,
        components=components,
        allocations=allocations,
        freight_shares=[
            FreightShareRow(parcel_id=one.id, payer_share_id=payer.id, fen=one.freight_fen) for one in parcels
        ],
        duty=DutyRow(order_id=order_id, requester_id=buying.actor.user_id, approver_id=NOBODY),
        through=("placed",),
    )


def _order_row(buying: Buying) -> OrderRow:
    return OrderRow(
        id=buying.order_id,
        number=new_number(clock.business_day(buying.now)),
        buyer_id=buying.actor.user_id,
        person_id=buying.actor.person_id,
        idempotency_key=buying.key,
        state="confirmed",
        payment_state="unpaid",
        fund_source="canteen",
        unit_id=buying.kitchen.unit_id,
        unit_name=buying.kitchen.unit_name,
        placed_at=buying.now,
        expires_at=buying.expires_at,
    )


def _delivery_row(buying: Buying) -> DeliveryRow:
    contract = buying.contract
    return DeliveryRow(
        id=buying.order_id,
        order_id=buying.order_id,
        position=0,
        name=contract.contact_name,
        phone=contract.contact_phone,
        region_code=contract.region_code,
        street=contract.street,
        postcode=None,
    )


def _payer_share(buying: Buying) -> PayerShareRow:
    contract = buying.contract
    return PayerShareRow(
        id=new_id(),
        order_id=buying.order_id,
        position=1,
        payer_kind=contract.payer_kind,
        payer_id=contract.payer_id,
        payer_name=contract.payer_name,
        unit_id=buying.kitchen.unit_id,
        is_spare=False,
        owns_pieces=True,
        fund_source="canteen",
        transfer_code=new_transfer_code(),
        invoice_title=contract.invoice_title,
        tax_number=contract.tax_number,
        terms="after_acceptance",
        due_fen=buying.quoted.total_fen,
        payment_state="unpaid",
        due_on=None,
        created_at=buying.now,
    )
