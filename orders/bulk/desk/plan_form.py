"""The plan as the page sends it: flat fields and numbered rows, kept as typed until they make a plan."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from orders.bulk.desk.answers import PurchaseOut
from orders.bulk.plan.schemas import PlanIn
from shop.core.clock import SHANGHAI
from shop.sheet.value import Unreadable, whole_of

ROWS: Final = 4
"""Empty rows that a page offers for goods, and for sites."""
_YUAN: Final = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,2}))?")
_GOODS: Final = ("package", "sku", "pieces")
_SITE: Final = ("site_unit", "site_name", "site_region", "site_street", "site_contact", "site_phone")
_SAID: Final = {
    "title": "请填写名称，不超过 200 字",
    "union_id": "请选择工会与单位",
    "budget_fen": "请填写预算，例如 12000 或 12000.50",
    "ship_on": "请选择发货日",
    "festival": "请选择节日",
    "packages": "请至少选择一种商品，并填写件数",
    "sites": "收货点请填写名称、区县（6 位代码）和街道",
    "spare_pieces": "备用件请填写整数",
    "reference_price_fen": "参考价请填写金额，例如 88 或 88.50",
}


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields; goods and sites as rows, with empty ones to fill in."""

    fields: Mapping[str, str]
    goods: list[dict[str, str]]
    sites: list[dict[str, str]]
    errors: dict[str, str] = field(default_factory=dict)


def typed_of(form: Mapping[str, Any], *, more: bool = False) -> Typed:
    """`more`: offer further empty rows."""
    fields = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    goods, sites = _rows(fields, _GOODS), _rows(fields, _SITE)
    empty = ROWS if more else 1
    return Typed(fields, _filled(goods, _GOODS, empty), _filled(sites, _SITE, empty))


def blank(today: str) -> Typed:
    fields = {"members_as_of": today, "fund_source": "union", "purpose": "festival", "spare_pieces": "0"}
    return Typed(fields, _filled([], _GOODS, ROWS), _filled([], _SITE, ROWS))


def typed_from(plan: PurchaseOut) -> Typed:
    """A plan that stands, to be edited."""
    names = (
        "title", "purpose", "festival", "fund_source", "fiscal_year", "members_as_of", "procurement", "directed_reason",
        "terms", "deliver_to", "shared_by", "spare_pieces", "ship_on",
    )  # fmt: skip
    fields = {name: "" if (value := getattr(plan, name)) is None else str(value) for name in names}
    fields["who"] = f"{plan.union.id}:{plan.unit.id}"
    fields["budget"] = _as_yuan(plan.budget_fen)
    fields["reference_price"] = _as_yuan(plan.reference_price_fen) if plan.reference_price_fen else ""
    until = plan.choose_until
    fields["choose_until"] = until.astimezone(SHANGHAI).strftime("%Y-%m-%dT%H:%M") if until else ""
    goods = [
        {"package": package.name, "sku": str(line.sku_id), "pieces": str(line.pieces)}
        for package in plan.packages
        for line in package.lines
    ]
    sites = [
        {
            "site_unit": str(site.unit.id),
            "site_name": site.name,
            "site_region": site.region_code,
            "site_street": site.street,
            "site_contact": site.contact_name or "",
            "site_phone": site.contact_phone or "",
        }
        for site in plan.sites
    ]
    return Typed(fields, _filled(goods, _GOODS, 2), _filled(sites, _SITE, 2))


def plan_of(typed: Typed) -> PlanIn | dict[str, str]:
    """The plan, or field → what is wrong with it."""
    wrong: dict[str, str] = {}
    fields = typed.fields
    union_id, _, unit_id = fields.get("who", "").partition(":")
    plan: dict[str, Any] = {
        name: fields[name]
        for name in (
            "title", "purpose", "fund_source", "members_as_of", "procurement", "directed_reason", "terms", "deliver_to",
            "shared_by", "ship_on",
        )
        if fields.get(name)
    }  # fmt: skip
    plan |= {"union_id": union_id, "unit_id": unit_id, "packages": _packages(typed), "sites": _sites(typed)}
    if fields.get("purpose") == "festival" and fields.get("festival"):
        plan["festival"] = fields["festival"]
    for name, column in (("budget", "budget_fen"), ("reference_price", "reference_price_fen")):
        if said := fields.get(name, "").strip():
            plan[column] = as_fen(said)
    for name in ("spare_pieces", "fiscal_year"):
        if said := fields.get(name, "").strip():
            plan[name] = _whole(said)
    if said := fields.get("choose_until", ""):
        try:
            plan["choose_until"] = datetime.fromisoformat(said).replace(tzinfo=SHANGHAI)
        except ValueError:
            wrong["choose_until"] = "请填写选择截止的日期和时间"
    try:
        made = PlanIn.model_validate(plan)
    except ValidationError as invalid:
        for one in invalid.errors():
            column = str(one["loc"][0]) if one["loc"] else "title"
            name = {"budget_fen": "budget", "unit_id": "who", "union_id": "who"}.get(column, column)
            wrong.setdefault(name, _SAID.get(column, "请核对这一项"))
        return wrong
    return wrong or made


def _rows(fields: Mapping[str, str], names: tuple[str, ...]) -> list[dict[str, str]]:
    """Numbered fields (`sku_1`, `sku_2` …) as rows; a row with nothing typed is none."""
    numbers = sorted(
        {
            int(n)
            for name in fields
            for stem, _, n in (name.rpartition("_"),)
            if stem in names and n.isascii() and n.isdigit() and len(n) < 5
        }
    )
    rows = [{name: fields.get(f"{name}_{n}", "").strip() for name in names} for n in numbers]
    told = [name for name in names if name not in {"package", "site_unit"}]
    return [row for row in rows if any(row[name] for name in told)]


def _filled(rows: list[dict[str, str]], names: tuple[str, ...], empty: int) -> list[dict[str, str]]:
    return [*rows, *(dict.fromkeys(names, "") for _ in range(max(empty, ROWS - len(rows))))]


def _packages(typed: Typed) -> list[dict[str, Any]]:
    """Rows of one name are one package, in the order of their first row."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for row in typed.goods:
        if row["sku"] or row["pieces"]:
            pieces = row["pieces"] or "1"
            line = {"sku_id": row["sku"], "pieces": _whole(pieces)}
            packages.setdefault(row["package"] or "慰问套餐", []).append(line)
    return [{"name": name, "lines": lines} for name, lines in packages.items()]


def _sites(typed: Typed) -> list[dict[str, Any]]:
    return [
        {
            "unit_id": row["site_unit"],
            "name": row["site_name"],
            "region_code": row["site_region"],
            "street": row["site_street"],
            "contact_name": row["site_contact"] or None,
            "contact_phone": row["site_phone"] or None,
        }
        for row in typed.sites
        if row["site_name"] or row["site_street"] or row["site_region"]
    ]


def _whole(said: str) -> int | str:
    """A number as people type it; anything else as it is, for the schema to refuse."""
    try:
        return whole_of(said)
    except Unreadable:
        return said


def as_fen(said: str) -> int | str:
    """Yuan as people type them → fen; anything else as it is, for the schema to refuse."""
    found = _YUAN.fullmatch(said.replace(",", "").replace("，", ""))
    return int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0")) if found else said


def _as_yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"
