"""When the books were compared, and what did not agree."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment


class BalanceRun(SQLModel, table=True):
    """All identities of one moment: `holds` when none of them is apart. Reports name the last run that held."""

    __tablename__ = "balance_run"
    __table_args__ = (Index("ix_balance_run_at", "balanced_at"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    balanced_at: datetime = Field(sa_type=Moment)
    holds: bool
    identities: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
