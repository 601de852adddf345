"""Invoices that suppliers issue through the tax platform: asked for, kept as they came, and checked. We number none."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Moment, one_of


class InvoiceRequest(SQLModel, table=True):
    """One supplier is asked for the invoice of one payer's part of an order; of a person's order, of all of it.

    Title and tax number are those it must be made out to: of a share, the share's; of a person, never a unit's.
    """

    __tablename__ = "invoice_request"
    __table_args__ = (
        Index("uq_invoice_request_share", "payer_share_id", "supplier_id", unique=True),
        Index(
            "uq_invoice_request_order",
            "order_id",
            "supplier_id",
            unique=True,
            postgresql_where="payer_share_id IS NULL",
        ),
        Index("ix_invoice_request_supplier", "supplier_id", "requested_at"),
        CheckConstraint("payer_share_id IS NOT NULL OR tax_number IS NULL", name="persons_have_no_tax_number"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    payer_share_id: UUID | None = Field(default=None, foreign_key="payer_share.id")
    supplier_id: UUID = Field(foreign_key="supplier.id")
    supplier_name: str
    unit_id: UUID | None = None
    title: str
    tax_number: str | None = None
    requested_by: UUID = Field(foreign_key="user_account.id")
    requested_at: datetime = Field(sa_type=Moment)


class Invoice(SQLModel, table=True):
    """An invoice (blue), or a red letter that takes back (a part of) one. Its number was never used before.

    `amount_fen` with tax, negative for red; `reddened_fen`: how much of a blue one red letters took back.
    `read_from`: the fields stand in the XML, or were typed beside a PDF or OFD.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        one_of("kind", ("blue", "red")),
        one_of("read_from", ("xml", "typed")),
        CheckConstraint("number ~ '^[0-9]{20}$'", name="number_of_the_platform"),
        CheckConstraint("(kind = 'red') = (red_of_id IS NOT NULL)", name="red_of_a_blue"),
        CheckConstraint("(kind = 'red') = (amount_fen < 0) AND amount_fen <> 0", name="sign"),
        CheckConstraint("reddened_fen BETWEEN 0 AND greatest(amount_fen, 0)", name="never_more_than_it_was"),
        Index("ix_invoice_request", "request_id"),
    )

    id: UUID = Field(primary_key=True)
    request_id: UUID = Field(foreign_key="invoice_request.id")
    kind: str
    red_of_id: UUID | None = Field(default=None, foreign_key="invoice.id")
    number: str = Field(unique=True)
    issued_on: date
    issuer_name: str
    issuer_tax_number: str
    buyer_title: str
    buyer_tax_number: str | None = None
    amount_fen: int = Field(sa_type=Fen)
    tax_fen: int = Field(sa_type=Fen)
    reddened_fen: int = Field(default=0, sa_type=Fen)
    read_from: str
    file_sha256: str = Field(foreign_key="evidence.sha256")
    uploaded_by: UUID = Field(foreign_key="user_account.id")
    uploaded_at: datetime = Field(sa_type=Moment)
