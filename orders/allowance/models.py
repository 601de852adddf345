"""What a union grants its members for the goods of one plan. The money stands on the accounts `allowance`."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Fen, Moment


class AllowanceGrant(SQLModel, table=True):
    """A batch: so much for each of its members, for the goods of one plan. The same number is granted once.

    `expires_on`: the first day on which it can no longer be spent. `fiscal_year`: of the budget it came from and
    returns to. `content_sha256`: what the batch said, so that the number cannot stand for two contents.
    """

    __tablename__ = "allowance_grant"
    __table_args__ = (
        UniqueConstraint("union_id", "batch_number"),
        CheckConstraint("amount_fen > 0 AND members > 0", name="grants_something"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_reason IS NULL)",
            name="withdrawals_say_why",
        ),
        Index("ix_allowance_grant_plan", "plan_id"),
    )

    id: UUID = Field(primary_key=True)
    batch_number: str
    union_id: UUID = Field(foreign_key="labour_union.id")
    plan_id: UUID
    title: str
    fiscal_year: int
    amount_fen: int = Field(sa_type=Fen)
    members: int
    expires_on: date
    content_sha256: str
    granted_by: UUID
    granted_at: datetime = Field(sa_type=Moment)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Moment)
    withdrawn_by: UUID | None = None
    withdrawn_reason: str | None = None


class AllowanceSku(SQLModel, table=True):
    """What a batch may be spent on: the SKUs of its plan's packages on the day of the grant."""

    __tablename__ = "allowance_sku"
    __table_args__ = ({"info": APPEND_ONLY},)

    grant_id: UUID = Field(primary_key=True, foreign_key="allowance_grant.id")
    sku_id: UUID = Field(primary_key=True, foreign_key="sku.id")


class Allowance(SQLModel, table=True):
    """One member's part of a batch. How much is left of it says the account `allowance` whose owner is this id."""

    __tablename__ = "allowance"
    __table_args__ = (
        UniqueConstraint("grant_id", "person_id"),
        Index("ix_allowance_person", "person_id"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    grant_id: UUID = Field(foreign_key="allowance_grant.id")
    person_id: UUID = Field(foreign_key="person.id")
