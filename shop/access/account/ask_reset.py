"""Somebody forgot the password. Who asks is answered before anybody looks whether there is such an account."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from shop.access.account.links import RESET_LASTS, make_link
from shop.access.contact import checked_email
from shop.access.session.attempts import ADDRESS_MOST, key_of, reserve
from shop.access.who import is_named
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.keys import Keys
from shop.messages.queue_message import queue_message
from shop.messages.wording import OPENS
from shop.ui.i18n import Lang

MAILS_MOST: Final = 3
"""Of one e-mail in the window of attempts, and links that one account has open: nobody's mailbox is filled."""
_AT_ONCE: Final = 100
_ASK: Final = text("INSERT INTO reset_request (id, email, lang, asked_at) VALUES (:id, :email, :lang, :wall)")
_TAKE: Final = text("""
DELETE FROM reset_request
WHERE id IN (SELECT id FROM reset_request ORDER BY asked_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING email, lang
""")
# Who has the address as his name; where nobody has, those who typed it: whoever reads the mail is the one.
_ACCOUNTS: Final = text(f"""
SELECT id FROM user_account a WHERE lower(email) = :email AND state = 'active'
    AND (email_verified_at IS NOT NULL OR NOT EXISTS (SELECT FROM user_account o WHERE {is_named("o")}))
    AND (SELECT count(*) FROM account_link l WHERE l.user_id = a.id AND l.purpose = 'reset_password'
        AND l.ended_at IS NULL AND l.expires_at > :wall) < :most
ORDER BY created_at DESC LIMIT :most
""")  # noqa: S608  # our own words


async def ask_reset(database: Database, *, keys: Keys, email: str, address: str, lang: Lang, wall: datetime) -> None:
    """The same work whether or not there is such an account: a row for the worker. wall: the machine's time.

    Raises BadContact, TooManyAttempts: three of one e-mail, or fifty of an address, in five minutes.
    """
    email = checked_email(email)
    budgets = {key_of(keys, "reset", email): MAILS_MOST, key_of(keys, "reset address", address): ADDRESS_MOST}
    async with database.transaction() as session:
        await reserve(session, budgets, now=wall)
        await session.execute(_ASK, {"id": new_id(), "email": email, "lang": lang, "wall": wall})


async def answer_resets(database: Database, *, now: datetime) -> int:
    """The worker's part: a link to each account of which the address is the name, told to the address. Returns how many
    were asked for. What nobody has is forgotten.
    """
    wall = clock.wall()
    async with database.transaction() as session:
        asked = (await session.execute(_TAKE, {"most": _AT_ONCE})).all()
        for one in asked:
            named = {"email": one.email, "wall": wall, "most": MAILS_MOST}
            for user_id in list(await session.scalars(_ACCOUNTS, named)):
                link, until = await make_link(
                    session, user_id=user_id, purpose="reset_password", email=one.email, lasts=RESET_LASTS, wall=wall
                )
                await queue_message(
                    session,
                    channel="mail",
                    to=one.email,
                    template="password_reset",
                    values={OPENS: str(link)},
                    lang=one.lang,
                    expires_at=until,
                    now=now,
                )
    return len(asked)
