"""Accounts and immutable transfers. This room knows neither people nor products: owners are opaque ids."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

ACCOUNT_KINDS = ("clearing", "claim", "advance", "receivable")
TRANSFER_KINDS = ("sale", "advance", "advance_returned", "refund")


class Account(SQLModel, table=True):
    """Where money stands. clearing: with the payment provider; claim: what a supplier is owed; advance: paid by a
    buyer for nothing that could be delivered; receivable: delivered, not yet paid.

    Balances are sums of transfers: no hot row.
    """

    __tablename__ = "account"
    __table_args__ = (one_of("kind", ACCOUNT_KINDS), UniqueConstraint("kind", "owner"))

    id: UUID = Field(primary_key=True)
    kind: str
    owner: str
    created_at: datetime = Field(sa_type=Moment)


class Transfer(SQLModel, table=True):
    """Fen moved from one account to another, once: the id is the idempotency key."""

    __tablename__ = "transfer"
    __table_args__ = (
        one_of("kind", TRANSFER_KINDS),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
        Index("ix_transfer_reference", "reference"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    debit_account_id: UUID = Field(foreign_key="account.id", index=True)
    credit_account_id: UUID = Field(foreign_key="account.id", index=True)
    amount_fen: int = Field(sa_type=Fen)
    reference: UUID
    occurred_on: date
    recorded_at: datetime = Field(sa_type=Moment)
