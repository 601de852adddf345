"""Statements of two other channels, written for the demo. Invented, and from the demo's own goods."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

PLATFORM: Final = "platform_832"
MARKET: Final = "retail_market"
_HEADERS: Final = {
    PLATFORM: (
        "订单编号", "明细序号", "单据类型", "退单编号", "采购方式", "采购单位", "资金来源", "发票号码", "产地县",
        "生产主体", "商品名称", "采购数量", "重量（千克）", "成交金额（元）", "成交日期",
    ),
    MARKET: (
        "主订单号", "子订单号", "业务类型", "售后单号", "销售方式", "推荐单位", "付款来源", "电子发票号", "原产县",
        "合作社", "宝贝标题", "件数", "净重（公斤）", "实付货款（元）", "付款时间",
    ),
}  # fmt: skip
_HOW: Final = {PLATFORM: ("直接购买", ("食堂", "工会", "行政")), MARKET: ("帮助销售", ("个人",))}


@dataclass(frozen=True, slots=True)
class OutsideGoods:
    """Goods of the catalogue, as every channel names them. county_code: where they grow."""

    title: str
    producer: str
    county_code: str
    price_fen: int
    net_grams: int


def outside_sales(goods: Sequence[OutsideGoods], units: Sequence[str], *, rows: int, until: date) -> dict[str, bytes]:
    """Channel → csv, of `rows` rows in all: each tenth is a refund of an earlier sale. units: codes or names.

    Days are the thirty before `until`, but never of another month than the day before it. The platform writes UTF-8,
    the marketplace GBK with thousands separators.
    """
    first = max(until - timedelta(days=30), (until - timedelta(days=1)).replace(day=1))
    files = {}
    for channel, count in ((PLATFORM, rows - rows // 2), (MARKET, rows // 2)):
        lines = [_line(channel, n, goods, units, first, (until - first).days) for n in range(count)]
        out = io.StringIO(newline="")
        csv.writer(out).writerows([_HEADERS[channel], *lines])
        files[channel] = out.getvalue().encode("utf-8-sig" if channel == PLATFORM else "gb18030")
    return files


def _line(
    channel: str, n: int, goods: Sequence[OutsideGoods], units: Sequence[str], first: date, days: int
) -> list[str]:
    refunded = n % 10 == 9
    of = n - 9 if refunded else n
    one, pieces = goods[of % len(goods)], 2 + of % 7
    kind, purses = _HOW[channel]
    given = 1 if refunded else pieces
    day = first + timedelta(days=of % days)
    mark = "PT" if channel == PLATFORM else "SC"
    amount = f"{one.price_fen * given / 100:,.2f}" if channel == MARKET else f"{one.price_fen * given / 100:.2f}"
    return [
        f"{mark}{first:%Y%m}{of:06}", "1", "退款" if refunded else "销售", f"{mark}R{n:06}" if refunded else "", kind,
        units[of % len(units)], purses[of % len(purses)], f"26{first:%m}{channel == MARKET:d}{of:015}", one.county_code,
        one.producer, one.title, str(given), f"{one.net_grams * given / 1000:g}", amount, f"{day:%Y/%m/%d}",
    ]  # fmt: skip
