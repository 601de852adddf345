"""People whom a list names although they belong elsewhere: said, and not done."""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of
from shop.organisation.roster_models import STATUSES

CLAIM_STATES: Final = ("open", "confirmed", "refused", "replaced", "expired")
CLAIM_LASTS: Final = timedelta(days=30)
"""Whoever has not answered by then has not agreed; the union may name the person on a later list again."""

_CHANGES: Final = ("state", "reason", "decided_by", "decided_at", "from_unit_id", "valid_from", "staff_number")
_OPEN: Final = text("state = 'open'")


class MembershipClaim(SQLModel, table=True):
    """A row of a roster that names somebody of another unit: it waits for that unit or for the person.

    The row's own facts stand here until it is confirmed; then it is an entry of the list like the others. replaced: the
    union handed in another list. from_unit_id: where the person worked when it was decided; valid_from: since when a
    confirmed one holds.
    """

    __tablename__ = "membership_claim"
    __table_args__ = (
        one_of("state", CLAIM_STATES),
        one_of("status", STATUSES),
        UniqueConstraint("roster_id", "person_id"),
        Index("uq_membership_claim_open", "union_id", "person_id", unique=True, postgresql_where=_OPEN),
        Index("ix_membership_claim_person", "person_id", postgresql_where=_OPEN),
        Index("ix_membership_claim_due", "expires_at", postgresql_where=_OPEN),
        CheckConstraint("decided_by <> asked_by", name="two_people"),
        CheckConstraint(
            "(state IN ('confirmed', 'refused')) = (decided_by IS NOT NULL)"
            " AND (state = 'open') = (decided_at IS NULL)",
            name="decided_by_somebody",
        ),
        CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name="refused_with_a_reason"),
        CheckConstraint("(state = 'confirmed') = (valid_from IS NOT NULL)", name="confirmed_on_a_day"),
        {"info": {"rights": f"SELECT, INSERT, UPDATE ({', '.join(_CHANGES)})"}},
    )

    id: UUID = Field(primary_key=True)
    roster_id: UUID = Field(foreign_key="roster.id")
    union_id: UUID = Field(foreign_key="labour_union.id")
    person_id: UUID = Field(foreign_key="person.id")
    position: int
    staff_number: str
    unit_id: UUID = Field(foreign_key="unit.id")
    department: str
    status: str
    asked_by: UUID = Field(foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    state: str = "open"
    reason: str | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    from_unit_id: UUID | None = Field(default=None, foreign_key="unit.id")
    valid_from: date | None = None
