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
FIELDS: Final[Mapping[str, str]] = {
    "role": "角色", "email": "账号邮箱", "user_id": "账号", "reason": "理由", "scope_kind": "范围",
    "scope_id": "哪一个", "valid_from": "从哪天起", "valid_to": "到哪天止（不含）", "by": "怎样交给本人",
    "code": "代码", "successor_code": "新代码", "source": "公告或文件", "unit_ids": "单位（含下级）",
}  # fmt: skip
_BY: Final = {"mail": "发链接到登录邮箱", "code": "给同意的人一个重设码"}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {"role": ROLES, "scope_kind": SCOPES, "by": _BY}


def fact_in_words(name: str, value: object, named: Mapping[str, str]) -> tuple[str, str, bool]:
    """A field of what is asked for, its value, and whether both are words to be translated. named: by id."""
    if name in _VALUES and str(value) in _VALUES[name]:
        return FIELDS[name], _VALUES[name][str(value)], True
    values = [str(one) for one in (value if isinstance(value, list) else [value])]
    return FIELDS.get(name, name), "、".join(named.get(one, one) for one in values), False
