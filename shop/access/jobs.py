"""What the door forgets by itself."""

from datetime import timedelta
from typing import Final

from sqlmodel import col, delete

from shop.access.models import AccountLink, PhoneProof, SignInAttempt, SignInSession
from shop.core import clock
from shop.core.database import Database

ATTEMPTS_KEPT: Final = timedelta(days=1)
SESSIONS_KEPT: Final = timedelta(days=30)
LINKS_KEPT: Final = timedelta(days=1)


async def forget_old(database: Database) -> None:
    """Hourly: failed attempts, links and codes that are over after a day, ended sessions after thirty. By the machine's
    time, as they were stamped.
    """
    now = clock.wall()
    async with database.transaction() as session:
        await session.execute(delete(SignInAttempt).where(col(SignInAttempt.at) < now - ATTEMPTS_KEPT))
        await session.execute(delete(SignInSession).where(col(SignInSession.expires_at) < now - SESSIONS_KEPT))
        await session.execute(delete(AccountLink).where(col(AccountLink.expires_at) < now - LINKS_KEPT))
        await session.execute(delete(PhoneProof).where(col(PhoneProof.expires_at) < now - LINKS_KEPT))
