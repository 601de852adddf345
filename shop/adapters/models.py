"""What the sandbox stands on: the outside world of development, kept so that a killed process loses nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from shop.core.database import Moment


class SandboxObject(SQLModel, table=True):
    """State of the sandbox payment provider, so that a killed process loses nothing. Empty in production."""

    __tablename__ = "sandbox_object"

    id: str = Field(primary_key=True)
    kind: str = Field(index=True)
    body: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = Field(sa_type=Moment, sa_column_kwargs={"server_default": func.now()})


class SandboxMessage(SQLModel, table=True):
    """Mail and SMS that development sent, as a receiver would read them. Empty in production."""

    __tablename__ = "sandbox_message"

    id: UUID = Field(primary_key=True)
    channel: str
    message_id: str
    address: str
    subject: str
    body: str
    sent_at: datetime = Field(sa_type=Moment, index=True)
