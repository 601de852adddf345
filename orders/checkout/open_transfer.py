"""Pay an order of one's own by bank transfer: a code to write into it, and goods held for three days."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.checkout.payable import must_be_payable
from orders.order.move_on import await_payment
from orders.order.rows import PayerShareRow
from orders.order.shares import open_share
from orders.order.transfer_code import HOLD, new_transfer_code
from orders.payment.begin import begin
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
    if payment is None:
        payment_id = await _begin(session, order, now)
    else:
        payment_id = payment.id
    code: str = (await session.execute(_CODE, {"order": order_id})).scalar_one()
    return payment_id, code


async def _begin(session: WriteSession, order: Row[Any], now: datetime) -> UUID:
    until = order.placed_at + HOLD
    own_fen = order.total_fen - order.allowance_fen
    payment_id = await begin(
        session,
        order_id=order.id,
        method="bank_transfer",
        own_fen=own_fen,
        allowance_fen=order.allowance_fen,
        now=now,
        expires_at=until,
    )
    await await_payment(session, order_id=order.id, until=until, now=now)
    share = PayerShareRow(
        id=new_id(),
        order_id=order.id,
        position=0,
        payer_kind="person",
        payer_id=order.person_id,
        payer_name=PRIVATE_TITLE,
        unit_id=order.unit_id,
        is_spare=False,
        owns_pieces=True,
        fund_source=order.fund_source,
        transfer_code=new_transfer_code(),
        invoice_title=PRIVATE_TITLE,
        tax_number=None,
        terms="prepaid",
        due_fen=own_fen,
        payment_state="unpaid",
        due_on=until.date(),
        created_at=now,
    )
    await open_share(session, share)
    return payment_id
