"""Who puts a difference right, and what is most likely behind it; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from orders.balance.identity import Apart

Owner = Literal["payments_desk", "staff", "supplier", "platform"]
NAMES: Mapping[str, str] = {
    "money": "三方平账", "recognised": "确认金额与台账", "claims": "供应商应付", "clearing": "收款与资金账",
    "refunds": "退款与资金账", "refund_doubled": "重复退款", "given_back": "退回与明细", "shares": "应付份额",
    "transfers": "到账与份额", "receipts": "流水与匹配", "accepted": "验收金额",
    "on_hand": "在库件数", "held": "占用件数",
    "rollup": "汇总与明细", "funds": "资金账户余额", "webhook_lost": "支付通知丢失",
    "refund_unknown": "平台多出的退款", "refund_missing": "平台查不到的退款", "provider_silent": "支付平台未答复",
    "unsealed": "久未封存的台账", "payment_held": "收款待处理", "advance_kept": "预收款未用",
    "dispute_open": "争议未决", "dispute_short": "争议扣款超出订单", "refund_failed": "退款没有成功",
    "refund_undone": "退款成功后又失败", "refund_to_send": "退款待银行转账", "owned": "每件货归谁",
    "bank_reversal": "银行冲回待处理", "bank_came_back": "退汇待处理", "bank_conflict": "流水前后不一致",
    "receipt_doubled": "同一笔到账记了两次", "receipt_lost": "到账没有银行流水", "unpaid_again": "付款被冲回，尚未补付",
    "statement_waits": "流水待确认", "unproven": "待银行凭证的到账",
    "outside": "外部销售与台账", "own_desk": "专门资金的来处", "rollup_years": "年汇总与月汇总",
}  # fmt: skip
PARTS: Mapping[str, str] = {
    "goods": "货款", "freight": "运费", "advances": "预收", "payments": "收款", "receivables": "应收",
    "credited": "计入", "unverified": "待核实", "not_counted": "不计入", "recognised": "确认金额",
    "claims": "应付供应商",
    "clearing": "资金账", "refunded": "已退款", "posted": "资金账已记", "left_it": "明细已退", "refunds": "退款",
    "not_accepted": "未验收", "reductions": "核减", "due": "应付", "paid": "已付", "matched": "到账匹配",
    "shares": "匹配明细", "unmatched": "撤销匹配",
    "unproven": "待银行凭证",
    "paid_back": "退回", "accepted": "验收", "given_back": "验收后退回",
    "left_over": "净额", "on_hand": "在库",
    "movements": "出入库合计", "held": "占用", "open_holds": "占用明细", "rollup": "汇总", "deltas": "待并入",
    "entries": "台账明细", "entered": "台账记入", "stated": "渠道流水", "returned": "渠道退款",
    "desk_credited": "专门资金计入", "allowances": "福利额度", "imported": "外部导入",
    "free": "在库可售", "sold": "已售", "put_back": "退回在库", "received": "入库与盘点",
}  # fmt: skip
OWNERS: Mapping[Owner, str] = {
    "payments_desk": "收款岗", "staff": "帮扶办", "supplier": "供应商", "platform": "平台",
}  # fmt: skip
LAW_REASONS: Mapping[str, tuple[Owner, str]] = {
    "money": ("payments_desk", "收款、应收、退款与货款、运费、预收不相等，多半是有一方的记录被改动或漏记"),
    "recognised": ("staff", "台账金额与订单明细的确认金额不一致，请核对这一行的台账与退款"),
    "claims": ("supplier", "资金账应付供应商的金额与货款、运费不一致，请与供应商对账"),
    "outside": ("staff", "外部渠道流水与台账记入的金额不一致"),
    "own_desk": ("staff", "工会、食堂、行政或党费的计入金额，在验收、福利额度和外部导入里找不到来处"),
    "clearing": ("payments_desk", "资金账记的钱与收款记录不一致，请核对支付平台或银行流水"),
    "refunds": ("payments_desk", "退款记录与资金账记的退款金额不一致"),
    "given_back": ("staff", "订单明细上的已退金额与退款、验收、核减记录不一致，可能重复退款或改动了明细"),
    "shares": ("staff", "付款方应付金额与其货款、运费不一致"),
    "transfers": ("payments_desk", "份额的已付金额与到账匹配、退回记录不一致"),
    "receipts": ("payments_desk", "流水的已匹配金额与匹配明细不一致，多半是缺了银行的流水或匹配被改动"),
    "unproven": ("payments_desk", "份额上只有一份流水为凭的金额与到账匹配不一致"),
    "accepted": ("staff", "验收金额与订单净额不一致"),
    "on_hand": ("supplier", "在库件数与出入库记录不一致，请盘点"),
    "held": ("platform", "占用件数与占用明细不一致"),
    "owned": ("staff", "有的货既不在库也不归任何订单，或者同时算了两次，请核对取消与退款的货"),
    "rollup": ("platform", "汇总表与台账明细不一致，以明细为准重建汇总"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    code: str
    owner: Owner
    reason: str


def judged(apart: Apart) -> Judged:
    """A difference of a law, by what it looks like."""
    refunded, posted = apart.parts.get("refunded", 0), apart.parts.get("posted", 0)
    if apart.law == "refunds" and refunded and posted >= 2 * refunded:
        return Judged("refund_doubled", "payments_desk", "资金账把同一笔退款记了不止一次")
    owner, reason = LAW_REASONS[apart.law]
    return Judged(apart.law, owner, reason)
