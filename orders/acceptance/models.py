"""What came was counted by two people: how much was accepted, and why the rest was not."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

ACCEPTANCE_KINDS = ("bulk", "canteen")


class AcceptanceDuty(SQLModel, table=True):
    """Who asked for an order and who approved it: neither may accept its goods. Written when the order is placed.

    `approver_id` is nobody's (all zeros) where a rule skipped the approval.
    """

    __tablename__ = "acceptance_duty"
    __table_args__ = (UniqueConstraint("order_id", "requester_id", "approver_id"), {"info": APPEND_ONLY})

    order_id: UUID = Field(foreign_key="shop_order.id", primary_key=True)
    requester_id: UUID
    approver_id: UUID


class Acceptance(SQLModel, table=True):
    """Two people accepted one delivery of an order, on a business day. Recognition of the sale rests on it."""

    __tablename__ = "acceptance"
    __table_args__ = (
        one_of("kind", ACCEPTANCE_KINDS),
        UniqueConstraint("delivery_id", "round"),
        UniqueConstraint("received_by", "idempotency_key"),
        ForeignKeyConstraint(
            ["order_id", "requester_id", "approver_id"],
            ["acceptance_duty.order_id", "acceptance_duty.requester_id", "acceptance_duty.approver_id"],
        ),
        CheckConstraint("received_by <> witnessed_by", name="two_people"),
        CheckConstraint(
            "received_by NOT IN (requester_id, approver_id) AND witnessed_by NOT IN (requester_id, approver_id)",
            name="duties_apart",
        ),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    order_id: UUID = Field(foreign_key="shop_order.id", index=True)
    delivery_id: UUID = Field(foreign_key="delivery.id")
    round: int = 1
    requester_id: UUID
    approver_id: UUID
    received_by: UUID
    witnessed_by: UUID
    accepted_on: date
    note: str | None = None
    delivery_note: str | None = None
    truck_driver: str | None = None
    truck_plate: str | None = None
    evidence_sha256: str | None = None
    idempotency_key: str
    recorded_at: datetime = Field(sa_type=Moment)


class AcceptanceLine(SQLModel, table=True):
    """One line of what was delivered, in milli-pieces: expected = accepted + short + damaged + refused.

    `payer_share_id`: whose pieces they are; all zeros where the order has one payer.
    """

    __tablename__ = "acceptance_line"
    __table_args__ = (
        CheckConstraint(
            "expected_milli = accepted_milli + short_milli + damaged_milli + refused_milli", name="adds_up"
        ),
        CheckConstraint(
            "accepted_milli >= 0 AND short_milli >= 0 AND damaged_milli >= 0 AND refused_milli >= 0",
            name="not_negative",
        ),
        Index("ix_acceptance_line_line", "line_id"),
        {"info": APPEND_ONLY},
    )

    acceptance_id: UUID = Field(foreign_key="acceptance.id", primary_key=True)
    line_id: UUID = Field(foreign_key="order_line.id", primary_key=True)
    payer_share_id: UUID = Field(primary_key=True)
    expected_milli: int = Field(sa_type=BigInteger)
    accepted_milli: int = Field(sa_type=BigInteger)
    short_milli: int = Field(default=0, sa_type=BigInteger)
    damaged_milli: int = Field(default=0, sa_type=BigInteger)
    refused_milli: int = Field(default=0, sa_type=BigInteger)
    reason: str | None = None
    best_before: date | None = None
    batch_number: str | None = None
