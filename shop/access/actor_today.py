"""What somebody who is not calling may do today: where his word of an earlier day is to be carried out."""

from typing import Final
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text

from shop.access.permissions import Actor
from shop.access.session.page_sessions import GRANTS_TODAY
from shop.access.session.tokens import grants_of
from shop.core import clock
from shop.core.database import ReadSession

_NO_SESSION: Final = UUID(int=0)
_ACCOUNT: Final = text(f"""
SELECT account.person_id, CASE WHEN account.state = 'active' THEN ({GRANTS_TODAY.format(day=":day")}) END AS grants
FROM user_account AS account WHERE account.id = :user
""").bindparams(bindparam("day", type_=Date), bindparam("user", type_=Uuid))  # noqa: S608  # our own constants


async def actor_today(session: ReadSession, user_id: UUID) -> Actor:
    """Of an account; one that cannot sign in may do nothing."""
    row = (await session.execute(_ACCOUNT, {"user": user_id, "day": clock.today()})).one()
    return Actor(user_id, row.person_id, _NO_SESSION, grants_of(row.grants or ()))
