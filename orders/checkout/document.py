"""Every row of a new order, by table, as the JSON that the placing statement reads."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from orders.allowance.lay import Purse
from orders.checkout.quote import Quote, QuotePiece, QuoteShare
from orders.checkout.schemas import AddressIn, PlaceIn
from orders.checkout.tender import ALLOWANCE_FUNDS
from orders.order.schemas import OrderLineOut, OrderOut
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.ids import new_id

TABLES = (
    "idempotency", "ordered", "delivery", "parcels", "lines", "shares", "attributions", "components", "stock",
    "versions", "from_cart",
)  # fmt: skip

"""An allowance is the union's money, whoever buys with it (DOMAIN rule 8)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to place an order: who, under which key, what, when."""

    actor: Actor
    key: str
    request_sha256: bytes
    wanted: PlaceIn
    now: datetime


def document_of(order: OrderOut, quoted: Quote, asked: Asked, answer: bytes) -> tuple[str, ...]:
    """One JSON text per table, in the order of TABLES; ids are made here, so that rows can refer to each other."""
    actor, wanted, now, unit = asked.actor, asked.wanted, asked.now, quoted.unit
    lines, shares, components, attributions = [], [], [], []
    stock: dict[UUID, int] = {}
    versions: dict[UUID, datetime] = {}
    shared = _attribution_of_order(order, quoted, asked)
    for position, (out, line) in enumerate(zip(order.lines, quoted.lines, strict=True), 1):
        lines.append(line_row(out, order.id, position, line.step.price_id if line.step else None))
        for place, share in enumerate(line.shares or (QuoteShare(None, line.pieces),), 1):
            share_id, purse = new_id(), share.purse
            shares.append(_share(share_id, out.id, place, purse, order.fund_source))
            borne_by = {"fund_source": ALLOWANCE_FUNDS, "union_id": purse.union_id} if purse else {}
            for part, piece in enumerate(share.pieces, 1):
                component_id = new_id()
                components.append(component_row(component_id, share_id, out.id, order.id, part, piece))
                attributions.append(attribution_row(component_id, out, piece) | shared | borne_by)
        for piece in line.pieces:
            content = piece.content
            stock[content.stock_sku_id] = stock.get(content.stock_sku_id, 0) + content.pieces * line.quantity
            versions[content.product_id] = content.changed_at
    rows = {
        "idempotency": {
            "actor_id": actor.user_id,
            "key": asked.key,
            "request_sha256": "\\x" + asked.request_sha256.hex(),
            "status": 201,
            "answer": answer.decode(),
            "created_at": now,
        },
        "ordered": {
            "id": order.id,
            "number": order.number,
            "buyer_id": actor.user_id,
            "person_id": actor.person_id,
            "idempotency_key": asked.key,
            "state": order.state,
            "payment_state": order.payment_state,
            "fund_source": order.fund_source,
            "unit_id": unit and unit.id,
            "unit_name": unit and unit.name,
            "placed_at": now,
            "expires_at": order.expires_at,
        },
        "delivery": _delivery(order.id, wanted.address),
        "parcels": [
            {
                "id": new_id(),
                "order_id": order.id,
                "delivery_id": order.id,
                "supplier_id": supplier_id,
                "supplier_name": quoted.supplier_names[supplier_id],
                "freight_fen": fen,
                "refunded_freight_fen": 0,
            }
            for supplier_id, fen in quoted.freight_fen.items()
        ],
        "lines": lines,
        "shares": shares,
        "attributions": attributions,
        "components": components,
        "stock": [{"sku_id": sku_id, "pieces": pieces} for sku_id, pieces in stock.items()],
        "versions": [{"product_id": product_id, "changed_at": at} for product_id, at in versions.items()],
        "from_cart": [] if wanted.lines else [line.sku_id for line in order.lines],
    }
    return tuple(msgspec.json.encode(rows[table]).decode() for table in TABLES)


def _share(share_id: UUID, line_id: UUID, position: int, purse: Purse | None, fund_source: str) -> dict[str, object]:
    return {
        "id": share_id,
        "line_id": line_id,
        "position": position,
        "payer_kind": "allowance" if purse else "own",
        "payer_id": purse and purse.allowance_id,
        "fund_source": ALLOWANCE_FUNDS if purse else fund_source,
    }


def line_row(out: OrderLineOut, order_id: UUID, position: int, price_id: UUID | None) -> dict[str, object]:
    return {
        "id": out.id,
        "order_id": order_id,
        "position": position,
        "sku_id": out.sku_id,
        "product_id": out.product_id,
        "supplier_id": out.supplier.id,
        "price_id": price_id,
        "title": out.title,
        "spec": out.spec,
        "quantity": out.quantity,
        "unit_price_fen": out.unit_price_fen,
        "refunded_quantity": 0,
    }


def _delivery(order_id: UUID, address: AddressIn) -> dict[str, object]:
    return {
        "id": order_id,
        "order_id": order_id,
        "position": 0,
        "name": address.name,
        "phone": address.phone,
        "region_code": address.region_code,
        "street": address.street,
        "postcode": address.postcode,
    }


def component_row(
    component_id: UUID, share_id: UUID, line_id: UUID, order_id: UUID, position: int, piece: QuotePiece
) -> dict[str, object]:
    return {
        "id": component_id,
        "share_id": share_id,
        "line_id": line_id,
        "order_id": order_id,
        "position": position,
        "stock_sku_id": piece.content.stock_sku_id,
        "quantity_milli": piece.quantity_milli,
        "grams": piece.grams,
        "net_fen": piece.net_fen,
        "vat_basis_points": piece.content.vat_basis_points,
        "refunded_fen": 0,
        "refunded_grams": 0,
        "refunded_milli": 0,
    }


def _attribution_of_order(order: OrderOut, quoted: Quote, asked: Asked) -> dict[str, object]:
    """What the buyer saw, frozen (DOMAIN rule 2): the part that all lines share."""
    unit, rule = quoted.unit, quoted.facts.rule
    return {
        "order_id": order.id,
        "person_id": asked.actor.person_id if order.fund_source == "personal" else None,
        "credit_kind": quoted.credit_kind,
        "buyer_kind": quoted.buyer_kind,
        "unit_id": unit and unit.id,
        "unit_name": unit and unit.name,
        "unit_path": unit.path if unit else [],
        "union_id": None,
        "fund_source": order.fund_source,
        "channel": "shop",
        "rule_id": rule and rule.id,
        "placed_on": clock.business_day(asked.now),
    }


def attribution_row(component_id: UUID, line: OrderLineOut, piece: QuotePiece) -> dict[str, object]:
    """The part that belongs to one origin of one line."""
    content = piece.content
    return {
        "id": component_id,
        "order_line_id": line.id,
        "campaign_id": content.campaign_id,
        "county_code": content.county_code,
        "county_name": content.county_name,
        "province": content.province,
        "made_county_code": content.made_county_code,
        "designations": content.designations,
        "pairing_unit_ids": content.pairing_unit_ids,
        "producer_id": content.producer_id,
        "producer_name": content.producer_name,
        "supplier_id": line.supplier.id,
        "supplier_name": line.supplier.name,
        "product_id": content.product_id,
        "category": content.category,
        "recognition_number": content.recognition_number,
        "counted": piece.not_counted_reason is None,
        "not_counted_reason": piece.not_counted_reason,
    }
