"""Roles and scopes in words for people."""

from collections.abc import Mapping
from typing import Final

ROLES: Final[Mapping[str, str]] = {
    "employee": "职工", "outside_buyer": "外部买家", "union_buyer": "工会经办人", "union_approver": "工会审批人",
    "union_receiver": "工会验收人", "canteen_buyer": "食堂采购员", "staff": "帮扶工作人员",
    "county_reviewer": "县级审核人", "supplier": "供应商", "auditor": "审计人员", "administrator": "管理员",
}  # fmt: skip
SCOPES: Final[Mapping[str, str]] = {
    "unit": "一个单位（含下级）", "all": "全部单位", "county": "一个县", "supplier": "一家供应商",
    "producer": "一个生产者",
}  # fmt: skip
