"""What the desk of two people says."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shop.core.paging import NO_NUL


class AdminAskedOut(BaseModel):
    """state: asked; it holds once another person has approved it (`POST …/{id}/approve`)."""

    id: UUID
    kind: str
    state: str


class ResetOut(AdminAskedOut):
    """code: to be handed over, `/sign-in/reset` takes it; null where a link was mailed."""

    code: str | None


class AdminWaitingOut(BaseModel):
    """facts: what is asked for, as it was sent. asked_by_name: who, by name."""

    id: UUID
    kind: str
    title: str
    facts: dict[str, Any]
    reason: str | None
    asked_by: UUID
    asked_by_name: str | None
    asked_at: datetime


class AskedPage(BaseModel):
    items: list[AdminWaitingOut]
    next_cursor: None = None


class AdminRefuseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=NO_NUL), Field()]
