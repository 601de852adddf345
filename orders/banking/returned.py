"""What the shop has sent back by bank transfer, with the bank's serial number: refunds, and pay-backs of shares."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, text

from orders.banking.schemas import ReturnedOut
from orders.order.returnable import NOTHING_WANTED, OWED
from shop.core.database import ReadSession

Kind = Literal["refund", "pay_back"]


# why_not: what came back cannot stand as money to be returned again. over: it is undone, or never went; owes: its order
# has lost its payment meanwhile, or its share owes, and whatever comes is a payment to be matched as any other.
_REFUNDS: Final = """
SELECT 'refund' AS kind, r.id, r.order_id, CAST(NULL AS uuid) AS share_id, o.unit_id, o.number,
    CAST(NULL AS text) AS payer_name, r.amount_fen - r.allowance_fen AS fen,
    substr(r.provider_refund_id, 6) AS bank_reference,
    (least(r.requested_at, r.succeeded_at) AT TIME ZONE 'Asia/Shanghai')::date AS went_from,
    (r.succeeded_at AT TIME ZONE 'Asia/Shanghai')::date AS counted_on,
    CASE WHEN r.state <> 'succeeded' THEN 'over' WHEN p.state <> 'succeeded' THEN 'owes' END AS why_not
FROM refund r JOIN payment p ON p.id = r.payment_id JOIN shop_order o ON o.id = r.order_id
WHERE r.provider_refund_id LIKE 'bank:%' AND r.amount_fen > r.allowance_fen
"""
_PAY_BACKS: Final = f"""
SELECT 'pay_back', b.id, s.order_id, s.id, coalesce(s.unit_id, o.unit_id), o.number, s.payer_name, b.amount_fen,
    b.bank_reference, (SELECT min(t.day) FROM transfer_match m JOIN bank_transfer t ON t.id = m.transfer_id
        WHERE m.payer_share_id = s.id), b.returned_on,
    CASE WHEN owed.fen > 0 OR (s.due_fen > s.paid_fen AND NOT {NOTHING_WANTED}) THEN 'owes' END
FROM paid_back b JOIN payer_share s ON s.id = b.payer_share_id JOIN shop_order o ON o.id = s.order_id,
    LATERAL ({OWED}) owed
"""  # noqa: S608  # our own constants
RETURNED: Final = f"{_REFUNDS} UNION ALL {_PAY_BACKS}"
RETURNED_AS_SAID: Final = f"{_REFUNDS} AND r.id = c.refund_id UNION ALL {_PAY_BACKS} WHERE b.id = c.paid_back_id"
"""The one that a row `c` of `came_back` means, for LATERAL beside it: found by its id."""
_LIKE = text(f"""
SELECT kind, id, number AS order_number, payer_name, fen, bank_reference FROM ({RETURNED}) x
WHERE fen = ANY(:amounts) AND why_not IS NULL AND (:all OR unit_id = ANY(:units)) AND NOT EXISTS (
    SELECT FROM came_back c WHERE x.id = coalesce(c.refund_id, c.paid_back_id) AND c.state IN ('proposed', 'confirmed'))
ORDER BY counted_on DESC, id LIMIT :most
""").bindparams(bindparam("amounts", type_=ARRAY(BigInteger)), bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608
LISTED_MOST: Final = 200


async def returned_of(session: ReadSession, amounts: Sequence[int], visible: Mapping[str, object]) -> list[ReturnedOut]:
    """What went out with one of these amounts (fen) and has not come back, the latest first. visible: all, units."""
    if not amounts:
        return []
    rows = await session.execute(_LIKE, {"amounts": list(amounts), "most": LISTED_MOST, **visible})
    return [ReturnedOut(**row) for row in rows.mappings()]
