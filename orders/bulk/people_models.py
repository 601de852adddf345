"""Beside a purchase's people: lists of recipients as they were handed in, and how many pieces a case holds."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

IMPORT_STATES: Final = ("working", "refused", "tried", "saved")


class RecipientImport(SQLModel, table=True):
    """A list of recipients handed in: how far it is, and what is wrong in it. Rows of it are kept nowhere else.

    `done` of `total` steps; `changed_at` is its sign of life. `errors`: pointer, code and detail, no personal data.
    `revision`: the purchase's revision that a saved list made. `notes`: rows set aside, and what somebody should see.
    `acknowledged_columns`: what nobody reads, as whoever handed it in said.
    """

    __tablename__ = "recipient_import"
    __table_args__ = (
        one_of("state", IMPORT_STATES),
        CheckConstraint("done >= 0 AND done <= total", name="not_beyond"),
        Index("ix_recipient_import_purchase", "purchase_id", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(foreign_key="bulk_purchase.id")
    file_name: str
    file_sha256: str
    dry_run: bool
    state: str = "working"
    done: int = 0
    total: int = 0
    error_count: int = 0
    errors: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False))
    notes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    said: str | None = None
    revision: int | None = None
    created_by: UUID = Field(foreign_key="user_account.id")
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)
    acknowledged_columns: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("ARRAY[]::text[]"))
    )


class BulkCase(SQLModel, table=True):
    """Suppliers send full cases only: so many pieces of a SKU in one. What rounding up adds is spare, with an owner."""

    __tablename__ = "bulk_case"
    __table_args__ = (CheckConstraint("case_pieces > 0", name="has_pieces"),)

    purchase_id: UUID = Field(foreign_key="bulk_purchase.id", primary_key=True)
    sku_id: UUID = Field(foreign_key="sku.id", primary_key=True)
    case_pieces: int
