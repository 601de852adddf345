"""Sign-ins end some time after they were over, and people with their accounts when nothing holds them here."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_SESSIONS = text("""
DELETE FROM sign_in_session WHERE id IN (SELECT id FROM sign_in_session WHERE expires_at < :before LIMIT :most)
""")
_PEOPLE = """
WITH gone AS ({gone}), closed AS (
    UPDATE user_account u
    SET state = 'closed', email = 'closed:' || u.id, email_verified_at = NULL, password_hash = NULL
    FROM gone g WHERE u.person_id = g.id
)
UPDATE person p SET name = NULL, phone = NULL, phone_verified_at = NULL, erased_at = :now
FROM gone g WHERE p.id = g.id
"""


async def erase_sessions(session: WriteSession, ended: Ended) -> int:
    """The record of who came in."""
    return await erase(session, _SESSIONS, ended)


async def erase_people(session: WriteSession, ended: Ended, *, gone: str) -> int:
    """Names and phones; their accounts cannot sign in any more. gone: SQL of their ids, at most `:most`: what still
    holds somebody here is known above.
    """
    return await erase(session, text(_PEOPLE.format(gone=gone)), ended)
