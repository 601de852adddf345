"""For how long personal columns are kept."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

RETAINED = (
    "delivery", "bulk_recipient", "bulk_member", "bulk_site", "roll_row", "address", "account", "bank_transfer",
    "payer_share", "invoice", "canteen_contact", "driver", "roster", "sign_in",
)  # fmt: skip


class RetentionRule(SQLModel, table=True):
    """How many years personal columns of a kind of row are kept; the newest row of its day rules. With its source."""

    __tablename__ = "retention_rule"
    __table_args__ = (
        one_of("kind", RETAINED),
        CheckConstraint("years BETWEEN 1 AND 100", name="some_years"),
        UniqueConstraint("kind", "valid_from"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    kind: str
    years: int
    source: str
    document_sha256: str | None = None
    valid_from: date
    added_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    added_at: datetime = Field(sa_type=Moment)
