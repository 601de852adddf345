"""Who sent money ends some time after its statement came."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_TRANSFERS = text("""
UPDATE bank_transfer SET payer_name = '', payer_account_digest = NULL, payer_account_last4 = NULL, remark = ''
WHERE id IN (SELECT id FROM bank_transfer WHERE imported_at < :before
    AND (payer_name <> '' OR remark <> '' OR payer_account_digest IS NOT NULL) LIMIT :most)
""")


async def erase_transfers(session: WriteSession, ended: Ended) -> int:
    """Name, account and remark; day, amount and what it was matched to stay."""
    return await erase(session, _TRANSFERS, ended)
