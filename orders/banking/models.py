"""What came to the bank account, what it was for, and who said so."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

TRANSFER_STATES = ("queued", "proposed", "matched")
HOWS = ("code", "known_payer", "by_hand")


class BankStatement(SQLModel, table=True):
    """A file of a bank's records, imported whole and once. `unit_id`: whose desk imported it; none: the whole shop's.

    `incoming`: rows that brought money; `fresh`: those that no earlier file had brought already.
    """

    __tablename__ = "bank_statement"

    id: UUID = Field(primary_key=True)
    bank: str
    file_sha256: str = Field(unique=True)
    file_name: str
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    incoming: int
    fresh: int = 0
    imported_by: UUID = Field(foreign_key="user_account.id")
    imported_at: datetime = Field(sa_type=Moment)


class BankTransfer(SQLModel, table=True):
    """Money that came, once: a bank's serial number never repeats. `matched_fen` of it has found its shares.

    Of the payer's account only a keyed digest and the last four digits are kept.
    """

    __tablename__ = "bank_transfer"
    __table_args__ = (
        one_of("state", TRANSFER_STATES),
        UniqueConstraint("bank", "serial_number"),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("(state = 'matched') = (matched_fen = amount_fen)", name="matched_whole"),
        CheckConstraint("matched_fen IN (0, amount_fen)", name="all_or_nothing"),
        Index("ix_bank_transfer_statement", "statement_id", "row"),
        Index("ix_bank_transfer_open", "day", "id", postgresql_where="state <> 'matched'"),
    )

    id: UUID = Field(primary_key=True)
    statement_id: UUID = Field(foreign_key="bank_statement.id")
    row: int
    bank: str
    serial_number: str
    day: date
    amount_fen: int = Field(sa_type=Fen)
    matched_fen: int = Field(default=0, sa_type=Fen)
    payer_name: str
    payer_account_digest: str | None = None
    payer_account_last4: str | None = None
    remark: str
    state: str = "queued"
    why_queued: str | None = None
    imported_at: datetime = Field(sa_type=Moment)


class MatchProposal(SQLModel, table=True):
    """Somebody says what a transfer was for; another person confirms it, or not. Two people: the database's refusal.

    `remember_payer`: from now on this account pays for these payers.
    """

    __tablename__ = "match_proposal"
    __table_args__ = (
        one_of("state", ("proposed", "confirmed", "rejected")),
        UniqueConstraint("id", "transfer_id"),
        Index("uq_match_proposal_open", "transfer_id", unique=True, postgresql_where="state = 'proposed'"),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided_by_somebody"),
    )

    id: UUID = Field(primary_key=True)
    transfer_id: UUID = Field(foreign_key="bank_transfer.id", index=True)
    state: str = "proposed"
    remember_payer: bool = False
    reason: str
    proposed_by: UUID = Field(foreign_key="user_account.id")
    proposed_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)


class MatchProposalShare(SQLModel, table=True):
    """So much of the transfer is for this share."""

    __tablename__ = "match_proposal_share"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="moves_something"), {"info": APPEND_ONLY})

    proposal_id: UUID = Field(foreign_key="match_proposal.id", primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", primary_key=True)
    amount_fen: int = Field(sa_type=Fen)


class TransferMatch(SQLModel, table=True):
    """So much of a transfer paid this share. By hand only with a proposal that another person confirmed."""

    __tablename__ = "transfer_match"
    __table_args__ = (
        one_of("how", HOWS),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        CheckConstraint("(how = 'by_hand') = (proposal_id IS NOT NULL)", name="hands_are_named"),
        ForeignKeyConstraint(["proposal_id", "transfer_id"], ["match_proposal.id", "match_proposal.transfer_id"]),
        Index("ix_transfer_match_share", "payer_share_id"),
        {"info": APPEND_ONLY},
    )

    transfer_id: UUID = Field(foreign_key="bank_transfer.id", primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", primary_key=True)
    amount_fen: int = Field(sa_type=Fen)
    how: str
    proposal_id: UUID | None = None
    matched_at: datetime = Field(sa_type=Moment)


class KnownPayer(SQLModel, table=True):
    """An account that pays for a payer, such as a superior union's or the treasury's. Remembered by two people."""

    __tablename__ = "known_payer"
    __table_args__ = (one_of("payer_kind", ("union", "unit", "canteen", "contractor")), {"info": APPEND_ONLY})

    account_digest: str = Field(primary_key=True)
    plain_name: str = Field(primary_key=True)
    payer_kind: str = Field(primary_key=True)
    payer_id: UUID = Field(primary_key=True)
    proposal_id: UUID = Field(foreign_key="match_proposal.id")
    remembered_at: datetime = Field(sa_type=Moment)


class PaidBack(SQLModel, table=True):
    """What was too much went back by a bank transfer of ours, whose serial number proves it."""

    __tablename__ = "paid_back"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="moves_something"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", index=True)
    amount_fen: int = Field(sa_type=BigInteger)
    bank_reference: str = Field(unique=True)
    returned_on: date
    reason: str
    recorded_by: UUID = Field(foreign_key="user_account.id")
    recorded_at: datetime = Field(sa_type=Moment)
