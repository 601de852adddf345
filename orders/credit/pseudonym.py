"""An auditor sees persons under pseudonyms: the same person is the same one within a mandate, and nobody outside it."""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from hmac import digest
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.permissions import Actor, Role
from shop.core.database import ReadSession
from shop.core.keys import Keys
from shop.core.window import in_force

_MANDATE = text(f"""
SELECT m.id, m.covers_from, m.covers_to, m.unit_ids FROM audit_mandate m
WHERE m.auditor_id = :auditor AND {in_force("m", ":day")}
ORDER BY m.granted_at DESC, m.id DESC LIMIT 1
""")  # noqa: S608  # an expression of our own


@dataclass(frozen=True, slots=True)
class Mandate:
    """Of business days [covers_from, covers_to) and of the units with all below them."""

    id: UUID
    covers_from: date
    covers_to: date
    unit_ids: tuple[UUID, ...]

    def covers(self, day: date, unit_path: list[UUID]) -> bool:
        return self.covers_from <= day < self.covers_to and not set(self.unit_ids).isdisjoint(unit_path)

    def pseudonym(self, keys: Keys, person_id: UUID) -> str:
        """`P-` and 16 hex digits; not to be turned back without the programme's key, which never changes."""
        return f"P-{digest(keys.pseudonyms, self.id.bytes + person_id.bytes, sha256).hex()[:16]}"


async def mandate_of(session: ReadSession, actor: Actor, day: date) -> Mandate | None:
    """The mandate under which an auditor works on that day, the newest where there are several; None for all others."""
    if not actor.has(Role.AUDITOR):
        return None
    row: Row[tuple[UUID, date, date, list[UUID]]] | None = (
        await session.execute(_MANDATE, {"auditor": actor.user_id, "day": day})
    ).one_or_none()
    return None if row is None else Mandate(row.id, row.covers_from, row.covers_to, tuple(row.unit_ids))
