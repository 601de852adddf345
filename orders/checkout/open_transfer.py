"""Pay an order of one's own by bank transfer: a code to write into it, and goods held for three days."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.checkout.payable import must_be_payable
from orders.order.transfer_code import HOLD, new_transfer_code
from shop.access.permissions import Actor
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.ids import new_id

PRIVATE_TITLE = "个人"
"""What an invoice of a person's order is made out to; never a unit (DOMAIN rule 18)."""


class PageOpen(Problem):
    """A payment page is open: two ways to pay at once would be paid twice."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "payment_page_open"
    title: ClassVar[str] = "在线付款页还开着"


_ORDER = text("""
SELECT o.id, o.number, o.state, o.payment_state, o.placed_at, o.expires_at, o.person_id, o.unit_id, o.fund_source,
    (SELECT coalesce(sum(net_fen), 0)::bigint FROM share_component c WHERE c.order_id = o.id)
    + (SELECT coalesce(sum(freight_fen), 0)::bigint FROM parcel p WHERE p.order_id = o.id) AS total_fen,
    (SELECT coalesce(sum(c.net_fen), 0)::bigint FROM share_component c JOIN line_share s ON s.id = c.share_id
        WHERE c.order_id = o.id AND s.payer_kind = 'allowance') AS allowance_fen
FROM shop_order o WHERE o.id = :order AND o.buyer_id = :buyer FOR UPDATE
""")
_OPEN = text("SELECT id, method FROM payment WHERE order_id = :order AND state IN ('created', 'pending')")
_PAYMENT = text("""
WITH made AS (
    INSERT INTO payment (id, order_id, method, amount_fen, currency, state, created_at, expires_at, check_at)
    VALUES (:id, :order, 'bank_transfer', :amount, 'cny', 'pending', :now, :until, :until) RETURNING id, amount_fen
), held AS (
    UPDATE shop_order SET payment_state = 'pending', expires_at = greatest(expires_at, :until) WHERE id = :order
)
INSERT INTO tender (payment_id, position, kind, amount_fen)
SELECT id, 0, 'bank_transfer', amount_fen - CAST(:allowance AS bigint) FROM made
UNION ALL SELECT id, 1, 'allowance', CAST(:allowance AS bigint) FROM made WHERE CAST(:allowance AS bigint) > 0
""")
_SHARE = text("""
INSERT INTO payer_share (id, order_id, position, payer_kind, payer_id, payer_name, unit_id, is_spare, fund_source,
    transfer_code, invoice_title, terms, due_fen, paid_fen, payment_state, due_on, created_at)
VALUES (:id, :order, 0, 'person', :person, :title, :unit, false, :fund_source, :code, :title, 'prepaid', :own, 0,
    'unpaid', :due_on, :now)
ON CONFLICT (order_id, position) DO NOTHING
""")
_CODE = text("SELECT transfer_code FROM payer_share WHERE order_id = :order AND payer_kind = 'person'")


async def open_transfer(session: WriteSession, *, actor: Actor, order_id: UUID, now: datetime) -> tuple[UUID, str]:
    """The payment and the code that its transfer must carry; asked again, the same ones.

    The order waits until three days after it was placed. Raises NotFound to strangers, OrderOver, AlreadyPaid,
    PaymentRefused, PageOpen.
    """
    order = (await session.execute(_ORDER, {"order": order_id, "buyer": actor.user_id})).one_or_none()
    if order is None:
        raise NotFound("没有这个订单。")
    must_be_payable(order, now)
    payment = (await session.execute(_OPEN, {"order": order_id})).one_or_none()
    if payment is not None and payment.method != "bank_transfer":
        raise PageOpen("请在付款页上完成付款，或等它关闭后再选择转账。")
    payment_id = payment.id if payment else new_id()
    if payment is None:
        until = order.placed_at + HOLD
        facts = {"order": order_id, "amount": order.total_fen, "allowance": order.allowance_fen, "now": now}
        await session.execute(_PAYMENT, facts | {"id": payment_id, "until": until})
        await session.execute(
            _SHARE,
            facts
            | {
                "id": new_id(),
                "person": order.person_id,
                "title": PRIVATE_TITLE,
                "unit": order.unit_id,
                "fund_source": order.fund_source,
                "own": order.total_fen - order.allowance_fen,
                "code": new_transfer_code(),
                "due_on": until.date(),
            },
        )
    code: str = (await session.execute(_CODE, {"order": order_id})).scalar_one()
    return payment_id, code
