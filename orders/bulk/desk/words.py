"""What codes of purchases are called on pages."""

from orders.bulk.problems import STATE_WORDS
from orders.funds.source import UNION_FUND_WORDS

WORDS = {
    "purpose": {
        "festival": "节日慰问", "summer_cooling": "送清凉", "hardship": "困难帮扶", "birthday": "生日慰问",
        "prize": "奖励", "retirement": "退休慰问", "allowance": "发放额度",
    },
    "festival": {
        "new_year": "元旦", "spring_festival": "春节", "qingming": "清明", "labour_day": "劳动节",
        "dragon_boat": "端午", "mid_autumn": "中秋", "national_day": "国庆", "regional": "地方节日",
    },
    "fund_source": UNION_FUND_WORDS,
    "procurement": {"quotes": "询价（三家报价）", "directed": "定向采购"},
    "terms": {"after_acceptance": "验收后付款", "prepaid": "先款后货", "split_30_70": "先付 30%，验收后付 70%"},
    "deliver_to": {"sites": "送到收货点", "homes": "送到家"},
    "shared_by": {"packages": "按所选套餐", "headcount": "按人数", "fixed": "按固定份额"},
    "change": {
        "late_joiners": "补充人员", "substitution": "替换商品", "price_protection": "价格保护",
        "spare_moved": "备用件调拨", "cancellation": "取消订单",
    },
    "change_state": {"requested": "待审批", "approved": "已批准", "rejected": "未批准", "done": "已执行"},
    "payment": {"unpaid": "未付", "partly_paid": "部分已付", "paid": "已付", "overdue": "逾期", "overpaid": "多付"},
    "state": STATE_WORDS,
}  # fmt: skip
TONES = {
    "draft": "plain", "quoting": "plain", "submitted": "warn", "rejected": "warn", "noticed": "warn",
    "cancelled": "quiet", "archived": "quiet",
}  # fmt: skip
