"""What codes are called in a report: heads, cells, and sentences for what does not count."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orders.credit import words as credit
from orders.funds.source import FUND_WORDS
from orders.report.question import Key

HEADS: Mapping[Key, tuple[str, ...]] = {
    "county": ("帮扶县", "省份", "行政区划代码"), "province": ("省份",), "designation": ("帮扶类别",),
    "producer": ("生产者",), "supplier": ("供应商",), "category": ("品类",), "month": ("月份",), "quarter": ("季度",),
    "half_year": ("半年",), "year": ("年度",), "channel": ("渠道",), "kind": ("购买/帮销",), "scope": ("帮扶范围",),
    "fund_source": ("资金来源",), "unit": ("单位",), "union": ("工会",), "campaign": ("活动",),
}  # fmt: skip
"""A key's columns on a sheet; the first one names it."""
KINDS = {"direct_purchase": "直接购买", "assisted_sale": "帮助销售"}
SCOPES = {"designated": "定点帮扶", "other_assisted": "其他帮扶地区", "emergency": "应急滞销地区"}
DESIGNATIONS = credit.DESIGNATIONS
CHANNELS = {"shop": "本商城"}
VIEWS = {"event_day": "按发生日（正式口径）", "sale_day": "按原销售日"}
REASONS = credit.REASONS
NOTHING = "（未注明）"
THE_SHOP = "商城自有"
_WRITTEN: Mapping[Key, Callable[[str], str]] = {
    "kind": lambda value: KINDS.get(value, value),
    "scope": lambda value: SCOPES.get(value, value),
    "fund_source": lambda value: FUND_WORDS.get(value, value),
    "channel": lambda value: CHANNELS.get(value, value),
    "designation": lambda value: "、".join(DESIGNATIONS.get(kind, kind) for kind in value.split("+")),
    "quarter": lambda value: f"{value[:4]}年第{value[-1]}季度",
    "half_year": lambda value: f"{value[:4]}年{'上' if value[-1] == '1' else '下'}半年",
}


def cells(key: Key, value: Any) -> tuple[str, ...]:
    """A key of a row as text, one for each of its heads."""
    if value is None:
        return (NOTHING, *[""] * (len(HEADS[key]) - 1))
    if key == "county":
        return (value["name"], value["province"], value["code"])
    if isinstance(value, Mapping):
        return (value["name"] or NOTHING,)
    written = _WRITTEN.get(key)
    return (written(value) if written else value,)


def heads(group_by: Iterable[Key]) -> list[str]:
    return [head for key in group_by for head in HEADS[key]]


def row_cells(keys: Mapping[Key, Any]) -> list[str]:
    return [cell for key, value in keys.items() for cell in cells(key, value)]


def label(key: Key, value: Any) -> str:
    """A key of a row in a few words, for charts and narrow tables."""
    return cells(key, value)[0]
