"""Where people live and which numbers they had end some time after they were used."""

from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase
from shop.core.window import not_ended

# Not used for an order since.
_ADDRESSES = text("""
DELETE FROM address WHERE id IN (SELECT id FROM address WHERE used_at < :before LIMIT :most)
""")
# Numbers of people who left; a present member's stays.
_NUMBERS = text(f"""
WITH left_long_ago AS (
    SELECT n.union_id, n.number FROM staff_number n WHERE NOT EXISTS (
        SELECT FROM union_membership m WHERE m.person_id = n.person_id
            AND {not_ended("m", "CAST(:before AS timestamptz)::date")}) LIMIT :most
), numbers AS (
    DELETE FROM staff_number n USING left_long_ago l WHERE (n.union_id, n.number) = (l.union_id, l.number) RETURNING 1
), entries AS (
    UPDATE roster_entry SET staff_number = '#' || position WHERE (roster_id, person_id) IN (
        SELECT e.roster_id, e.person_id FROM roster_entry e JOIN roster r ON r.id = e.roster_id
        WHERE e.staff_number <> '#' || e.position AND r.created_at < :before AND EXISTS (
            SELECT FROM roster n WHERE n.previous_id = r.id AND n.created_at < :before) LIMIT :most) RETURNING 1
), claims AS (
    UPDATE membership_claim SET staff_number = '#' || position WHERE id IN (
        SELECT c.id FROM membership_claim c WHERE c.staff_number <> '#' || c.position AND c.decided_at < :before
        LIMIT :most) RETURNING 1
)
SELECT 1 FROM numbers UNION ALL SELECT 1 FROM entries UNION ALL SELECT 1 FROM claims
""")  # noqa: S608
_HIS = text("DELETE FROM address WHERE person_id = :person")


async def erase_addresses(session: WriteSession, ended: Ended) -> int:
    """Of the address book; orders keep their own."""
    return await erase(session, _ADDRESSES, ended)


async def erase_numbers(session: WriteSession, ended: Ended) -> int:
    """Staff numbers, in lists and claims that another list followed, too."""
    return await erase(session, _NUMBERS, ended)


async def erase_address_book(session: WriteSession, *, person_id: UUID) -> None:
    """All of somebody's, at once."""
    await session.execute(_HIS, {"person": person_id})
