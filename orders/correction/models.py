"""Mistakes put right by two people: what one asked for stays, whatever the other decided."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

STATES = ("requested", "approved", "refused")


class Correction(SQLModel, table=True):
    """A request to put the attribution of a line, or of one of its components, right. `facts`: what shall hold.

    `document_sha256`: the paper that proves it. The decider is another person than who asked.
    """

    __tablename__ = "correction"
    __table_args__ = (
        one_of("state", STATES),
        CheckConstraint("decided_by <> requested_by", name="another_person"),
        CheckConstraint(
            "(state = 'requested') = (decided_by IS NULL AND decided_at IS NULL)", name="decided_by_somebody"
        ),
        Index("ix_correction_open", "requested_at", postgresql_where=text("state = 'requested'")),
    )

    id: UUID = Field(primary_key=True)
    order_line_id: UUID = Field(index=True)
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    reason: str
    document_sha256: str = Field(foreign_key="evidence.sha256")
    state: str = "requested"
    requested_by: UUID = Field(foreign_key="user_account.id")
    requested_at: datetime = Field(sa_type=Moment)
    decided_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    decided_at: datetime | None = Field(default=None, sa_type=Moment)
    decision: str | None = None


class CorrectionPart(SQLModel, table=True):
    """A component that a correction is about, with the attribution that held when it was asked for."""

    __tablename__ = "correction_part"
    __table_args__ = ({"info": APPEND_ONLY},)

    correction_id: UUID = Field(primary_key=True, foreign_key="correction.id")
    component_id: UUID = Field(primary_key=True, foreign_key="attribution.id")
    corrects_id: UUID = Field(foreign_key="attribution.id")
