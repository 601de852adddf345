"""Money that comes and returns. Every state is asked of the provider; a webhook is only a hint."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Grams, Moment, one_of

PAYMENT_STATES = ("created", "pending", "succeeded", "failed", "cancelled", "held")
REFUND_STATES = ("requested", "submitted", "succeeded", "failed")
REFUND_KINDS = ("lines", "amount", "cancel", "late_payment", "kept_advance", "dispute", "adopted")


class Payment(SQLModel, table=True):
    """One attempt to pay one order. Its id is the provider's idempotency key. `amount_fen` is all that is paid, an
    allowance's tender included; `received_fen` is the provider's alone. Method allowance: nothing else is paid.

    held: the money came, but amount or currency differ, or the order can no longer be kept: two people decide (the
    payments desk); nothing is credited. `check_at` is when the reconcile job asks the provider again. Method advance:
    nothing new comes, it is paid out of the money of `advance_of_id`, which was kept.
    """

    __tablename__ = "payment"
    __table_args__ = (
        one_of("state", PAYMENT_STATES),
        one_of("method", ("stripe", "bank_transfer", "allowance", "advance")),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("(method = 'advance') = (advance_of_id IS NOT NULL)", name="advance_of_something"),
        Index("ix_payment_held", "order_id", postgresql_where="state = 'held'"),
        Index("ix_payment_advance_of", "advance_of_id", postgresql_where="advance_of_id IS NOT NULL"),
        Index("uq_payment_order_open", "order_id", unique=True, postgresql_where="state IN ('created', 'pending')"),
        Index("uq_payment_order_paid", "order_id", unique=True, postgresql_where="state = 'succeeded'"),
        Index("ix_payment_check", "check_at", postgresql_where="state IN ('created', 'pending')"),
    )

    id: UUID = Field(primary_key=True)
    order_id: UUID = Field(foreign_key="shop_order.id", index=True)
    method: str
    amount_fen: int = Field(sa_type=Fen)
    currency: str = "cny"
    state: str
    session_id: str | None = Field(default=None, unique=True)
    session_url: str | None = None
    provider_payment_id: str | None = Field(default=None, unique=True)
    provider_method: str | None = None
    received_fen: int | None = Field(default=None, sa_type=Fen)
    received_currency: str | None = None
    held_reason: str | None = None
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    check_at: datetime = Field(sa_type=Moment)
    succeeded_at: datetime | None = Field(default=None, sa_type=Moment)
    advance_of_id: UUID | None = Field(default=None, foreign_key="payment.id")


class KeptAdvance(SQLModel, table=True):
    """A held payment that two people kept as an advance of its payer: uncredited until it is matched to an order.

    `left_fen` is what no order and no return has taken; it stands on the advance account of `person_id`.
    """

    __tablename__ = "kept_advance"
    __table_args__ = (
        CheckConstraint("fen > 0", name="moves_something"),
        CheckConstraint("left_fen BETWEEN 0 AND fen", name="left_within"),
        Index("ix_kept_advance_open", "payment_id", postgresql_where="left_fen > 0"),
    )

    payment_id: UUID = Field(foreign_key="payment.id", primary_key=True)
    person_id: UUID
    fen: int = Field(sa_type=Fen)
    left_fen: int = Field(sa_type=Fen)
    kept_at: datetime = Field(sa_type=Moment)


class Tender(SQLModel, table=True):
    """What a payment consists of: own money through the provider, an allowance, a bank transfer."""

    __tablename__ = "tender"
    __table_args__ = (
        one_of("kind", ("provider", "allowance", "bank_transfer", "advance")),
        CheckConstraint("amount_fen > 0", name="moves_something"),
    )

    payment_id: UUID = Field(foreign_key="payment.id", primary_key=True)
    position: int = Field(primary_key=True)
    kind: str
    amount_fen: int = Field(sa_type=Fen)


class WebhookInbox(SQLModel, table=True):
    """An event that the provider sent and we have verified; handled once, later. No payload is kept, only what it
    points at: the object is read back before money moves.
    """

    __tablename__ = "webhook_inbox"
    __table_args__ = (Index("ix_webhook_inbox_open", "try_at", postgresql_where="handled_at IS NULL"),)

    event_id: str = Field(primary_key=True)
    kind: str
    object_id: str
    object_kind: str
    received_at: datetime = Field(sa_type=Moment)
    try_at: datetime = Field(sa_type=Moment)
    attempts: int = 0
    handled_at: datetime | None = Field(default=None, sa_type=Moment)
    last_error: str | None = None


class Refund(SQLModel, table=True):
    """Money on its way back: requested (amounts reserved) → submitted → succeeded (credited negative) or failed
    (reservation returned), even after it had succeeded (credited positive, linked): then `succeeded_at` and `failed_at`
    are both there. Its id is the provider's idempotency key. Of `amount_fen`, `allowance_fen` returns to allowances,
    the rest through the provider.

    late_payment, kept_advance: money that was never credited. dispute: the card scheme took it (`dispute_id`).
    adopted: somebody made it in the provider's dashboard; of money that was kept and pays several orders, one of these
    for each, under the provider's one name. `provider_refund_id`: `bank:` and the bank's number, where a transfer of
    ours gave it back (`sent_transfer` says that it did so once). `retries_id`: the failed refund that this one repeats.
    """

    __tablename__ = "refund"
    __table_args__ = (
        one_of("state", REFUND_STATES),
        one_of("kind", REFUND_KINDS),
        CheckConstraint("(kind = 'dispute') = (dispute_id IS NOT NULL)", name="dispute_says_which"),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("allowance_fen BETWEEN 0 AND amount_fen", name="allowance_within"),
        Index("ix_refund_open", "check_at", postgresql_where="state IN ('requested', 'submitted')"),
        Index("uq_refund_requested_key", "requested_by", "idempotency_key", unique=True),
        Index("uq_refund_retries_id", "retries_id", unique=True, postgresql_where="retries_id IS NOT NULL"),
        Index("ix_refund_dispute_id", "dispute_id", postgresql_where="dispute_id IS NOT NULL"),
        Index("ix_refund_failed", "order_id", postgresql_where="state = 'failed'"),
        Index("ix_refund_provider_refund_id", "provider_refund_id"),
        Index(
            "uq_refund_provider_refund_id", "provider_refund_id", unique=True,
            postgresql_where="kind <> 'adopted' AND provider_refund_id NOT LIKE 'bank:%'",
        ),
        Index(
            "uq_refund_adopted", "provider_refund_id", "payment_id", unique=True, postgresql_where="kind = 'adopted'"
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id", index=True)
    order_id: UUID = Field(foreign_key="shop_order.id", index=True)
    kind: str
    amount_fen: int = Field(sa_type=Fen)
    allowance_fen: int = Field(default=0, sa_type=Fen, sa_column_kwargs={"server_default": text("0")})
    reason: str
    state: str
    requested_by: UUID | None = None
    idempotency_key: str | None = None
    provider_refund_id: str | None = None
    failure: str | None = None
    requested_at: datetime = Field(sa_type=Moment)
    check_at: datetime = Field(sa_type=Moment)
    succeeded_at: datetime | None = Field(default=None, sa_type=Moment)
    currency: str = Field(default="cny", sa_column_kwargs={"server_default": "cny"})
    failed_at: datetime | None = Field(default=None, sa_type=Moment)
    dispute_id: UUID | None = Field(default=None, foreign_key="dispute.id")
    retries_id: UUID | None = Field(default=None, foreign_key="refund.id")


class RefundPart(SQLModel, table=True):
    """How much of a refund falls on one share component: fixed when it was requested."""

    __tablename__ = "refund_part"
    __table_args__ = (CheckConstraint("fen >= 0 AND grams >= 0 AND quantity_milli >= 0", name="not_negative"),)

    refund_id: UUID = Field(foreign_key="refund.id", primary_key=True)
    component_id: UUID = Field(foreign_key="share_component.id", primary_key=True, index=True)
    fen: int = Field(sa_type=Fen)
    grams: int = Field(sa_type=Grams)
    quantity_milli: int = Field(sa_type=BigInteger)


class RefundLine(SQLModel, table=True):
    """How many pieces of a line a refund returns; their stock comes back only if they had not left the barn."""

    __tablename__ = "refund_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="has_pieces"),)

    refund_id: UUID = Field(foreign_key="refund.id", primary_key=True)
    line_id: UUID = Field(foreign_key="order_line.id", primary_key=True)
    quantity: int = Field(sa_type=BigInteger)


class RefundFreight(SQLModel, table=True):
    """Freight of a parcel that a whole cancellation returns."""

    __tablename__ = "refund_freight"
    __table_args__ = (CheckConstraint("fen > 0", name="moves_something"),)

    refund_id: UUID = Field(foreign_key="refund.id", primary_key=True)
    parcel_id: UUID = Field(foreign_key="parcel.id", primary_key=True)
    fen: int = Field(sa_type=Fen)
