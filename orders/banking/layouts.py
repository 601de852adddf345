"""How banks write their statements: a layout is a row here, and code knows none of them by name.

A column may be called by any of its titles. Money that came stands in `income`, or in `amount` where `direction` says
which way it went (or its sign does).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class StatementLayout:
    """bank: the code that serial numbers are unique in. Titles: what each column may be called; () = there is none.

    came: what `direction` says of money that came; blank `direction` = the sign of the amount.
    """

    bank: str
    name: str
    serial_number: tuple[str, ...]
    day: tuple[str, ...]
    payer_name: tuple[str, ...]
    payer_account: tuple[str, ...]
    remark: tuple[str, ...]
    income: tuple[str, ...] = ()
    outgo: tuple[str, ...] = ()
    amount: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    came: tuple[str, ...] = ()

    def needed(self) -> list[tuple[str, ...]]:
        """The columns without which a header is not of this layout."""
        money = [self.income] if self.income else [self.amount, *([self.direction] if self.direction else [])]
        return [self.serial_number, self.day, self.payer_name, *money]


LAYOUTS: Final = (
    StatementLayout(
        bank="icbc",
        name="工商银行样式",
        serial_number=("交易流水号", "流水号"),
        day=("交易日期", "交易时间"),
        payer_name=("对方户名", "对方单位名称"),
        payer_account=("对方账号", "对方帐号"),
        remark=("摘要", "用途", "附言", "备注"),
        income=("贷方发生额", "贷方发生额(元)", "收入金额"),
        outgo=("借方发生额", "借方发生额(元)", "支出金额"),
    ),
    StatementLayout(
        bank="ccb",
        name="建设银行样式",
        serial_number=("账户明细编号-交易流水号", "企业流水号"),
        day=("记账日期", "记账日"),
        payer_name=("对方账户名称", "对方名称"),
        payer_account=("对方账户", "对方账户号"),
        remark=("摘要", "备注", "交易附言"),
        amount=("发生额", "交易金额"),
        direction=("收支方向", "借贷标志"),
        came=("收入", "贷", "收"),
    ),
    StatementLayout(
        bank="rural",
        name="农商银行样式",
        serial_number=("序列号", "凭证号"),
        day=("日期",),
        payer_name=("付款人", "对手方"),
        payer_account=("付款账号", "对手方账号"),
        remark=("留言", "摘要"),
        amount=("金额",),
    ),
)
