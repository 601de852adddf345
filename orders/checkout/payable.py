"""Whether an order can still be paid, however it is going to be."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Row

from shop.core.errors import Problem


class OrderOver(Problem):
    """The order expired or was cancelled: there is nothing to pay for any more."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "order_over"
    title: ClassVar[str] = "订单已取消或已过付款时间"


class AlreadyPaid(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_paid"
    title: ClassVar[str] = "订单已付款"


class PaymentRefused(Problem):
    """The provider will not open a page for this order, or it has nothing to pay."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "payment_refused"
    title: ClassVar[str] = "支付平台没有接受这笔付款"


def must_be_payable(order: Row[Any], now: datetime) -> None:
    """order: state, payment_state, expires_at, total_fen."""
    if order.payment_state == "paid":
        raise AlreadyPaid("不需要再次付款。")
    if order.state != "placed" or order.expires_at <= now:
        raise OrderOver("请重新下单。")
    if order.total_fen <= 0:
        raise PaymentRefused("这个订单没有需要支付的金额。")
