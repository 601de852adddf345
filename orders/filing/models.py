"""A month's filing round: what each branch confirmed, who signed it, and every step on the way."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from orders.filing.states import MOVES
from shop.core.database import APPEND_ONLY, Fen, Moment, one_of

EVENT_KINDS = ("confirmed", "nil", "signed", "sent_back", "chased")


class FilingRound(SQLModel, table=True):
    """The branches of a unit file their figures of an accounting month (YYYYMM). One round a month and unit."""

    __tablename__ = "filing_round"
    __table_args__ = (
        UniqueConstraint("unit_id", "month"),
        CheckConstraint("month BETWEEN 200001 AND 209912 AND month % 100 BETWEEN 1 AND 12", name="is_a_month"),
    )

    id: UUID = Field(primary_key=True)
    month: int
    unit_id: UUID = Field(foreign_key="unit.id")
    unit_name: str
    due_on: date
    opened_by: UUID = Field(foreign_key="user_account.id")
    opened_at: datetime = Field(sa_type=Moment)


class Filing(SQLModel, table=True):
    """A branch's own figure: what its report said at `known_at`, under `report_digest`; nil is a figure of nothing.

    The signer is another person than who prepared it. What comes later is shown beside it, never put into it.
    """

    __tablename__ = "filing"
    __table_args__ = (
        one_of("state", MOVES),
        UniqueConstraint("round_id", "unit_id"),
        CheckConstraint("signed_by <> prepared_by", name="another_person"),
        CheckConstraint("(state = 'signed') = (signed_by IS NOT NULL AND signed_at IS NOT NULL)", name="signed_by_one"),
        CheckConstraint(
            "state NOT IN ('confirmed', 'signed') OR (prepared_by IS NOT NULL AND report_digest IS NOT NULL)",
            name="prepared_by_one",
        ),
        CheckConstraint(
            "NOT is_nil OR (credited_fen = 0 AND unverified_fen = 0 AND not_counted_fen = 0)", name="nil_is_nothing"
        ),
        CheckConstraint("credited_fen = direct_purchase_fen + assisted_sale_fen", name="two_figures"),
    )

    id: UUID = Field(primary_key=True)
    round_id: UUID = Field(foreign_key="filing_round.id")
    unit_id: UUID = Field(foreign_key="unit.id", index=True)
    unit_name: str
    state: str = "waiting"
    is_nil: bool = False
    direct_purchase_fen: int = Field(default=0, sa_type=Fen)
    assisted_sale_fen: int = Field(default=0, sa_type=Fen)
    credited_fen: int = Field(default=0, sa_type=Fen)
    unverified_fen: int = Field(default=0, sa_type=Fen)
    not_counted_fen: int = Field(default=0, sa_type=Fen)
    known_at: datetime | None = Field(default=None, sa_type=Moment, foreign_key="knowledge.at", index=True)
    report_digest: str | None = None
    prepared_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    prepared_at: datetime | None = Field(default=None, sa_type=Moment)
    signed_by: UUID | None = Field(default=None, foreign_key="user_account.id")
    signed_at: datetime | None = Field(default=None, sa_type=Moment)


class FilingEvent(SQLModel, table=True):
    """A step of a filing, and each reminder: who, when, with which words, about which figure."""

    __tablename__ = "filing_event"
    __table_args__ = (
        one_of("kind", EVENT_KINDS),
        Index("ix_filing_event_filing", "filing_id", "at"),
        {"info": APPEND_ONLY},
    )

    id: UUID = Field(primary_key=True)
    filing_id: UUID = Field(foreign_key="filing.id")
    kind: str
    actor_id: UUID = Field(foreign_key="user_account.id")
    at: datetime = Field(sa_type=Moment)
    words: str | None = None
    report_digest: str | None = None
    credited_fen: int = Field(default=0, sa_type=Fen)
