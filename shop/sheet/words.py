"""What files say in words: whether an order or a payment succeeded, and which way money went."""

import re
from collections.abc import Mapping
from typing import Final, Literal

Status = Literal["counts", "closed", "pending", "unpaid", "refunded", "refund_closed", "part_refunded"]
Direction = Literal["in", "out", "neither"]

_STATUSES: Final[Mapping[Status, tuple[str, ...]]] = {
    "counts": (
        "交易成功", "交易完成", "已完成", "完成", "成功", "已成交", "已付款", "已支付", "支付成功", "付款成功",
        "买家已付款", "等待卖家发货", "待发货", "已发货", "卖家已发货", "待收货", "等待买家确认收货", "已收货",
        "确认收货", "已签收", "待评价", "已评价", "已结算", "已入账", "入账成功", "收款成功", "已收款", "已收钱",
        "对方已收钱", "朋友已收钱", "已存入零钱", "已转账", "转账成功", "已到账", "正常", "有效",
    ),
    "closed": (
        "交易关闭", "已关闭", "关闭", "已取消", "取消", "交易取消", "已作废", "作废", "无效", "交易失败", "失败",
        "支付失败", "付款失败", "转账失败", "已撤销",
    ),
    "pending": ("退款中", "待退款", "退款处理中", "处理中", "支付中", "转账中"),
    "refund_closed": ("退款关闭", "退款取消", "退款失败"),
    "part_refunded": ("部分退款", "已部分退款", "部分退款成功", "部分退货"),
    "unpaid": ("等待买家付款", "等待付款", "待付款", "未付款", "未支付", "待支付"),
    "refunded": (
        "已退款", "退款成功", "全额退款", "已全额退款", "退款完成", "退货完成", "已退货", "对方已退还", "已退还",
    ),
}  # fmt: skip
BESIDE: Final = "；"
"""Between the states of a row that has several columns of them."""
STATUSES: Final[Mapping[str, Status]] = {word: said for said, words in _STATUSES.items() for word in words}
"""`refunded` says of a refund's own row that it succeeded; `refund_closed` that it did not, and of a sale's that it
stands; `part_refunded` that it stands less a part. A word that is not here is asked about, never guessed.
"""
_A_PART: Final = re.compile(r"(.+)[(]([¥]?[0-9.,]+元?)[)]")


def part_refunded(written: str) -> str | None:
    """The amount in 已退款(￥20.00), by which a payment company says that a part went back; of other states None.

    written: made `plain`.
    """
    found = _A_PART.fullmatch(written)
    return found[2] if found and STATUSES.get(found[1]) in {"refunded", "part_refunded"} else None


NOT_COUNTED: Final = ("closed", "pending", "unpaid", "refunded")
"""The states of a row that is set aside; of a refund's own row `refunded` is the good end."""
_DIRECTIONS: Final[Mapping[Direction, tuple[str, ...]]] = {
    "in": (
        "收入", "收", "贷", "贷方", "贷记", "C", "CR", "Credit", "来账", "来帐", "转入", "存入", "入账", "进账", "收款",
        "收方", "+",
    ),
    "out": (
        "支出", "支", "付", "借", "借方", "借记", "D", "DR", "Debit", "往账", "往帐", "转出", "支取", "出账", "付款",
        "付方", "-",
    ),
    "neither": ("/", "不计收支", "中性交易", "其他"),
}  # fmt: skip
DIRECTIONS: Final[Mapping[str, Direction]] = {
    word.upper(): said for said, words in _DIRECTIONS.items() for word in words
}
"""Upper case. 贷 is money that came: statements are written from the bank's side."""
ASIDE: Final[Mapping[str, str]] = {
    "closed": "订单已关闭", "pending": "退款或付款还没有结果", "unpaid": "买家没有付款", "refunded": "已全额退款",
    "total": "合计行", "ruler": "分隔线",
    "note": "说明行", "summary": "汇总", "money_out": "支出", "neither": "不计收支", "nothing": "金额为 0",
    "interest": "银行结息", "before_books": "早于账簿的第一天（2020-01-01）", "our_refund": "本店登记过的退款",
}  # fmt: skip
"""Why a row is set aside."""
