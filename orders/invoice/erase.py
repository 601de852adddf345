"""Invoices made out to people end; those of units name no person."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_TITLES = text("""
WITH old AS (
    SELECT r.id FROM invoice_request r WHERE r.unit_id IS NULL AND r.requested_at < :before AND r.title <> ''
    LIMIT :most
), invoices AS (
    UPDATE invoice i SET buyer_title = '', buyer_tax_number = NULL FROM old o WHERE i.request_id = o.id
)
UPDATE invoice_request r SET title = '', tax_number = NULL FROM old o WHERE r.id = o.id
""")


async def erase_titles(session: WriteSession, ended: Ended) -> int:
    """Whom it was made out to, on the request and on the invoice. By when it was asked for."""
    return await erase(session, _TITLES, ended)
