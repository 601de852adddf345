"""The auditor's desk: mandates, questions, samples, and how long personal data is kept."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Uuid, text
from sqlmodel import Field, SQLModel

from shop.access.models import ROLES
from shop.core.database import APPEND_ONLY, Moment, one_of


class AuditQuestion(SQLModel, table=True):
    """An auditor asks, its owner (a person, or whoever holds a role in that unit) replies by a day, the asker closes.

    The words of either stay as they were written.
    """

    __tablename__ = "audit_question"
    __table_args__ = (
        one_of("owner_role", ROLES),
        CheckConstraint("(owner_role IS NULL) <> (owner_id IS NULL)", name="has_one_owner"),
        CheckConstraint("(reply IS NULL) = (replied_by IS NULL AND replied_at IS NULL)", name="replied_by_somebody"),
        CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closed_by_somebody"),
        CheckConstraint("replied_by <> asked_by", name="another_person"),
        CheckConstraint("closed_at IS NULL OR reply IS NOT NULL", name="replied_first"),
        Index("ix_audit_question_open", "due_on", postgresql_where=text("closed_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    subject: str
    words: str
    owner_role: str | None = None
    owner_id: UUID | None = Field(default=None, foreign_key="user_account.id")
    due_on: date
    asked_by: UUID = Field(foreign_key="user_account.id")
    asked_at: datetime = Field(sa_type=Moment)
    reply: str | None = None
    replied_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    replied_at: datetime | None = Field(default=None, sa_type=Moment)
    closed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    closed_at: datetime | None = Field(default=None, sa_type=Moment)


class AuditSample(SQLModel, table=True):
    """Order lines drawn from a population by a seed: those of the smallest sha256(seed + line id).

    Whoever has the lines and the seed draws the same ones again. Business days [since, until).
    """

    __tablename__ = "audit_sample"
    __table_args__ = (
        CheckConstraint("until > since", name="half_open"),
        CheckConstraint("size BETWEEN 1 AND 200", name="a_sample"),
        CheckConstraint("cardinality(line_ids) <= size AND cardinality(line_ids) <= population", name="of_these"),
        Index("ix_audit_sample_drawn", "drawn_by", "drawn_at"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    mandate_id: UUID = Field(foreign_key="audit_mandate.id")
    since: date
    until: date
    size: int
    seed: str
    population: int
    line_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    drawn_by: UUID = Field(foreign_key="user_account.id")
    drawn_at: datetime = Field(sa_type=Moment)
