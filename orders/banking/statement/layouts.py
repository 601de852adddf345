"""How banks and payment companies write their statements: a layout is a row here, and code knows none of them by name.

A column may be called by any of its titles. Money that came stands in `income`, money that went in `outgo`; or both
stand in `amount`, where `direction` (or the sign) says which way it went. What desks have mapped stands beside these
rows, in `bank_layout`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal, get_args

from shop.sheet.value import plain

ColumnName = Literal[
    "serial_number", "day", "payer_name", "payer_account", "remark", "income", "outgo", "amount", "direction",
    "status", "own_account", "balance", "reversed",
]  # fmt: skip
COLUMN_WORDS: Final[Mapping[str, str]] = {
    "serial_number": "流水号", "day": "日期", "payer_name": "对方户名", "payer_account": "对方账号",
    "remark": "摘要或附言", "income": "收入金额", "outgo": "支出金额", "amount": "金额（收支同一列）",
    "direction": "收支方向", "status": "状态", "own_account": "本方账号", "balance": "余额", "reversed": "冲账标志",
}  # fmt: skip
"""The columns that a layout names; `balance` is read only to see that no cell has moved."""
MAPPABLE: Final[tuple[str, ...]] = get_args(ColumnName)
_NO_COLUMN: Final = frozenset({"bank", "name", "signed", "ends_at"})


@dataclass(frozen=True, slots=True)
class StatementLayout:
    """bank: whose statement it is. Titles: what each column may be called; () = there is none.

    serial_else: columns that together say which row it is, where the bank gives no number of its own. ignored: columns
    that nobody needs. ends_at: the first cells of the summary below the rows. signed: the bank writes `amount` with its
    sign; any other needs a column that says which way the money went. reversed: marks a row that takes another back.
    """

    bank: str
    name: str
    serial_number: tuple[str, ...]
    day: tuple[str, ...]
    payer_name: tuple[str, ...]
    payer_account: tuple[str, ...] = ()
    remark: tuple[str, ...] = ()
    income: tuple[str, ...] = ()
    outgo: tuple[str, ...] = ()
    amount: tuple[str, ...] = ()
    direction: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    own_account: tuple[str, ...] = ()
    balance: tuple[str, ...] = ()
    reversed: tuple[str, ...] = ()
    serial_else: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ends_at: tuple[str, ...] = ()
    signed: bool = False

    def is_header(self, titles: Sequence[str]) -> bool:
        """titles: made `plain`. It names the row, the day, the payer and the money."""
        found = set(titles)

        def has(column: tuple[str, ...]) -> bool:
            return any(plain(title) in found for title in column)

        serial = has(self.serial_number) or (
            bool(self.serial_else) and all(plain(title) in found for title in self.serial_else)
        )
        one_column = has(self.amount) and (self.signed or has(self.direction))
        return serial and has(self.day) and has(self.payer_name) and (has(self.income) or one_column)

    def known(self) -> frozenset[str]:
        """Every title it knows, made `plain`."""
        columns = (getattr(self, one.name) for one in fields(self) if one.name not in _NO_COLUMN)
        return frozenset(plain(title) for column in columns for title in column)


_COMMON: Final = (
    "币种", "币别", "货币种类", "对方行号", "对方行名", "对方开户行", "对方开户行名", "对方开户机构", "对方银行",
    "凭证种类", "凭证类型", "凭证号", "凭证号码", "起息日", "交易渠道", "渠道", "交易机构", "交易网点", "序号",
    "本方户名", "账户名称", "户名", "交易类型", "业务类型",
)  # fmt: skip
"""What many statements hold and nobody needs."""
LAYOUTS: Final = (
    StatementLayout(
        bank="icbc",
        name="工商银行",
        serial_number=("交易流水号", "流水号", "交易序号"),
        serial_else=("凭证号", "交易时间"),
        day=("交易日期", "交易时间", "入账日期"),
        payer_name=("对方户名", "对方单位名称", "对方单位"),
        payer_account=("对方账号", "对方帐号"),
        remark=("摘要", "用途", "附言", "备注", "个性化信息", "回单个性化信息"),
        income=("贷方发生额", "贷方发生额(元)", "贷方发生额(收入)", "收入金额", "转入金额"),
        outgo=("借方发生额", "借方发生额(元)", "借方发生额(支取)", "支出金额", "转出金额"),
        own_account=("本方账号", "本方帐号", "账号"),
        balance=("余额", "账户余额"),
        ignored=(*_COMMON, "交易时间", "记账日期", "时间戳", "借/贷"),
    ),
    StatementLayout(
        bank="ccb",
        name="建设银行",
        serial_number=("账户明细编号-交易流水号", "企业流水号"),
        day=("记账日期", "记账日", "交易时间"),
        payer_name=("对方户名", "对方账户名称", "对方名称"),
        payer_account=("对方账号", "对方账户", "对方账户号"),
        remark=("摘要", "备注", "交易附言"),
        income=("贷方发生额（收入）", "贷方发生额/元(收入)", "贷方发生额（元）"),
        outgo=("借方发生额（支取）", "借方发生额/元(支取)", "借方发生额（元）"),
        amount=("发生额", "交易金额", "发生额/元"),
        direction=("收支方向", "借贷标志", "借贷方向", "借/贷", "借贷"),
        own_account=("账号", "本方账号"),
        balance=("余额", "余额/元"),
        ignored=(*_COMMON, "交易时间", "企业流水号", "关联账户", "交易介质编号", "本方账户名称", "本方账户开户机构"),
    ),
    StatementLayout(
        bank="abc",
        name="农业银行",
        serial_number=("日志号", "交易流水号", "账务流水号"),
        serial_else=("交易时间", "对方账号", "账户余额"),
        day=("交易日期", "交易时间"),
        payer_name=("对方户名",),
        payer_account=("对方账号",),
        remark=("交易附言", "交易摘要", "交易用途", "交易说明", "摘要", "附言", "用途"),
        income=("收入金额", "收入金额(元)"),
        outgo=("支出金额", "支出金额(元)"),
        own_account=("账号", "本方账号"),
        balance=("账户余额", "本次余额"),
        ignored=(
            *_COMMON, "交易时间", "交易时间戳", "借/贷", "交易行名", "交易行", "交易类别", "交易方式", "手续费总额",
            "对方省市",
        ),
    ),
    StatementLayout(
        bank="cmb",
        name="招商银行",
        serial_number=("流水号", "交易流水号", "交易流水"),
        day=("交易日", "交易日期", "记账日期"),
        payer_name=("收(付)方名称", "收付方名称"),
        payer_account=("收(付)方账号", "收(付)方帐号", "收付方账号"),
        remark=("摘要", "业务摘要", "其它摘要", "其他摘要", "扩展摘要", "用途"),
        income=("贷方金额", "贷方(入账)"),
        outgo=("借方金额", "借方(出账)"),
        own_account=("账号", "账户", "本方账号"),
        balance=("余额", "联机余额"),
        reversed=("冲账标志",),
        ignored=(
            *_COMMON, "交易时间", "账号名称", "流程实例号", "业务名称", "业务参考号", "收(付)方分行名",
            "收(付)方开户行行号", "收(付)方开户行名", "收(付)方开户行地址", "收(付)方开户行", "母(子)公司账号分行名",
            "母(子)公司账号", "母(子)公司名称", "母(子)公司开户行", "母(子)公司开户行地址", "信息标志", "有否附件信息",
            "借/贷", "交易分析码", "票据号", "商务支付订单号", "内部编号", "公司一卡通号", "打印实例号",
        ),
    ),
    StatementLayout(
        bank="bocom",
        name="交通银行",
        serial_number=("核心流水号", "会计流水号", "交易流水号", "流水号"),
        serial_else=("交易时间", "凭证号码", "余额"),
        day=("交易日期", "记账日期", "交易时间"),
        payer_name=("对方户名", "对方名称"),
        payer_account=("对方账号", "对方帐号"),
        remark=("摘要", "附言", "备注", "用途"),
        income=("贷方发生额", "收入金额"),
        outgo=("借方发生额", "支出金额"),
        amount=("发生额", "交易金额"),
        direction=("借贷标志", "借贷方向", "借/贷", "借贷"),
        own_account=("账号", "查询账号"),
        balance=("余额", "账户余额"),
        ignored=(*_COMMON, "交易时间", "企业业务编号", "关联账号", "现转标志"),
    ),
    StatementLayout(
        bank="wechat",
        name="微信支付",
        serial_number=("资金流水单号", "交易单号"),
        day=("记账时间", "交易时间"),
        payer_name=("业务名称", "交易对方"),
        remark=("备注", "业务凭证号", "微信支付业务单号", "商户单号", "商品"),
        amount=("收支金额(元)", "金额(元)"),
        direction=("收支类型", "收/支"),
        status=("当前状态",),
        balance=("账户结余(元)",),
        ignored=("业务类型", "资金变更提交申请人", "交易类型", "支付方式"),
        ends_at=("资金流水总笔数", "总交易单数"),
    ),
    StatementLayout(
        bank="alipay",
        name="支付宝",
        serial_number=("账务流水号", "交易订单号", "交易号"),
        day=("发生时间", "交易时间", "入账时间"),
        payer_name=("对方名称", "交易对方", "对方账号"),
        payer_account=("对方账号", "对方账户"),
        remark=("备注", "商户订单号", "商家订单号", "业务流水号", "商品名称", "商品说明"),
        income=("收入金额（+元）", "收入（+元）"),
        outgo=("支出金额（-元）", "支出（-元）"),
        amount=("金额", "金额（元）"),
        direction=("收/支",),
        status=("交易状态",),
        balance=("账户余额（元）",),
        ignored=(
            "交易渠道", "业务类型", "业务描述", "交易分类", "收/付款方式", "业务基础订单号", "业务订单号",
            "业务账单来源",
        ),
    ),
    StatementLayout(
        bank="rural",
        name="农商银行",
        serial_number=("序列号", "凭证号"),
        day=("日期",),
        payer_name=("付款人", "对手方"),
        payer_account=("付款账号", "对手方账号"),
        remark=("留言", "摘要"),
        amount=("金额",),
        own_account=("账号",),
        balance=("余额",),
        ignored=("币种", "时间"),
        signed=True,
    ),
)  # fmt: skip
