"""What the door forgets by itself."""

from datetime import timedelta
from typing import Final

from sqlmodel import col, delete

from shop.access.models import AccountLink, PhoneProof, SignInAttempt
from shop.core import clock
from shop.core.database import Database

ATTEMPTS_KEPT: Final = timedelta(days=1)
LINKS_KEPT: Final = timedelta(days=1)


async def forget_old(database: Database) -> None:
    """Hourly: failed attempts, links and codes that are over after a day. By the machine's time, as they were stamped.

    Ended sessions are the record of who came in: they end with the retention rule `sign_in`.
    """
    now = clock.wall()
    async with database.transaction() as session:
        await session.execute(delete(SignInAttempt).where(col(SignInAttempt.at) < now - ATTEMPTS_KEPT))
        await session.execute(delete(AccountLink).where(col(AccountLink.expires_at) < now - LINKS_KEPT))
        await session.execute(delete(PhoneProof).where(col(PhoneProof.expires_at) < now - LINKS_KEPT))
