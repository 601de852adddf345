"""What a call of any route is sent: the ids and the body that make sense, as JSON, as a form, or as a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.routing import Mount

from shop.core import clock
from tests.make.evidence import PDF
from tests.make.intake import Line, ours
from tests.make.tables import UUID_TEXT
from tests.make.union_day import statement_file
from tests.make.whole_shop import API, PURCHASES, WholeShop

Json = dict[str, Any]
PAGES_OF_PURCHASES: Final = "/union/purchases"
ROSTER: Final = "工号,姓名,手机号,单位编号\nZ0001,新人（虚构）,,DEMO-1\n".encode()
PRODUCTS: Final = "商品编号,商品名称\nX,Y\n".encode()


class CannotAsk(Exception):
    """Nobody has said what this route is sent."""


@dataclass(frozen=True)
class Call:
    """label: `METHOD /path/{as_declared}`; kind: how the body goes. needed: parts of it that must be there."""

    method: str
    path: str
    kind: str | None
    parts: tuple[str, ...]
    needed: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_api(self) -> bool:
        return self.path.startswith(API)


def declared(app: FastAPI) -> Iterator[Call]:
    """Every route of the application as the framework knows it."""
    for context in iter_route_contexts(app.routes):
        route: Any = context.original_route
        if isinstance(route, Mount):
            continue
        dependant: Dependant | None = getattr(route, "dependant", None)
        for method in sorted(set(route.methods or ()) - {"HEAD"}):
            yield _call(method, context.path or "", dependant)


def _call(method: str, path: str, dependant: Dependant | None) -> Call:
    params = list(dependant.body_params) if dependant else []
    if not params:
        return Call(method, path, None, (), ())
    form = any(type(one.field_info).__name__ in {"Form", "File"} for one in params)
    parts: list[tuple[str, bool]] = []
    for one in params:
        shape = one.field_info.annotation
        if len(params) == 1 and isinstance(shape, type) and issubclass(shape, BaseModel):
            parts += [(field.alias or name, field.is_required()) for name, field in shape.model_fields.items()]
        elif len(params) == 1 and not form:
            parts += [("", False)]  # a body that may be left away
        else:
            parts.append((one.alias, one.field_info.is_required()))
    found = tuple(name for name, _ in parts if name)
    return Call(method, path, "form" if form else "json", found, tuple(name for name, must in parts if must and name))


def path_of(call: Call, ids: Mapping[str, str]) -> str:
    """With ids in their places. Raises CannotAsk."""
    path = call.path
    while "{" in path:
        name = path[path.index("{") + 1 : path.index("}")]
        known = [ids.get(f"{name} of {label}") for label in _labels(call)] + [ids.get(name)]
        value = next((one for one in known if one), None)
        if value is None:
            raise CannotAsk(f"{call.label}: {name}")
        path = path.replace("{" + name + "}", value)
    return path


def _labels(call: Call) -> list[str]:
    """A page of a purchase is about the purchase that the API's call of the same name is about."""
    same = call.path.replace(PAGES_OF_PURCHASES, PURCHASES)
    tail = same.rsplit("/", 1)[0]
    return [call.label, f"{call.method} {same}", f"{call.method} {tail}"]


def body_of(shop: WholeShop, call: Call) -> Json:
    """Arguments for the sender: json, or data and files. Raises CannotAsk for a part that must be there."""
    if call.label in shop.bodies:
        said = shop.bodies[call.label]
        return {"json": said} if call.is_api else {"data": said}
    words = _words(shop)
    if call.kind is None:
        return {} if call.is_api else {"data": _every_word(words)}
    missing = [name for name in call.needed if name not in words and name not in _FILES]
    if missing:
        raise CannotAsk(f"{call.label}: {missing}")
    if call.kind == "json":
        return {"json": {name: words[name] for name in call.needed}} if call.parts else {}
    files = {name: _file(call) for name in call.parts if name in _FILES}
    fields = {name: words[name] for name in call.parts if name in words and name not in _FILES}
    return {"data": fields if call.is_api else _every_word(words) | fields, "files": files}


