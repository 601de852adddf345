"""People whom a list names: they stand there before they have an account, or ever do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.rows import as_rows

_ADD = text("""
INSERT INTO person (id, name, phone, created_at)
SELECT id, name, phone, :now FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text, phone text)
""")
# Who has an account says himself what he is called and where he is reached.
_CORRECT = text("""
UPDATE person p SET name = r.name, phone = coalesce(r.phone, p.phone)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, name text, phone text)
WHERE p.id = r.id AND p.erased_at IS NULL
    AND NOT EXISTS (SELECT FROM user_account u WHERE u.person_id = p.id)
""")


@dataclass(frozen=True, slots=True)
class Said:
    """What a list says of somebody. phone: nobody proved it; None where the list has none."""

    name: str
    phone: str | None


async def add_people(session: WriteSession, people: Mapping[UUID, Said], *, now: datetime) -> None:
    """New ones, by the ids that the caller made. He holds the lock of `people_one_by_one`."""
    await session.execute(_ADD, {"rows": _rows(people), "now": now})


async def correct_people(session: WriteSession, people: Mapping[UUID, Said]) -> None:
    """Another name or phone than before, of those who have no account and are not erased; no phone leaves the old."""
    await session.execute(_CORRECT, {"rows": _rows(people)})


def _rows(people: Mapping[UUID, Said]) -> str:
    return as_rows({"id": str(key), "name": one.name, "phone": one.phone} for key, one in people.items())
