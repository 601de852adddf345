"""The outbox."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Moment, one_of

CHANNELS = ("mail", "sms")


class Message(SQLModel, table=True):
    """Something to be sent to somebody, kept in the transaction that has a reason to say it.

    There is no body: `template` and `facts` make it when it is sent, and a secret (a link, a code) is derived then from
    the id of the row that it opens, so nothing here opens anything. `message_id` stays the same however often it is
    sent. `next_attempt_at`: when it is due; while somebody sends it, when another one may. Address and facts are
    personal, and erased some time after it ended.
    """

    __tablename__ = "message"
    __table_args__ = (
        one_of("channel", CHANNELS),
        one_of("lang", ("zh", "en")),
        one_of("state", ("waiting", "sent", "given_up")),
        CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name="ended_when_done"),
        CheckConstraint("(erased_at IS NULL) = (address IS NOT NULL AND facts IS NOT NULL)", name="erased_whole"),
        CheckConstraint("erased_at IS NULL OR state <> 'waiting'", name="erased_when_done"),
        Index("ix_message_due", "next_attempt_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_message_given_up", "ended_at", postgresql_where=text("state = 'given_up'")),
        Index("ix_message_kept", "ended_at", postgresql_where=text("erased_at IS NULL AND ended_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    channel: str
    template: str
    lang: str
    address: str | None = None
    facts: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    message_id: str = Field(unique=True)
    state: str = "waiting"
    attempts: int = 0
    created_at: datetime = Field(sa_type=Moment)
    next_attempt_at: datetime = Field(sa_type=Moment)
    first_attempt_at: datetime | None = Field(default=None, sa_type=Moment)
    expires_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    last_error: str | None = None
    erased_at: datetime | None = Field(default=None, sa_type=Moment)
