"""What was sent, and where to, ends some time after it was sent or given up."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_MESSAGES = text("""
UPDATE message SET address = NULL, facts = NULL, erased_at = :now
WHERE id IN (SELECT id FROM message WHERE erased_at IS NULL AND ended_at < :before LIMIT :most)
""")
_SENT_TO = text("""
UPDATE message SET address = NULL, facts = NULL, erased_at = :now
WHERE ended_at IS NOT NULL AND address = ANY(:addresses)
""").bindparams(bindparam("addresses", type_=ARRAY(Text)))


async def erase_messages(session: WriteSession, ended: Ended) -> int:
    """Addresses and facts; what waits still is not touched."""
    return await erase(session, _MESSAGES, ended)


async def erase_sent_to(session: WriteSession, addresses: Collection[str], *, now: datetime) -> None:
    """Whatever was sent to them, however lately. What waits is erased by its time, once it was sent."""
    await session.execute(_SENT_TO, {"addresses": list(addresses), "now": now})
