"""Tables of the ground floor: what was asked before, what was changed by whom, which shop this is, its clock."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.commit_number import written_by
from shop.core.database import APPEND_ONLY, Moment


class Idempotency(SQLModel, table=True):
    """The first answer to a request with a key, kept 72 hours (it may hold an address): a retry gets the same."""

    __tablename__ = "idempotency"

    actor_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=200)
    request_sha256: bytes = Field(sa_type=LargeBinary)
    status: int
    answer: str
    created_at: datetime = Field(sa_type=Moment, index=True)


class AuditEvent(SQLModel, table=True):
    """Who changed what, when, why: every change of money, credit, rule or permission, and what concerns security. Ids
    only, no personal data. `xid`: of the transaction that wrote it, for the seals.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_xid", "xid"), {"info": APPEND_ONLY})

    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Moment, index=True)
    actor_id: UUID | None = None
    action: str
    subject: str = Field(index=True)
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    reason: str | None = None
    xid: str | None = Field(default=None, sa_column=written_by())


class CommitEpoch(SQLModel, table=True):
    """Since when the shop runs in which cluster (PostgreSQL's system identifier), and what is added to the numbers of
    its transactions: see `shop.core.commit_number`. Only `shop migrate` and `shop restore` write it.
    """

    __tablename__ = "commit_epoch"
    __table_args__ = ({"info": {"rights": "SELECT"}},)

    number: int = Field(primary_key=True)
    cluster: int = Field(sa_type=BigInteger)
    added: int = Field(sa_type=BigInteger)
    began_at: datetime = Field(sa_type=Moment)


class Programme(SQLModel, table=True):
    """Which shop this is, at most one row: tokens, links, cookies and seals of another one with the same secret are
    strangers'. `pseudonym_key`, `account_key`: wrapped, see `shop.core.keys`. Only `shop migrate` writes it.
    """

    __tablename__ = "programme"
    __table_args__ = (
        Index("uq_programme_only_one", text("(true)"), unique=True),
        {"info": {"rights": "SELECT"}},
    )

    id: UUID = Field(primary_key=True)
    began_at: datetime = Field(sa_type=Moment)
    pseudonym_key: bytes
    account_key: bytes


class SandboxClock(SQLModel, table=True):
    """How far development's clock runs ahead, shared by web and worker. At most one row; none in production."""

    __tablename__ = "sandbox_clock"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    ahead_seconds: float
