"""What came was counted by two people: how much was accepted, and why the rest was not."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Grams, Moment, one_of

ACCEPTANCE_KINDS = ("bulk", "canteen")
REDUCTION_KINDS = ("refund", "price_protection", "substitution", "spare_moved", "cancellation")


class Acceptance(SQLModel, table=True):
    """Two people accepted one delivery of an order, on a business day. Recognition of the sale rests on it."""

    __tablename__ = "acceptance"
    __table_args__ = (
        one_of("kind", ACCEPTANCE_KINDS),
        UniqueConstraint("delivery_id", "round"),
        UniqueConstraint("received_by", "idempotency_key"),
        UniqueConstraint("id", "witnessed_by"),
        ForeignKeyConstraint(
            ["order_id", "requester_id", "approver_id"],
            ["acceptance_duty.order_id", "acceptance_duty.requester_id", "acceptance_duty.approver_id"],
        ),
        CheckConstraint("received_by <> witnessed_by", name="two_people"),
        CheckConstraint(
            "received_by NOT IN (requester_id, approver_id) AND witnessed_by NOT IN (requester_id, approver_id)",
            name="duties_apart",
        ),
        {"info": {"rights": "SELECT, INSERT, UPDATE (truck_driver, truck_plate)"}},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    order_id: UUID = Field(foreign_key="shop_order.id", index=True)
    delivery_id: UUID = Field(foreign_key="delivery.id")
    round: int = 1
    requester_id: UUID
    approver_id: UUID
    received_by: UUID
    witnessed_by: UUID = Field(index=True)
    accepted_on: date
    note: str | None = None
    delivery_note: str | None = None
    truck_driver: str | None = None
    truck_plate: str | None = None
    evidence_sha256: str | None = None
    idempotency_key: str
    recorded_at: datetime = Field(sa_type=Moment)


class AcceptanceAnswer(SQLModel, table=True):
    """The second person said in the own session: it was me, or that was not me. Nobody else can (composite key).

    The goods stay accepted either way: an objection is a note for whoever checks, and a gap in the archive.
    """

    __tablename__ = "acceptance_answer"
    __table_args__ = (
        one_of("answer", ("confirmed", "not_me")),
        ForeignKeyConstraint(["acceptance_id", "witness_id"], ["acceptance.id", "acceptance.witnessed_by"]),
        CheckConstraint("answer = 'confirmed' OR words IS NOT NULL", name="objections_say_why"),
        {"info": APPEND_ONLY},
    )

    acceptance_id: UUID = Field(primary_key=True)
    witness_id: UUID = Field(index=True)
    answer: str
    words: str | None = None
    at: datetime = Field(sa_type=Moment)


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
    shelf_life_warning: str | None = None


class AcceptancePart(SQLModel, table=True):
    """What an acceptance made of one share component: recognised as accepted, or gone as not accepted.

    Fixed when it happened, so that what is still open of a component is a subtraction.
    """

    __tablename__ = "acceptance_part"
    __table_args__ = (
        CheckConstraint("accepted_fen >= 0 AND accepted_grams >= 0 AND accepted_milli >= 0", name="accepted_something"),
        CheckConstraint("gone_fen >= 0 AND gone_grams >= 0 AND gone_milli >= 0", name="gone_something"),
        {"info": APPEND_ONLY},
    )

    acceptance_id: UUID = Field(foreign_key="acceptance.id", primary_key=True)
    component_id: UUID = Field(foreign_key="share_component.id", primary_key=True, index=True)
    accepted_fen: int = Field(sa_type=Fen)
    accepted_grams: int = Field(sa_type=Grams)
    accepted_milli: int = Field(sa_type=BigInteger)
    gone_fen: int = Field(sa_type=Fen)
    gone_grams: int = Field(sa_type=Grams)
    gone_milli: int = Field(sa_type=BigInteger)


class Reduction(SQLModel, table=True):
    """An order with payer shares became cheaper: a refund after acceptance, a protected price, a substituted line.

    What was paid too much then stands as an advance of the payer's, to be paid back.
    """

    __tablename__ = "reduction"
    __table_args__ = (
        one_of("kind", REDUCTION_KINDS),
        CheckConstraint("amount_fen >= 0", name="not_negative"),
        UniqueConstraint("requested_by", "idempotency_key"),
        Index("ix_reduction_order", "order_id"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    order_id: UUID = Field(foreign_key="shop_order.id")
    amount_fen: int = Field(sa_type=Fen)
    reason: str
    requested_by: UUID
    idempotency_key: str
    occurred_on: date
    recorded_at: datetime = Field(sa_type=Moment)


class ReductionPart(SQLModel, table=True):
    """What a reduction takes of one share component; `of_accepted`: of what was recognised, else of what is open."""

    __tablename__ = "reduction_part"
    __table_args__ = (
        CheckConstraint("fen >= 0 AND grams >= 0 AND quantity_milli >= 0", name="not_negative"),
        {"info": APPEND_ONLY},
    )

    reduction_id: UUID = Field(foreign_key="reduction.id", primary_key=True)
    component_id: UUID = Field(foreign_key="share_component.id", primary_key=True, index=True)
    of_accepted: bool = Field(primary_key=True)
    fen: int = Field(sa_type=Fen)
    grams: int = Field(sa_type=Grams)
    quantity_milli: int = Field(sa_type=BigInteger)


class ReductionLine(SQLModel, table=True):
    """Pieces that a reduction took of a line and a payer, in milli-pieces; an amount alone takes none.

    `payer_share_id`: all zeros where the payers of the line do not own its pieces. `to_share_id`: who owns a moved
    spare now.
    """

    __tablename__ = "reduction_line"
    __table_args__ = (
        CheckConstraint("quantity_milli > 0", name="has_pieces"),
        Index("ix_reduction_line_line", "line_id"),
        {"info": APPEND_ONLY},
    )

    reduction_id: UUID = Field(foreign_key="reduction.id", primary_key=True)
    line_id: UUID = Field(foreign_key="order_line.id", primary_key=True)
    payer_share_id: UUID = Field(primary_key=True)
    of_accepted: bool = Field(primary_key=True)
    to_share_id: UUID | None = Field(default=None, foreign_key="payer_share.id")
    quantity_milli: int = Field(sa_type=BigInteger)


class Dispatch(SQLModel, table=True):
    """A parcel of a joint order was sent: with a carrier's waybill, or by truck."""

    __tablename__ = "dispatch"
    __table_args__ = (
        CheckConstraint("(waybill IS NULL) <> (truck_plate IS NULL)", name="one_way"),
        CheckConstraint("(waybill IS NULL) = (carrier IS NULL)", name="waybill_of_a_carrier"),
        UniqueConstraint("carrier", "waybill"),
        {"info": {"rights": "SELECT, INSERT, UPDATE (truck_driver, truck_plate)"}},
    )

    parcel_id: UUID = Field(foreign_key="parcel.id", primary_key=True)
    carrier: str | None = None
    waybill: str | None = None
    truck_plate: str | None = None
    truck_driver: str | None = None
    sent_by: UUID
    sent_at: datetime = Field(sa_type=Moment)
