"""Who was to get what of a purchase ends some time after its last step."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_RECIPIENTS = text("""
UPDATE bulk_recipient SET name = NULL, phone = NULL, street = NULL, erased_at = :now
WHERE id IN (SELECT r.id FROM bulk_recipient r JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
""")
_MEMBERS = text("""
UPDATE bulk_member SET name = NULL, staff_number = NULL, link_sha256 = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT m.purchase_id, m.person_id FROM bulk_member m
    JOIN bulk_purchase p ON p.id = m.purchase_id
    WHERE m.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
""")
_SITES = text("""
UPDATE bulk_site SET contact_name = NULL, contact_phone = NULL
WHERE id IN (SELECT s.id FROM bulk_site s JOIN bulk_purchase p ON p.id = s.purchase_id
    WHERE (s.contact_name IS NOT NULL OR s.contact_phone IS NOT NULL) AND p.changed_at < :before LIMIT :most)
""")


async def erase_recipients(session: WriteSession, ended: Ended) -> int:
    """Where boxes went to homes."""
    return await erase(session, _RECIPIENTS, ended)


async def erase_members(session: WriteSession, ended: Ended) -> int:
    """Names and staff numbers of those it was for; their links open nothing any more."""
    return await erase(session, _MEMBERS, ended)


async def erase_site_contacts(session: WriteSession, ended: Ended) -> int:
    """Who was asked for at a site; the site stays."""
    return await erase(session, _SITES, ended)
