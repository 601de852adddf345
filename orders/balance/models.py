"""When the books were compared, and what did not agree."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import APPEND_ONLY, Moment, one_of

OWNERS = ("payments_desk", "staff", "supplier", "platform")
MEASURES = ("fen", "pieces", "entries")


class BalanceRun(SQLModel, table=True):
    """All identities of one moment: `holds` when nothing differs. Reports name the last run that held.

    `differences`: how many there were; `open_items`: how many things wait for a person, named beside them;
    `unsealed`: credit entries that no seal held yet; `requested_by`: none for the nightly run.
    """

    __tablename__ = "balance_run"
    __table_args__ = (Index("ix_balance_run_at", "balanced_at"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    balanced_at: datetime = Field(sa_type=Moment)
    holds: bool
    identities: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    differences: int
    open_items: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    unsealed: int = Field(sa_type=BigInteger)
    requested_by: UUID | None = Field(default=None, foreign_key="user_account.id")


class BalanceDifference(SQLModel, table=True):
    """What does not agree, by its subject (`order:…`, `payment:…`, `component:…`), with who puts it right and why.

    Open from the run that named it first until one that finds it healed. `amount` is signed, in `measure`. `waits`:
    nothing is wrong, it waits for a person.
    """

    __tablename__ = "balance_difference"
    __table_args__ = (
        one_of("owner", OWNERS),
        one_of("measure", MEASURES),
        Index("uq_balance_difference_open", "code", "subject", unique=True, postgresql_where=text("closed_at IS NULL")),
        Index("ix_balance_difference_seen", "first_seen_at", "id"),
        CheckConstraint("(closed_at IS NULL) = (closed_run_id IS NULL)", name="closed_by_a_run"),
    )

    id: UUID = Field(primary_key=True)
    code: str
    subject: str
    unit_id: UUID | None = None
    amount: int = Field(sa_type=BigInteger)
    measure: str = "fen"
    waits: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    said: str
    owner: str
    reason: str
    first_run_id: UUID = Field(foreign_key="balance_run.id")
    first_seen_at: datetime = Field(sa_type=Moment)
    last_run_id: UUID = Field(foreign_key="balance_run.id")
    last_seen_at: datetime = Field(sa_type=Moment)
    closed_run_id: UUID | None = Field(default=None, foreign_key="balance_run.id")
    closed_at: datetime | None = Field(default=None, sa_type=Moment)
