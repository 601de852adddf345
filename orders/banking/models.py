"""What came to the bank account, what it was for, and who said so."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

TRANSFER_STATES = ("queued", "proposed", "matched", "taken_back", "set_aside", "came_back")
"""set_aside: two people said that it is for no share of ours; came_back: that it is money which we had sent."""
HOWS = ("code", "known_payer", "by_hand")
PROOFS = ("second_export", "receipt")


class BankTransfer(SQLModel, table=True):
    """Money that came, once, or that the bank took back (a negative amount): own account, day and serial number name
    it. `matched_fen` of it has found its shares.

    `account_key`: a keyed digest of the own account, or the desk's where no file has said which account it is, with
    `account_last4` where the file masks the rest.
    `conflicts_with_id`: the transfer that came first under this name, with another amount or payer; a person decides.
    Of accounts only keyed digests and the payer's last four digits are kept.
    """

    __tablename__ = "bank_transfer"
    __table_args__ = (
        one_of("state", TRANSFER_STATES),
        Index(
            "uq_bank_transfer_named", "account_key", "day", "serial_number", unique=True,
            postgresql_where="conflicts_with_id IS NULL AND amount_fen > 0",
        ),
        Index(
            "uq_bank_transfer_taken_back", "account_key", "day", "serial_number", "amount_fen", unique=True,
            postgresql_where="conflicts_with_id IS NULL AND amount_fen < 0",
        ),
        Index("ix_bank_transfer_serial_number", "serial_number", "day"),
        Index("ix_bank_transfer_amount", "amount_fen", "day"),
        CheckConstraint("amount_fen <> 0", name="moves_something"),
        CheckConstraint("(state = 'matched') = (matched_fen <> 0)", name="matched_whole"),
        CheckConstraint("matched_fen IN (0, amount_fen - taken_back_fen)", name="all_or_nothing"),
        CheckConstraint("taken_back_fen BETWEEN 0 AND greatest(amount_fen, 0)", name="taken_back_within"),
        CheckConstraint(
            "(state = 'taken_back') = (amount_fen > 0 AND taken_back_fen = amount_fen)", name="taken_back_whole"
        ),
        Index("ix_bank_transfer_statement", "statement_id", "row"),
        UniqueConstraint("id", "statement_id"),
        Index("ix_bank_transfer_open", "day", "id", postgresql_where="state IN ('queued', 'proposed')"),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    statement_id: UUID = Field(foreign_key="bank_statement.id")
    row: int
    bank: str
    account_key: str
    account_last4: str | None = None
    conflicts_with_id: UUID | None = Field(default=None, foreign_key="bank_transfer.id")
    serial_number: str
    day: date
    amount_fen: int = Field(sa_type=Fen)
    matched_fen: int = Field(default=0, sa_type=Fen)
    taken_back_fen: int = Field(default=0, sa_type=Fen, sa_column_kwargs={"server_default": text("0")})
    payer_name: str
    payer_account_digest: str | None = None
    payer_account_last4: str | None = None
    remark: str
    state: str = "queued"
    why_queued: str | None = None
    imported_at: datetime = Field(sa_type=Moment)


class TransferProof(SQLModel, table=True):
    """Why a transfer is a bank's record (grade A) and not only a file that somebody brought: a second export, or the
    bank's electronic receipt, brought by another person than the statement (DOMAIN rule 31).
    """

    __tablename__ = "transfer_proof"
    __table_args__ = (
        one_of("kind", PROOFS),
        CheckConstraint("brought_by <> imported_by", name="two_people"),
        ForeignKeyConstraint(
            ["transfer_id", "statement_id"],
            ["bank_transfer.id", "bank_transfer.statement_id"],
            name="fk_transfer_proof_transfer_id_bank_transfer",
        ),
        ForeignKeyConstraint(
            ["statement_id", "imported_by"],
            ["bank_statement.id", "bank_statement.imported_by"],
            name="fk_transfer_proof_statement_id_bank_statement",
        ),
        {"info": APPEND_ONLY},
    )

    transfer_id: UUID = Field(primary_key=True)
    id: UUID = Field(unique=True)
    statement_id: UUID
    imported_by: UUID
    kind: str
    sha256: str = Field(foreign_key="evidence.sha256")
    brought_by: UUID = Field(foreign_key="user_account.id")
    brought_at: datetime = Field(sa_type=Moment)


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
    """So much of a transfer paid this share. By hand only with a proposal that another person confirmed.

    `round`: 1 the first time; a match that was undone may be made again.
    """

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
    round: int = Field(
        default=1, sa_type=SmallInteger, primary_key=True, sa_column_kwargs={"server_default": text("1")}
    )
    amount_fen: int = Field(sa_type=Fen)
    how: str
    proposal_id: UUID | None = None
    matched_at: datetime = Field(sa_type=Moment)


class MatchUndoing(SQLModel, table=True):
    """The bank took a receipt back (`reversal_id`: its row), or its match was wrong: one person says so, another
    confirms. `settled_day`: the business day it counts on. `undoes_id`: the reversal was named for the wrong receipt:
    that undoing is undone, the receipt and the bank's row wait again.
    """

    __tablename__ = "match_undoing"
    __table_args__ = (
        one_of("state", ("proposed", "confirmed", "rejected", "undone")),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"
        ),
        CheckConstraint("reversal_id <> receipt_id", name="two_rows"),
        CheckConstraint("undoes_id IS NULL OR reversal_id IS NULL", name="one_thing"),
        UniqueConstraint("id", "receipt_id"),
        Index("uq_match_undoing_open", "receipt_id", unique=True, postgresql_where="state = 'proposed'"),
        Index(
            "uq_match_undoing_reversal", "reversal_id", unique=True,
            postgresql_where="reversal_id IS NOT NULL AND state NOT IN ('rejected', 'undone')",
        ),
        Index(
            "uq_match_undoing_undoes", "undoes_id", unique=True,
            postgresql_where="undoes_id IS NOT NULL AND state <> 'rejected'",
        ),
        Index(
            "ix_match_undoing_taken_back", "receipt_id",
            postgresql_where="reversal_id IS NOT NULL AND state = 'confirmed'",
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    receipt_id: UUID = Field(foreign_key="bank_transfer.id")
    reversal_id: UUID | None = Field(default=None, foreign_key="bank_transfer.id")
    undoes_id: UUID | None = Field(default=None, foreign_key="match_undoing.id")
    state: str = "proposed"
    reason: str
    settled_day: date
    proposed_by: UUID = Field(foreign_key="user_account.id")
    proposed_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)


class TransferUnmatch(SQLModel, table=True):
    """A match of that round was undone: its money no longer pays the share."""

    __tablename__ = "transfer_unmatch"
    __table_args__ = (
        ForeignKeyConstraint(
            ["transfer_id", "payer_share_id", "round"],
            ["transfer_match.transfer_id", "transfer_match.payer_share_id", "transfer_match.round"],
        ),
        ForeignKeyConstraint(["undoing_id", "transfer_id"], ["match_undoing.id", "match_undoing.receipt_id"]),
        CheckConstraint("amount_fen > 0", name="moves_something"),
        Index("ix_transfer_unmatch_share", "payer_share_id"),
        {"info": APPEND_ONLY},
    )

    transfer_id: UUID = Field(primary_key=True)
    payer_share_id: UUID = Field(primary_key=True)
    round: int = Field(sa_type=SmallInteger, primary_key=True)
    amount_fen: int = Field(sa_type=Fen)
    undoing_id: UUID
    undone_at: datetime = Field(sa_type=Moment)


class KnownPayer(SQLModel, table=True):
    """An account that pays for a payer, such as a superior union's or the treasury's. Remembered by two people, as long
    as a match by which they said so stands.
    """

    __tablename__ = "known_payer"
    __table_args__ = (one_of("payer_kind", ("union", "unit", "canteen", "contractor")), {"info": APPEND_ONLY})

    account_digest: str = Field(primary_key=True)
    plain_name: str = Field(primary_key=True)
    payer_kind: str = Field(primary_key=True)
    payer_id: UUID = Field(primary_key=True)
    proposal_id: UUID = Field(foreign_key="match_proposal.id", primary_key=True)
    remembered_at: datetime = Field(sa_type=Moment)


class PaidBack(SQLModel, table=True):
    """What was too much went back by a bank transfer of ours, whose serial number proves it."""

    __tablename__ = "paid_back"
    __table_args__ = (CheckConstraint("amount_fen > 0", name="moves_something"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    payer_share_id: UUID = Field(foreign_key="payer_share.id", index=True)
    amount_fen: int = Field(sa_type=BigInteger)
    bank_reference: str
    returned_on: date
    reason: str
    recorded_by: UUID = Field(foreign_key="user_account.id")
    recorded_at: datetime = Field(sa_type=Moment)


class CameBack(SQLModel, table=True):
    """A refund or a pay-back of ours that the bank could not deliver came back with this row: one person says so,
    another confirms. Once each. `settled_day`: the business day it counts on. undone: two people say that it was
    another one (`match_undoing`).
    """

    __tablename__ = "came_back"
    __table_args__ = (
        one_of("state", ("proposed", "confirmed", "rejected", "undone")),
        CheckConstraint("num_nonnulls(refund_id, paid_back_id) = 1", name="of_one_thing"),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"
        ),
        Index(
            "uq_came_back_transfer", "transfer_id", unique=True,
            postgresql_where="state NOT IN ('rejected', 'undone')",
        ),
        Index(
            "uq_came_back_refund", "refund_id", unique=True,
            postgresql_where="refund_id IS NOT NULL AND state NOT IN ('rejected', 'undone')",
        ),
        Index(
            "uq_came_back_paid_back", "paid_back_id", unique=True,
            postgresql_where="paid_back_id IS NOT NULL AND state NOT IN ('rejected', 'undone')",
        ),
        {"info": {"rights": "SELECT, INSERT, UPDATE (state, decided_by, decided_at)"}},
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    transfer_id: UUID = Field(foreign_key="bank_transfer.id")
    refund_id: UUID | None = Field(default=None, foreign_key="refund.id")
    paid_back_id: UUID | None = Field(default=None, foreign_key="paid_back.id")
    state: str = "proposed"
    reason: str
    settled_day: date
    proposed_by: UUID = Field(foreign_key="user_account.id")
    proposed_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
