"""Files of banks as somebody brought them, and the headers by which they are read."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Fen, Moment, one_of

STATEMENT_STATES = ("imported", "confirmed", "refused", "alone")
"""alone: taken before a second person was asked for (until 2026-11)."""


class BankStatement(SQLModel, table=True):
    """A file of a bank's records, imported whole and once by a desk: that of `unit_id`; none: the whole shop's. It
    moves nothing until another person confirms it (DOMAIN rule 31).

    rows_read = `incoming` (rows that brought money, or took it back) + `set_aside` (row, reason). `fresh`: those that
    no earlier file had brought already. `acknowledged_columns`: what nobody read, as the importer said.
    """

    __tablename__ = "bank_statement"
    __table_args__ = (
        one_of("state", STATEMENT_STATES),
        CheckConstraint("decided_by <> imported_by OR state = 'refused'", name="two_people"),
        CheckConstraint(
            "(state IN ('confirmed', 'refused')) = (decided_by IS NOT NULL AND decided_at IS NOT NULL)",
            name="decided_by_somebody",
        ),
        UniqueConstraint("id", "imported_by"),
        Index(
            "uq_bank_statement_file", "file_sha256", "unit_id", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where="state <> 'refused'",
        ),
        Index("ix_bank_statement_waiting", "imported_at", postgresql_where="state = 'imported'"),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    bank: str
    file_sha256: str
    file_name: str
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    incoming: int
    fresh: int = 0
    rows_read: int = Field(sa_column_kwargs={"server_default": "0"})
    set_aside: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'")))
    acknowledged_columns: list[str] = Field(
        sa_column=Column(ARRAY(Text), nullable=False, server_default=text("ARRAY[]::text[]"))
    )
    imported_by: UUID = Field(foreign_key="user_account.id")
    imported_at: datetime = Field(sa_type=Moment)
    state: str = Field(default="imported", sa_column_kwargs={"server_default": "alone"})
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decided_reason: str | None = None


class BankStatementRow(SQLModel, table=True):
    """What a statement says that nobody has confirmed yet; gone once somebody decided. `id`: of the transfer that it
    will be. `refunded`: set aside as refunded at the bank, unless an earlier file had brought the receipt.
    """

    __tablename__ = "bank_statement_row"
    __table_args__ = ({"info": {"rights": "SELECT, INSERT, DELETE"}},)

    statement_id: UUID = Field(foreign_key="bank_statement.id", primary_key=True)
    id: UUID = Field(primary_key=True)
    row: int
    refunded: bool
    account_key: str
    account_last4: str | None = None
    serial_number: str
    day: date
    amount_fen: int = Field(sa_type=Fen)
    payer_name: str
    payer_account_digest: str | None = None
    payer_account_last4: str | None = None
    remark: str


class BankLayout(SQLModel, table=True):
    """A statement's header that somebody mapped and another one confirmed, from a day on. `unit_id`: whose desks read
    by it; none: everybody's. `columns`: our name → titles; `ignored`: titles that nobody needs; `sample_sha256`: the
    file it was mapped from.
    """

    __tablename__ = "bank_layout"
    __table_args__ = (
        one_of("state", ("proposed", "confirmed", "rejected", "ended")),
        CheckConstraint("decided_by <> proposed_by", name="two_people"),
        CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"
        ),
        CheckConstraint("valid_to > valid_from", name="half_open"),
        Index(
            "uq_bank_layout_in_force", "name", "unit_id", unique=True, postgresql_nulls_not_distinct=True,
            postgresql_where="state = 'confirmed' AND valid_to IS NULL",
        ),
    )  # fmt: skip

    id: UUID = Field(primary_key=True)
    name: str
    unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    columns: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    ignored: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    sample_sha256: str | None = Field(default=None, foreign_key="evidence.sha256")
    state: str = "proposed"
    valid_from: date
    valid_to: date | None = None
    proposed_by: UUID = Field(foreign_key="user_account.id")
    proposed_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
