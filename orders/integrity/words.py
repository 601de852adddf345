"""Kinds, facts and states in Chinese."""

from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "split_below_tier": "疑似拆单", "related_buyer": "买卖双方关联", "spike_refunded": "年底冲量后退款",
    "price_jump": "活动前涨价", "shared_phone": "一个电话多人使用", "round_numbers": "外部导入整数金额过多",
    "far_origin": "产地与供应商注册地不符", "invoice_repeated": "发票号重复", "roll_unsigned": "签领表有未签名",
    "dispute_open": "付款争议未决",
}  # fmt: skip
STATES: Mapping[str, str] = {
    "open": "待查看", "proposed": "待另一人决定", "cleared": "已排除", "finding": "认定为问题",
    "ended": "已自行结束",
}  # fmt: skip
OUTCOMES: Mapping[str, str] = {"cleared": "排除", "finding": "认定为问题"}
FACTS: Mapping[str, str] = {
    "union_id": "工会", "supplier_id": "供应商", "fen": "金额（分）", "tier_fen": "审批档（分）",
    "others": "相邻订单数", "together_fen": "合计（分）", "how": "关联方式", "year": "年份",
    "december_fen": "12月销售（分）",
    "average_month_fen": "此前月均（分）", "refunded_fen": "之后退款（分）", "campaign_id": "活动", "sku_id": "规格",
    "old_fen": "原价（分）", "new_fen": "新价（分）", "people": "人数", "orders": "订单数", "channel": "渠道",
    "month": "月份", "rows": "行数", "round": "整数行数", "county_code": "产地", "registered_in": "注册地",
    "number": "发票号", "sales": "销售笔数", "units": "单位数", "unsigned": "未签人数", "accepted_on": "验收日期",
    "order_id": "订单", "amount_fen": "金额（分）", "currency": "币种", "reason": "原因",
}  # fmt: skip
