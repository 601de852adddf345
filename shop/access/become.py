"""An account turns out to be of somebody who stands on a list: from now on it is that person's."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.access.session.sign_out import sign_out_everywhere
from shop.access.users import lock_account
from shop.core import clock
from shop.core.database import WriteSession

# What he bought keeps the person he was; the phone is the other's now.
_GIVE_UP = text("UPDATE person SET phone = NULL, phone_verified_at = NULL WHERE id = :was")
_MOVE = text("UPDATE user_account SET person_id = :person WHERE id = :user AND person_id = :was")
_PROVEN = text("UPDATE person SET phone_verified_at = :now WHERE id = :person")
_ALIAS = text("""
INSERT INTO person_alias (person_id, same_as_id, user_id, found_at) VALUES (:was, :person, :user, :now)
""")


async def become(session: WriteSession, *, user_id: UUID, was: UUID, person_id: UUID, now: datetime) -> None:
    """was: the account's person until now. person_id: who has no account, and whose phone the account's owner proved.
    Tokens of the API carry the person, so they end.
    """
    await lock_account(session, user_id)
    named = {"user": user_id, "was": was, "person": person_id, "now": now}
    for statement in (_GIVE_UP, _MOVE, _PROVEN, _ALIAS):
        await session.execute(statement, named)
    await sign_out_everywhere(session, user_id=user_id, kinds=("api",), now=clock.wall())
