"""What of a seal is signed, and how it is written."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256

from orders.seal.canonical import canonical

FIRST = "0" * 64
"""What the first seal names as the one before it."""


@dataclass(frozen=True, slots=True)
class Header:
    """root and previous: hex SHA-256. sealed_at: RFC 3339 in UTC, microseconds."""

    number: int
    format: int
    entries: int
    root: str
    previous: str
    sealed_at: str
    key_id: str

    @property
    def written(self) -> bytes:
        """The bytes that are signed and whose SHA-256 names the seal."""
        return canonical(asdict(self))

    @property
    def sha256(self) -> str:
        return sha256(self.written).hexdigest()


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
