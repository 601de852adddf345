"""What the balance tells."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class IdentityOut(BaseModel):
    """left = right, by parts, in `measure`. apart: the sum of what differs key by key."""

    code: str
    measure: Literal["fen", "pieces"]
    left: dict[str, int]
    right: dict[str, int]
    difference: int
    apart: int
    holds: bool


class RunOut(BaseModel):
    """One comparison. requested_by null: the nightly one. open_items: how many things wait for a person; they are named
    in the list beside the differences, and are no reason not to hold.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    balanced_at: datetime
    holds: bool
    differences: int
    open_items: int
    unsealed: int
    requested_by: UUID | None
    identities: list[IdentityOut]


class DifferenceOut(BaseModel):
    """amount is signed, in `measure`. owner: who puts it right; closed_at: when a run found it healed. waits: nothing
    is wrong, it waits for a person.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    code: str
    subject: str
    unit_id: UUID | None
    amount: int
    measure: Literal["fen", "pieces", "entries"]
    said: str
    owner: Literal["payments_desk", "staff", "supplier", "platform"]
    reason: str
    waits: bool
    first_run_id: UUID
    first_seen_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None


class BalanceOut(BaseModel):
    """run: the last one, null before the first. balanced_as_of: the last one that held, as reports stamp it.

    items: differences of the caller's units, those of the whole shop only for who may see all of it.
    """

    run: RunOut | None
    balanced_as_of: datetime | None
    items: list[DifferenceOut]
    next_cursor: str | None = None
