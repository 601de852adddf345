"""What receivers say: who they are, on which day, what the truck brought and how it was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

from orders.acceptance.rules import Counted
from shop.access.permissions import Actor


@dataclass(frozen=True, slots=True)
class Truck:
    """Who brought it, where no carrier did: driver, plate, number of the delivery note."""

    driver: str
    plate: str
    delivery_note: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """One delivery as it was counted. lines: None when everything came as expected, else every line of it."""

    delivery_id: UUID
    lines: Sequence[Counted] | None = None
    delivery_note: str | None = None


@dataclass(frozen=True, slots=True)
class Acceptors:
    """Who accepted, on which business day, on what grounds."""

    kind: Literal["bulk", "canteen"]
    actor: Actor
    witness_id: UUID
    accepted_on: date
    key: str
    truck: Truck | None = None
    note: str | None = None
    evidence_sha256: str | None = None
