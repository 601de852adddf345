"""What of a seal is signed, and how it is written."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Row

from orders.seal.canonical import canonical

FIRST = "0" * 64
"""What the first seal names as the one before it."""
_SINCE = {"events": 2, "events_root": 2, "programme": 3}
"""Since which format a field is written."""


@dataclass(frozen=True, slots=True)
class Header:
    """root, events_root and previous: hex SHA-256. sealed_at: RFC 3339 in UTC, microseconds.

    Format 1, until 2026-11, says nothing of events; format 2 not whose programme it is.
    """

    number: int
    format: int
    entries: int
    root: str
    previous: str
    sealed_at: str
    key_id: str
    events: int = 0
    events_root: str = ""
    programme: str = ""

    @property
    def written(self) -> bytes:
        """The bytes that are signed and whose SHA-256 names the seal."""
        return canonical(self.said)

    @property
    def said(self) -> dict[str, Any]:
        """What is written, by name."""
        facts = asdict(self)
        return {name: value for name, value in facts.items() if self.format >= _SINCE.get(name, 1)}

    @property
    def sha256(self) -> str:
        return sha256(self.written).hexdigest()


def header_of(seal: Row[Any]) -> Header:
    """Of a row of `seal`."""
    return Header(
        seal.number,
        seal.format,
        seal.entries,
        seal.root,
        seal.previous,
        stamp(seal.sealed_at),
        seal.key_id,
        seal.events,
        seal.events_root,
        seal.programme,
    )


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