_FILES: Final = frozenset({"file", "photo", "evidence"})


def _file(call: Call) -> tuple[str, bytes]:
    for part, data in (
        ("roster", ROSTER), ("recipients", b"a,b\n1,2\n"), ("bank/", statement_file([("Z1", 1, "甲", "")])),
        ("bank-statements", statement_file([("Z1", 1, "甲", "")])), ("intake/offline", PDF),
        ("intake", ours([Line(number="Z1")])), ("products", PRODUCTS),
    ):  # fmt: skip
        if part in call.path:
            return ("文件.csv" if data != PDF else "文件.pdf", data)
    return "文件.pdf", PDF


def _every_word(words: Mapping[str, Any]) -> Json:
    """For a page that reads its form by itself: whatever it looks for is there."""
    return {name: value for name, value in words.items() if isinstance(value, str)}


def _words(shop: WholeShop) -> Json:
    """By the name of the part, as any of the routes may ask for it."""
    ids, today = shop.ids, clock.today()
    tomorrow, year = str(today + timedelta(days=1)), today.year
    return {
        "reason": "原因（虚构）", "words": "说明（虚构）", "answer": "答复（虚构）", "reply": "答复（虚构）",
        "decision": "同意（虚构）", "finding": "相符（虚构）", "closing": "已改（虚构）", "note": "备注（虚构）",
        "aside_reason": "原因（虚构）", "back_reason": "原因（虚构）", "what": "补票（虚构）",
        "do": "confirm", "action": "return", "subject": f"payment:{ids['payment_id']}", "outcome": "cleared",
        "unit_id": ids["unit_id"], "unit": ids["unit_id"], "union_id": ids["union_id"], "sku_id": ids["sku_id"],
        "order_id": ids["order_id"], "order_line": ids["order_line"], "receipt_id": ids["transfer_id"],
        "plan_id": ids["plan_id"], "request_id": ids["invoice_request_id"],
        "who": f"{ids['union_id']}:{ids['unit_id']}",
        "line_id": ids["canteen_line_id"], "canteen_id": ids["canteen_id"], "owner_id": str(ids["user_id"]),
        "witness_id": str(shop.actors["canteen.receiver"].user_id), "owner_role": "staff",
        "document_sha256": ids["sha"], "evidence_sha256": ids["sha"], "kept_sha256": "", "digest": "0" * 64,
        "month": "2026-06", "as_of": str(today), "due_on": str(today),
        "from": f"{year}-01-01", "to": f"{year + 1}-01-01",
        "day": str(today), "accepted_on": str(today), "deliver_on": tomorrow, "valid_from": tomorrow, "quantity": "1",
        "pieces": "1", "case_pieces": "6", "yuan": "0.01", "bank_reference": "RX9001", "account": "1001",
        "serial_number": "S1", "shares": ids["share_code"], "returned": f"refund:{ids['refund_id']}",
        "kind": "conformity", "channel": "platform_832", "evidence_kind": "document", "name": "名称（虚构）",
        "staff_number": "A1", "package_id": ids["package_id"], "qr": ids["qr"], "email": "employee@demo.test",
        "role": "staff", "scope_kind": "unit", "scope_id": ids["unit_id"], "seed": "事先说好", "pseudonym": "0" * 16,
        "content_sha256": ids["content_sha256"], "acknowledged_columns": "备注", "method": "stripe",
        "facts.credit_kind": "assisted_sale", "title": "慰问（虚构）", "fiscal_year": str(year), "min_yuan": "",
        "current_password": "不是这个密码", "new_password": "长长的新密码-2031", "password": "不是这个密码",
        "phone": "13800138999", "proof": ids["unit_id"], "code": "110101", "successor_code": "110102",
        "source": "公告（虚构）",
        "max_yuan": "", "delegate_email": "staff@demo.test", "up_to": "1", "valid_to": tomorrow, "accept": True,
    }  # fmt: skip


def ids_in(text: str) -> set[str]:
    return set(UUID_TEXT.findall(text))
