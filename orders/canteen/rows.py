"""Every row of a canteen's order: one delivery, one payer, one share a line."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text

from orders.canteen.visibility import Kitchen
from orders.checkout.document import attribution_row, component_row, line_row
from orders.checkout.place import spoken_code
from orders.checkout.quote import Quote, QuoteLine
from orders.order.schemas import NameRef, OrderLineOut
from orders.order.transfer_code import new_transfer_code
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.ids import new_id

NOBODY: Final = UUID(int=0)
"""A canteen's order needs no approval: the contract is the approval."""
Rows = list[dict[str, object]]

# In the order in which rows may refer to each other.
_TABLES: Final = (
    "shop_order", "order_event", "delivery", "parcel", "payer_share", "freight_share", "order_line", "allocation",
    "line_share", "attribution", "share_component", "acceptance_duty", "canteen_order",
)  # fmt: skip
_INSERTS: Final = {
    table: text(f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, CAST(:rows AS jsonb))")  # noqa: S608  # our own names
    for table in _TABLES
}


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


async def write(session: WriteSession, buying: Buying) -> None:
    """One statement a table."""
    payer_share_id = new_id()
    rows = _order_rows(buying) | _payer_rows(buying, payer_share_id) | _line_rows(buying, payer_share_id)
    for table in _TABLES:
        await session.execute(_INSERTS[table], {"rows": msgspec.json.encode(rows[table]).decode()})


def _order_rows(buying: Buying) -> dict[str, Rows]:
    order_id, contract, now = buying.order_id, buying.contract, buying.now
    return {
        "shop_order": [
            {
                "id": order_id,
                "number": f"{clock.business_day(now):%y%m%d}{spoken_code()}",
                "buyer_id": buying.actor.user_id,
                "person_id": buying.actor.person_id,
                "idempotency_key": buying.key,
                "state": "confirmed",
                "payment_state": "unpaid",
                "fund_source": "canteen",
                "unit_id": buying.kitchen.unit_id,
                "unit_name": buying.kitchen.unit_name,
                "placed_at": now,
                "expires_at": buying.expires_at,
            }
        ],
        "order_event": [
            {"order_id": order_id, "state": state, "at": now, "actor_id": buying.actor.user_id}
            for state in ("placed", "confirmed")
        ],
        "delivery": [
            {
                "id": order_id,
                "order_id": order_id,
                "position": 0,
                "name": contract.contact_name,
                "phone": contract.contact_phone,
                "region_code": contract.region_code,
                "street": contract.street,
            }
        ],
        "acceptance_duty": [{"order_id": order_id, "requester_id": buying.actor.user_id, "approver_id": NOBODY}],
        "canteen_order": [
            {
                "order_id": order_id,
                "canteen_id": buying.kitchen.id,
                "contract_id": contract.id,
                "list_id": buying.list_id,
                "supplements_id": buying.supplements_id,
                "deliver_on": buying.deliver_on,
                "credit_days": contract.credit_days,
            }
        ],
    }


def _payer_rows(buying: Buying, payer_share_id: UUID) -> dict[str, Rows]:
    contract, quoted = buying.contract, buying.quoted
    parcels: Rows = [
        {
            "id": new_id(),
            "order_id": buying.order_id,
            "delivery_id": buying.order_id,
            "supplier_id": supplier_id,
            "supplier_name": quoted.supplier_names[supplier_id],
            "freight_fen": fen,
            "refunded_freight_fen": 0,
        }
        for supplier_id, fen in quoted.freight_fen.items()
    ]
    share = {
        "id": payer_share_id,
        "order_id": buying.order_id,
        "position": 1,
        "payer_kind": contract.payer_kind,
        "payer_id": contract.payer_id,
        "payer_name": contract.payer_name,
        "unit_id": buying.kitchen.unit_id,
        "is_spare": False,
        "owns_pieces": True,
        "fund_source": "canteen",
        "transfer_code": new_transfer_code(),
        "invoice_title": contract.invoice_title,
        "tax_number": contract.tax_number,
        "terms": "after_acceptance",
        "due_fen": quoted.total_fen,
        "paid_fen": 0,
        "unproven_fen": 0,
        "payment_state": "unpaid",
        "created_at": buying.now,
    }
    freight: Rows = [
        {"parcel_id": one["id"], "payer_share_id": payer_share_id, "fen": one["freight_fen"]} for one in parcels
    ]
    return {"parcel": parcels, "payer_share": [share], "freight_share": freight}


def _line_rows(buying: Buying, payer_share_id: UUID) -> dict[str, Rows]:
    rows: dict[str, Rows] = {
        "order_line": [],
        "allocation": [],
        "line_share": [],
        "share_component": [],
        "attribution": [],
    }
    shared = _shared(buying)
    for position, line in enumerate(buying.quoted.lines, 1):
        out, share_id = _line_out(line), new_id()
        price_id = line.step.price_id if line.step else None
        rows["order_line"].append(line_row(out, buying.order_id, position, price_id) | {"weighed_milli": line.milli})
        rows["allocation"].append(
            {
                "delivery_id": buying.order_id,
                "line_id": out.id,
                "payer_share_id": payer_share_id,
                "pieces": line.quantity,
                "quantity_milli": line.milli,
            }
        )
        rows["line_share"].append(
            {
                "id": share_id,
                "line_id": out.id,
                "position": 1,
                "payer_kind": "branch",
                "payer_id": payer_share_id,
                "fund_source": "canteen",
            }
        )
        for part, piece in enumerate(line.pieces, 1):
            component_id = new_id()
            rows["share_component"].append(component_row(component_id, share_id, out.id, buying.order_id, part, piece))
            rows["attribution"].append(attribution_row(component_id, out, piece) | shared)
    return rows


def _line_out(line: QuoteLine) -> OrderLineOut:
    assert line.sku and line.step  # noqa: S101, PT018  # the quote was checked
    return OrderLineOut(
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
        origins=[],
    )


def _shared(buying: Buying) -> dict[str, object]:
    """Frozen facts that all lines share. No person: a kitchen adds no participant, a contractor neither (rule 25)."""
    unit, rule = buying.quoted.unit, buying.quoted.facts.rule
    return {
        "order_id": buying.order_id,
        "person_id": None,
        "credit_kind": "direct_purchase",
        "buyer_kind": buying.contract.payer_kind,
        "unit_id": unit and unit.id,
        "unit_name": unit and unit.name,
        "unit_path": unit.path if unit else [],
        "union_id": None,
        "fund_source": "canteen",
        "channel": "shop",
        "rule_id": rule and rule.id,
        "placed_on": clock.business_day(buying.now),
    }
