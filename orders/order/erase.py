"""Where orders went and which people paid for them ends some time after the order."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_DELIVERIES = text("""
UPDATE delivery SET name = NULL, phone = NULL, street = NULL, postcode = NULL, erased_at = :now
WHERE id IN (SELECT d.id FROM delivery d JOIN shop_order o ON o.id = d.order_id
    WHERE d.erased_at IS NULL AND o.placed_at < :before LIMIT :most)
""")
_PAYERS = text("""
UPDATE payer_share SET payer_name = '', invoice_title = '', tax_number = NULL
WHERE id IN (SELECT id FROM payer_share WHERE payer_kind = 'person' AND created_at < :before
    AND (payer_name <> '' OR invoice_title <> '') LIMIT :most)
""")


async def erase_deliveries(session: WriteSession, ended: Ended) -> int:
    """Name, phone and street; the region stays. By when its order was placed."""
    return await erase(session, _DELIVERIES, ended)


async def erase_payers(session: WriteSession, ended: Ended) -> int:
    """What a person was called on his share of an order; units and unions stay."""
    return await erase(session, _PAYERS, ended)
