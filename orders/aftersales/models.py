"""What is known of money that went back, besides the refund itself: who took it, by which transfer, where goods lie."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

DISPUTE_STATES = ("open", "won", "lost", "closed")


class Dispute(SQLModel, table=True):
    """The payer's bank disputes a payment. While it is open staff see it; lost, what it took is credited negative by
    refunds of kind `dispute`; won, or reinstated, those are undone.

    state: closed is an inquiry that came to nothing. `withdrawn_fen`: what the provider has taken off our balance for
    it now. `evidence_due_at`: until when we may answer. `seen_at`: when the provider was asked; an older look is
    ignored.
    """

    __tablename__ = "dispute"
    __table_args__ = (
        one_of("state", DISPUTE_STATES),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_at_some_time"),
        Index("ix_dispute_open", "order_id", postgresql_where="state = 'open'"),
    )

    id: UUID = Field(primary_key=True)
    provider_dispute_id: str = Field(unique=True)
    payment_id: UUID = Field(foreign_key="payment.id", index=True)
    order_id: UUID = Field(foreign_key="shop_order.id", index=True)
    state: str
    provider_state: str
    amount_fen: int = Field(sa_type=Fen)
    currency: str
    reason: str
    withdrawn_fen: int = Field(sa_type=Fen)
    reinstated: bool
    opened_at: datetime = Field(sa_type=Moment)
    evidence_due_at: datetime | None = Field(default=None, sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)


class ProviderRefund(SQLModel, table=True):
    """A refund of one of our payments that no row of ours knows: somebody made it in the provider's dashboard.

    It waits until two people say what it was for; `refund_id` is then our row of it, once.
    """

    __tablename__ = "provider_refund"
    __table_args__ = (
        one_of("state", ("pending", "succeeded", "failed")),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        Index("ix_provider_refund_open", "order_id", postgresql_where="refund_id IS NULL AND state <> 'failed'"),
    )

    provider_refund_id: str = Field(primary_key=True)
    payment_id: UUID = Field(foreign_key="payment.id", index=True)
    order_id: UUID = Field(foreign_key="shop_order.id")
    amount_fen: int = Field(sa_type=Fen)
    currency: str
    state: str
    made_at: datetime = Field(sa_type=Moment)
    first_seen_at: datetime = Field(sa_type=Moment)
    refund_id: UUID | None = Field(default=None, foreign_key="refund.id", unique=True)


class RefundGoods(SQLModel, table=True):
    """So many pieces of a refund lie in the barn and the order does not own them: put back when it succeeded, less
    what the order owns again since it failed. Of a cancelled order every piece lies in the barn, with or without this.
    """

    __tablename__ = "refund_goods"
    __table_args__ = (CheckConstraint("pieces >= 0", name="not_negative"),)

    refund_id: UUID = Field(foreign_key="refund.id", primary_key=True)
    stock_sku_id: UUID = Field(foreign_key="stock_item.sku_id", primary_key=True)
    pieces: int = Field(sa_type=BigInteger)


class SentTransfer(SQLModel, table=True):
    """A bank transfer of ours by which money went back, named by company (`SHOP` for what belongs to none), day and the
    bank's number: it proves one return. `subject`: `refund:…` or `paid_back:…`.
    """

    __tablename__ = "sent_transfer"
    __table_args__ = ({"info": APPEND_ONLY},)

    company_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    bank_reference: str = Field(primary_key=True)
    subject: str = Field(unique=True)
    recorded_by: UUID = Field(foreign_key="user_account.id")
    recorded_at: datetime = Field(sa_type=Moment)
