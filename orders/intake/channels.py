"""Where sales made elsewhere come from, and how each channel's statement names what we ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Final

from sqlalchemy import Row, text

from orders.funds.source import FUND_READ_AS
from shop.core.database import ReadSession
from shop.core.errors import Problem
from shop.core.window import in_force


class ChannelUnknown(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "channel_unknown"
    title: ClassVar[str] = "没有这个渠道"


@dataclass(frozen=True, slots=True)
class Named:
    """A field under the titles it may have. blank: what an empty cell means; words: what else its values are called."""

    field: str
    titles: Sequence[str]
    blank: str | None = None
    words: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    code: str
    name: str
    columns: tuple[Named, ...]
    pull_url: str | None = None

    @property
    def known_columns(self) -> tuple[Named, ...]:
        """Its own, and what any channel may state although its mapping does not name it."""
        own = {one.field for one in self.columns}
        return (*self.columns, *(one for one in _ANY_CHANNEL if one.field not in own))

    def named(self, requested: str) -> Named:
        return next((one for one in self.columns if one.field == requested), Named(requested, ()))


_ANY_CHANNEL: Final = (Named("status", ("订单状态", "交易状态", "支付状态", "付款状态", "单据状态", "状态")),)
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "type": {"销售": "sale", "订单": "sale", "成交": "sale", "退款": "refund", "退货": "refund", "退单": "refund"},
    "credit_kind": {
        "直接购买": "direct_purchase", "直购": "direct_purchase", "购买": "direct_purchase",
        "帮助销售": "assisted_sale", "帮销": "assisted_sale",
    },
    "fund_source": FUND_READ_AS,
}  # fmt: skip
"""What the values of a column are called in any channel; a channel's own `words` add to it."""
NEEDED: Final = ("number", "unit", "county", "producer", "product", "amount", "day")
"""Without one of these a header is not of the channel."""
TEMPLATE: Final = (
    Named("channel", ("渠道",)),
    Named("number", ("外部单号",)),
    Named("line", ("行号",)),
    Named("type", ("类型",)),
    Named("refund_number", ("退款单号",)),
    Named("credit_kind", ("方式",)),
    Named("unit", ("单位",)),
    Named("fund_source", ("资金来源",)),
    Named("invoice_number", ("发票号码",)),
    Named("province", ("产地省",)),
    Named("county", ("产地县",)),
    Named("producer", ("生产者",)),
    Named("supplier", ("供应商",)),
    Named("product", ("商品",)),
    Named("category", ("品类",)),
    Named("recognition_number", ("认定编号",)),
    Named("quantity", ("数量",)),
    Named("kg", ("重量（公斤）",)),
    Named("amount", ("金额（元）",)),
    Named("day", ("日期",)),
    Named("status", ("状态",)),
)
"""Our own header, which every channel takes; `words` and `blank` are the channel's."""
EXAMPLE: Final = (
    "832 平台", "PT20261101001", "1", "销售", "", "直接购买", "示例银行（虚构）", "食堂", "26112000000000000001",
    "贵州省", "从江县", "示例合作社（虚构）", "示例合作社（虚构）", "香禾糯米", "粮油", "", "20", "100", "1,280.00",
    "2026-11-01", "",
)  # fmt: skip

_CHANNELS = text(f"""
SELECT code, name, columns, pull_url FROM sales_channel
WHERE {in_force("", ":day")} ORDER BY position, code
""")  # noqa: S608  # our own words


async def channels_of(session: ReadSession, day: date) -> list[Channel]:
    """Those that are in use on the day, in the order people look for them."""
    return [_channel(row) for row in await session.execute(_CHANNELS, {"day": day})]


def channel_named(channels: Sequence[Channel], written: str) -> Channel:
    """By code or by name. Raises ChannelUnknown."""
    for one in channels:
        if written.strip() in (one.code, one.name):
            return one
    known = "、".join(f"{one.name}（{one.code}）" for one in channels)
    raise ChannelUnknown(f"没有“{written[:60]}”这个渠道；可用：{known}。")


def _channel(row: Row[Any]) -> Channel:
    named = tuple(Named(one["field"], tuple(one["titles"]), one.get("blank"), one.get("words")) for one in row.columns)
    return Channel(row.code, row.name, named, row.pull_url)
