"""What waits on the desk, in words for people."""

from collections.abc import Mapping

LISTS: Mapping[str, str] = {
    "held": "不能结算的收款",
    "dispute": "争议",
    "refund": "没有完成的退款",
    "provider_refund": "支付平台上的退款",
    "advance": "保留的预收款",
}
WHATS: Mapping[str, str] = {
    "held": "收款待处理",
    "advance": "预收款未用",
    "dispute": "争议未决",
    "dispute_short": "争议扣款超出订单",
    "refund_failed": "退款没有成功",
    "refund_undone": "退款成功后又失败",
    "bank_refund": "退款待银行转账",
    "provider_refund": "平台退款未认领",
}
WHY: Mapping[str, str] = {
    "differs": "金额或币种与应付不同",
    "too_late": "到账时订单已结束",
    "paid_twice": "同一订单重复付款",
    "overpaid": "银行转账付多了",
    "order_over": "订单已取消或关闭，转来的款还在",
    "to_send": "买家的款由银行转账付来",
    "came_back": "银行退汇，款没有送到",
    "pending": "平台正在退",
    "succeeded": "平台已退",
    "dispute_reinstated": "争议款已退还本店",
    "product_not_received": "付款人说没有收到货",
    "fraudulent": "付款人说不是本人付款",
    "duplicate": "付款人说重复扣款",
    "general": "付款人提出异议",
    "unrecognized": "付款人不认得这笔扣款",
    "product_unacceptable": "付款人说货不对或有问题",
    "credit_not_processed": "付款人说该退的没有退",
    "subscription_canceled": "付款人说已取消",
    "customer_initiated": "付款人提出异议",
    "bank_cannot_process": "发卡行不能处理",
    "insufficient_funds": "账户余额不足",
    "incorrect_account_details": "账户信息不对",
    "debit_not_authorized": "付款人没有授权扣款",
    "noncompliant": "不符合卡组织规则",
    "failed": "没有成功，平台没有说原因",
    "unknown": "没有成功，平台没有说原因",
    "declined": "收款银行拒收",
    "lost_or_stolen_card": "付款的卡已挂失",
    "expired_or_canceled_card": "付款的卡已过期或注销",
    "charge_for_pending_refund_disputed": "付款人已就这笔款提出争议",
    "charge_disputed": "付款人已就这笔款提出争议",
    "merchant_request": "本店要求停止退款",
}
TO_DO: Mapping[str, str] = {
    "held": "两人确认后原路退回，或作为该付款人的预收款保留",
    "advance": "匹配到同一买家未付款的订单，或两人确认后退回",
    "dispute": "在截止日前到支付平台提交材料；未决之前不要发货",
    "dispute_short": "扣款超过订单剩余金额，向付款人追回，或两人写明原因后结清",
    "refund_failed": "重新退款；已用银行转账退给买家的，两人登记那笔转账；买家不再要退的，两人写明原因后结清",
    "refund_undone": "钱回到了本店，重新退款；已转账退给买家的，两人登记那笔转账；买家不再要退的，两人写明原因后结清",
    "bank_refund": "从对公账户转账退给买家，再到对公转账台登记那笔转账的流水号",
    "provider_refund": "说明退的是哪几件或多少金额，由另一人确认，记为本店的退款",
}
ACTIONS: Mapping[str, str] = {
    "return": "退回",
    "keep": "保留为预收款",
    "settle_otherwise": "另行结清",
    "adopt": "认领",
    "given_back": "登记银行退款",
}
BY_BANK = "银行转账的款项请在对公转账台退回，需要该行的流水号"
DETAILS: Mapping[str, str] = {"bank_reference": "银行流水号", "lines": "退的件数"}
"""What a request says besides its action."""
