"""Who is meant by a phone and a name, and the lock under which people are found, made and moved."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, func, select, text

from shop.core.database import ReadSession, WriteSession
from shop.core.locks import Lock

# Of several, who proved the phone; else who is on a list alone; else an account whose phone is only said.
_KNOWN = text("""
SELECT DISTINCT ON (p.phone, p.name) p.phone, p.name, p.id FROM person p
JOIN unnest(:phones, :names) AS w(phone, name) ON w.phone = p.phone AND w.name = p.name
LEFT JOIN user_account u ON u.person_id = p.id
WHERE p.erased_at IS NULL ORDER BY p.phone, p.name, p.phone_verified_at IS NULL, u.id IS NOT NULL, p.id
""").bindparams(bindparam("phones", type_=ARRAY(Text)), bindparam("names", type_=ARRAY(Text)))
_HOLDER = text("SELECT id FROM person WHERE phone = :phone AND phone_verified_at IS NOT NULL")
_LISTED = text("""
SELECT p.id FROM person p WHERE p.phone = :phone AND p.name = :name AND p.erased_at IS NULL
    AND p.phone_verified_at IS NULL AND NOT EXISTS (SELECT FROM user_account u WHERE u.person_id = p.id) LIMIT 2
""")


async def known_people(session: ReadSession, said: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """(phone, name) → the person; who is not known is missing."""
    named = {"phones": [phone for phone, _ in said], "names": [name for _, name in said]}
    return {(row.phone, row.name): row.id for row in await session.execute(_KNOWN, named)}


async def people_one_by_one(session: WriteSession) -> None:
    """Until the transaction ends nobody else finds, makes or moves people: two lists, a list and somebody who joins, or
    two confirmations at once would not see each other's people.
    """
    await session.execute(select(func.pg_advisory_xact_lock(Lock.PEOPLE)))


async def holder_of(session: ReadSession, phone: str) -> UUID | None:
    """The person who proved that the phone is his."""
    found: UUID | None = await session.scalar(_HOLDER, {"phone": phone})
    return found


async def listed_alone(session: ReadSession, phone: str, name: str) -> UUID | None:
    """The one person of this phone and name who stands on a list and has no account; None where there are several."""
    found = list(await session.scalars(_LISTED, {"phone": phone, "name": name}))
    return found[0] if len(found) == 1 else None
