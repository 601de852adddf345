"""Accounts and immutable transfers. This room knows neither people nor products: owners are opaque ids."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

GUARDED_KINDS = ("budget", "encumbrance", "allowance")
ACCOUNT_KINDS = ("clearing", "claim", "advance", "receivable", "appropriation", "union_spent", *GUARDED_KINDS)
TRANSFER_KINDS = (
    "sale", "advance", "advance_returned", "advance_applied", "advance_kept", "payment", "refund", "undone",
    "budget_adopted", "budget_adjusted", "budget_carried", "encumbered", "encumbrance_released", "encumbrance_spent",
    "allowance_granted", "allowance_spent", "allowance_refunded", "allowance_returned", "allowance_taken_again",
)  # fmt: skip


class Account(SQLModel, table=True):
    """Where money stands. clearing: with the payment provider, a bank, or the union that bears an allowance; claim:
    what a supplier is owed; advance: paid by a buyer for nothing that could be delivered; receivable: delivered, not
    yet paid. A union's own view of its money: appropriation → budget → encumbrance or allowance → union_spent.

    Balances are sums of transfers: no hot row. Only guarded accounts, which must not go below zero, store theirs:
    `balance_fen` = debits − credits, `held_fen` the part of it that open holds have promised away.
    """

    __tablename__ = "account"
    __table_args__ = (
        one_of("kind", ACCOUNT_KINDS),
        UniqueConstraint("kind", "owner"),
        CheckConstraint("balance_fen >= 0 AND held_fen BETWEEN 0 AND balance_fen", name="never_below_zero"),
        CheckConstraint(
            "(kind IN ('budget', 'encumbrance', 'allowance')) = (balance_fen IS NOT NULL)"
            " AND (balance_fen IS NULL) = (held_fen IS NULL)",
            name="guarded_kinds_store_it",
        ),
        Index("ix_account_allowance_left", "id", postgresql_where="kind = 'allowance' AND balance_fen > 0"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    owner: str
    created_at: datetime = Field(sa_type=Moment)
    balance_fen: int | None = Field(default=None, sa_type=Fen)
    held_fen: int | None = Field(default=None, sa_type=Fen)


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


class HeldTransfer(SQLModel, table=True):
    """A transfer that is promised: posted later (then `transfer` has a row of the same id) or voided."""

    __tablename__ = "held_transfer"
    __table_args__ = (
        one_of("kind", TRANSFER_KINDS),
        one_of("state", ("held", "posted", "voided")),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("debit_account_id <> credit_account_id", name="two_accounts"),
        CheckConstraint("(state = 'held') = (closed_at IS NULL)", name="closed_once"),
        Index("ix_held_transfer_reference", "reference"),
        Index("ix_held_transfer_open", "credit_account_id", postgresql_where="state = 'held'"),
    )

    id: UUID = Field(primary_key=True)
    kind: str
    debit_account_id: UUID = Field(foreign_key="account.id")
    credit_account_id: UUID = Field(foreign_key="account.id")
    amount_fen: int = Field(sa_type=Fen)
    reference: UUID
    state: str
    held_at: datetime = Field(sa_type=Moment)
    closed_at: datetime | None = Field(default=None, sa_type=Moment)


class FundsProof(SQLModel, table=True):
    """The nightly proof of a business day: what was looked at, and what was wrong. `wrong` is empty when it holds."""

    __tablename__ = "funds_proof"
    __table_args__ = ({"info": APPEND_ONLY},)

    day: date = Field(primary_key=True)
    proven_at: datetime = Field(sa_type=Moment)
    accounts: int
    transfers: int
    wrong: list[str] = Field(sa_column=Column(JSONB, nullable=False))
