"""Seals: what the ledger and the log of events said, and when. Digests, chained to the one before, and signed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from shop.core.commit_number import TransactionId
from shop.core.database import APPEND_ONLY, Moment


class Seal(SQLModel, table=True):
    """One batch. `sha256` is that of the canonical header: number, format, entries, root, previous, sealed_at, key, and
    since format 2 events, events_root, since format 3 programme.

    `root`, `events_root`: SHA-256 over the ordered leaves of its members. `horizon`: what older transactions wrote was
    all seen when it was made, so the next one looks no further back.
    """

    __tablename__ = "seal"
    __table_args__ = (
        CheckConstraint("entries + events > 0", name="has_entries"),
        CheckConstraint("number > 0", name="counted_from_one"),
        {"info": APPEND_ONLY},
    )

    number: int = Field(primary_key=True)
    format: int
    entries: int
    root: str
    previous: str
    sealed_at: datetime = Field(sa_type=Moment)
    key_id: str
    sha256: str = Field(unique=True)
    signature: str = Field(sa_column=Column(Text, nullable=False))
    events: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    events_root: str = Field(default="", sa_column_kwargs={"server_default": ""})
    programme: str = Field(default="", sa_column_kwargs={"server_default": ""})
    horizon: str = Field(sa_column=Column(TransactionId(), nullable=False))


class ListedSealKey(SQLModel, table=True):
    """A key that has sealed: see key_list.py. public_key, previous: 64 hex digits; signatures: 128, "" for none."""

    __tablename__ = "seal_key"
    __table_args__ = (
        CheckConstraint("number > 0", name="counted_from_one"),
        CheckConstraint("(number = 1) = (previous = '')", name="follows_another"),
        {"info": APPEND_ONLY},
    )

    number: int = Field(primary_key=True)
    public_key: str = Field(unique=True)
    previous: str
    since: datetime = Field(sa_type=Moment)
    first_seal: int
    reason: str
    signed_by_itself: str
    signed_by_previous: str


class SealMember(SQLModel, table=True):
    """An entry stands in a seal at a position, with its leaf: SHA-256 of its COPY line (see leaf.py).

    A table of its own, because entries are never updated.
    """

    __tablename__ = "seal_member"
    __table_args__ = (Index("uq_seal_member_place", "seal_number", "position", unique=True), {"info": APPEND_ONLY})

    period_month: int = Field(primary_key=True)
    entry_id: UUID = Field(primary_key=True)
    seal_number: int = Field(foreign_key="seal.number")
    position: int
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class SealEvent(SQLModel, table=True):
    """The same of an event: a change of money, credit, rule or permission, or one that concerns security."""

    __tablename__ = "seal_event"
    __table_args__ = (Index("uq_seal_event_place", "seal_number", "position", unique=True), {"info": APPEND_ONLY})

    event_id: UUID = Field(primary_key=True)
    seal_number: int = Field(foreign_key="seal.number")
    position: int
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
