"""E-invoices as a tax platform might write them, all invented, and shares that wait for one."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from stdnum.cn import uscc

from orders.order.models import FreightShare, PayerShare
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from tests.make.banking import accepted, share
from tests.make.evidence import worker
from tests.make.shop import SmallShop, small_shop

DATA = Path(__file__).parents[1] / "orders" / "invoice" / "data"
SELLER = "示例供应商0（虚构）"


def tax_number(first17: str) -> str:
    return first17 + uscc.calc_check_digit(first17)


SELLER_TAX = tax_number("91520000MA6DEM001")
BUYER_TAX = tax_number("81310000MC0DEM002")
NUMBER = "2631200000000000"


def xml(
    number: str,
    yuan: str,
    *,
    tax: str = "0.00",
    seller: str = SELLER,
    seller_tax: str = SELLER_TAX,
    buyer: str = "示例银行第一分行工会（虚构）",
    buyer_tax: str | None = BUYER_TAX,
    red_of: str | None = None,
    day: str = "2026-11-21",
) -> bytes:
    """One of the two sample files with other facts; `yuan` with tax."""
    written = (DATA / ("red.xml" if red_of else "blue.xml")).read_text()
    net = f"{(round(float(yuan) * 100) - round(float(tax) * 100)) / 100:.2f}"
    facts = {
        "EIid": number,
        "InvoiceNumber": number,
        "IssueTime": f"{day} 10:00:00",
        "SellerName": seller,
        "SellerIdNum": seller_tax,
        "BuyerName": buyer,
        "BuyerIdNum": buyer_tax or "",
        "TotalAmWithoutTax": net,
        "TotalTaxAm": tax,
        "TotalTax-includedAmount": yuan,
        "BlueInvoiceNumber": red_of or "",
    }
    for tag, value in facts.items():
        written = re.sub(f"<{tag}>[^<]*</{tag}>", f"<{tag}>{value}</{tag}>", written)
    return written.encode()


@dataclass(frozen=True)
class Waiting:
    """A share whose goods (10.00 yuan) were accepted and whose freight is 6.00 yuan."""

    shop: SmallShop
    share: PayerShare
    supplier: Actor
    other_supplier: Actor
    union: Actor


async def waiting(database: Database) -> Waiting:
    shop = await small_shop(database)
    of = await share(database, shop, due_fen=1_600)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE supplier SET credit_code = :code WHERE id = :id"),
            {"code": SELLER_TAX, "id": shop.suppliers[0]},
        )
        await session.execute(
            text("UPDATE payer_share SET tax_number = :tax WHERE id = :id"), {"tax": BUYER_TAX, "id": of.id}
        )
        parcel = await session.scalar(text("SELECT id FROM parcel WHERE order_id = :order"), {"order": of.order_id})
        session.add(FreightShare(parcel_id=parcel, payer_share_id=of.id, fen=600))
    await accepted(database, of, owed_fen=1_600)
    return Waiting(
        shop,
        of,
        await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[0]),
        await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[1]),
        await worker(database, Role.UNION_BUYER, "unit", shop.branch),
    )
