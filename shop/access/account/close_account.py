"""Close an account for good: what opened it, what was sent to its owner, and who he was where no list keeps him."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.access.session.sign_out import sign_out_everywhere
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.messages.erase import erase_sent_to

_PROVEN = text("""
SELECT lower(email) FROM user_account WHERE id = :user AND email_verified_at IS NOT NULL
UNION SELECT p.phone FROM user_account u JOIN person p ON p.id = u.person_id
WHERE u.id = :user AND p.phone_verified_at IS NOT NULL
""")
_LINKS = text("DELETE FROM account_link WHERE user_id = :user")
_CLOSE = text("""
UPDATE user_account SET state = 'closed', email = 'closed:' || id, email_verified_at = NULL, password_hash = NULL
WHERE id = :user AND state = 'active'
""")
# Also who the account was of before it was found to be of somebody on a list.
_PERSONS = text("""
UPDATE person SET name = NULL, phone = NULL, phone_verified_at = NULL, erased_at = :now
WHERE id = :person AND NOT CAST(:listed AS bool)
    OR id IN (SELECT person_id FROM person_alias WHERE user_id = :user) AND id <> :person
""")
# Who stays on his union's list stays without an account: should he make another one, it is his again.
_GIVE_BACK: Final = (
    text("UPDATE person SET phone_verified_at = NULL WHERE id = :person"),
    text("INSERT INTO person (id, created_at, erased_at) VALUES (:nobody, :now, :now)"),
    text("UPDATE user_account SET person_id = :nobody WHERE id = :user"),
)


async def close_account(session: WriteSession, *, user_id: UUID, person_id: UUID, listed: bool, now: datetime) -> None:
    """person_id: the account's. listed: a list keeps him with name and phone; the account becomes nobody's.

    The caller holds the account's lock, and notes it.
    """
    who = {"user": user_id, "person": person_id}
    await erase_sent_to(session, list(await session.scalars(_PROVEN, {"user": user_id})), now=now)
    await session.execute(_LINKS, {"user": user_id})
    await session.execute(_CLOSE, {"user": user_id})
    await sign_out_everywhere(session, user_id=user_id, now=clock.wall())
    await session.execute(_PERSONS, who | {"listed": listed, "now": now})
    if listed:
        given = who | {"nobody": new_id(), "now": now}
        for statement in _GIVE_BACK:
            await session.execute(statement, given)
