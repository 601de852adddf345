"""Why something does not count, in a sentence that a buyer and an auditor understand."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "no_designation": "产地县在下单当日不属于任何帮扶名录，也未与本单位结对",
    "recognition_missing": "产品没有帮扶产品认定",
    "recognition_expired": "产品的帮扶产品认定在下单当日已过有效期",
    "no_credited_unit": "没有可计入的单位（购买人不是职工，也不是单位推荐的客户）",
    "donated": "捐赠货物不计入",
    "outside_rule_period": "下单当日没有适用的计入口径",
    "credit_kind_excluded": "适用口径不计入这一类（直接购买或帮助销售）",
    "fund_source_excluded": "适用口径不计入这种资金来源",
    "category_excluded": "适用口径不计入这个品类",
    "origin_unknown": "没有写明加工地，而适用口径按加工地计入",
    "designation_expired": "产地县的帮扶名录资格在下单当日已经到期",
    "designation_kind_excluded": "产地县所属的帮扶类别不在适用口径之内",
    "recognition_not_yet_valid": "产品的帮扶产品认定在下单当日尚未生效",
    "evidence_missing": "佐证等级低于适用口径的要求，补齐佐证并经第二人核对后计入",
}
DESIGNATIONS: Mapping[str, str] = {
    "lifted_out": "脱贫县",
    "severely_poor": "三区三州",
    "key_revitalisation": "国家乡村振兴重点帮扶县",
    "provincial": "省级帮扶",
    "emergency": "应急滞销地区",
}
ENTRY_KINDS: Mapping[str, str] = {
    "sale": "销售",
    "refund": "退款",
    "reversal": "冲销",
    "repost": "重记",
    "regrade_out": "佐证等级转出",
    "regrade_in": "佐证等级转入",
    "refund_undone": "退款撤回",
    "payment_undone": "收款被撤回",
}
GRADES: Mapping[str, str] = {
    "A": "支付机构或银行记录",
    "B": "签字验收或电子发票",
    "C": "材料经第二人核对",
    "D": "仅录入",
}
