"""Whom a supplier asked for at a canteen ends some time after its contract."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_CONTACTS = text("""
UPDATE canteen_contract SET contact_name = '', contact_phone = '', street = ''
WHERE id IN (SELECT id FROM canteen_contract WHERE valid_to < CAST(:before AS timestamptz)::date
    AND contact_name <> '' LIMIT :most)
""")


async def erase_canteen_contacts(session: WriteSession, ended: Ended) -> int:
    """Name, phone and street of a contract that ran out."""
    return await erase(session, _CONTACTS, ended)
