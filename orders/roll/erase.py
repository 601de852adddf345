"""Who signed for somebody else ends some time after the purchase."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_ROWS = text("""
UPDATE roll_row SET proxy_name = NULL, note = NULL, erased_at = :now
WHERE (purchase_id, person_id) IN (SELECT r.purchase_id, r.person_id FROM roll_row r
    JOIN bulk_purchase p ON p.id = r.purchase_id
    WHERE r.erased_at IS NULL AND p.changed_at < :before LIMIT :most)
""")


async def erase_rows(session: WriteSession, ended: Ended) -> int:
    """The name of who signed instead, and the note; that it was signed stays."""
    return await erase(session, _ROWS, ended)
