"""The owner of an account changes its address; until the new one is verified, the old one stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.access.account.ask_reset import MAILS_MOST
from shop.access.account.prove_password import prove_password
from shop.access.account.tell_owner import tell_owner
from shop.access.account.verify_email import offer_email
from shop.access.contact import BadContact, checked_email
from shop.access.permissions import Actor
from shop.access.session.attempts import key_of, reserve
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Detail
from shop.core.keys import Keys
from shop.ui.filters import masked_email
from shop.ui.i18n import Lang

_STANDS: Final = text("""
SELECT a.email, a.email_verified_at IS NOT NULL AS verified, (SELECT l.email FROM account_link l
    WHERE l.user_id = a.id AND l.purpose = 'verify_email' AND l.ended_at IS NULL AND l.expires_at > :wall
        AND l.password_version = a.password_version
    ORDER BY l.created_at DESC LIMIT 1) AS offered
FROM user_account a WHERE a.id = :user
""")


@dataclass(frozen=True, slots=True)
class AccountEmail:
    """offered: the address that has a link which nobody opened yet."""

    email: str
    verified: bool
    offered: str | None


async def email_of(session: ReadSession, user_id: UUID) -> AccountEmail:
    return AccountEmail(*(await session.execute(_STANDS, {"user": user_id, "wall": clock.wall()})).one())


async def change_email(
    database: Database,
    *,
    actor: Actor,
    keys: Keys,
    email: str,
    current: str,
    address: str | None,
    lang: Lang,
    now: datetime,
) -> None:
    """The new address gets a link, the old one is told. The account's own address, not verified yet, gets another link.
    Opens its own short transactions.

    current: the password. Raises BadContact, WrongPassword, TooManyAttempts.
    """
    email = checked_email(email)
    await prove_password(
        database, keys=keys, user_id=actor.user_id, password=current, address=address, wall=clock.wall()
    )
    async with database.transaction() as session:
        stands = await email_of(session, actor.user_id)
        if stands.verified and stands.email == email:
            said = "这就是您现在的邮箱。"
            raise BadContact(said, [Detail("/email", BadContact.code, said)])
        await reserve(session, {key_of(keys, "mail", email): MAILS_MOST}, now=clock.wall())
        await offer_email(session, user_id=actor.user_id, email=email, lang=lang, now=now)
        await tell_owner(session, actor.user_id, "email_change_asked", {"new": masked_email(email)}, lang=lang, now=now)
