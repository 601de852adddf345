"""The demo's shop as it runs, with one of everything that a path can name, made by whoever makes it, over HTTP."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import requests

from shop.access.permissions import Actor
from shop.access.session.tokens import Tokens
from shop.core import clock
from shop.core.ids import new_id
from tests.make.evidence import PDF
from tests.make.invoice import SELLER_TAX, xml
from tests.make.shop import ADDRESS
from tests.make.union_day import quote, statement_file

API = "/api/v1"
PATIENCE_SECONDS = 60
PURCHASES = f"{API}/bulk-purchases"
Json = dict[str, Any]


@dataclass
class WholeShop:
    """`ids`: by a path's parameter, or by `parameter of METHOD /path`; `bodies`: those that make sense, by call."""

    url: str
    http: requests.Session
    tokens: Tokens
    actors: Mapping[str, Actor]
    ids: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Json] = field(default_factory=dict)
    turns: Counter[str] = field(default_factory=Counter)

    def headers(self, caller: str) -> dict[str, str]:
        """A token of a session of its own: one of the calls ends the session."""
        if caller == "nobody":
            return {}
        actor = replace(self.actors[caller], session_id=new_id())
        return {"authorization": f"Bearer {self.tokens.issue(actor, now=clock.wall())}"}

    def ask(self, who: str, method: str, path: str, body: object | None = None, **more: Any) -> Any:
        headers = self.headers(who) | {"idempotency-key": uuid4().hex}
        answer = self.http.request(method, f"{self.url}{API}{path}", json=body, headers=headers, **more)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def bought(self, sku_id: str) -> Json:
        """A paid order of the employee's."""
        lines = [{"sku_id": sku_id, "quantity": 2}]
        order: Json = self.ask("employee", "POST", "/orders", {"lines": lines, "address": ADDRESS.model_dump()})
        page = self.ask("employee", "POST", f"/orders/{order['id']}/pay", {"method": "stripe"})
        assert self.http.post(f"{self.url}/sandbox/payments/{page['payment_id']}/succeed").status_code == 200
        return order


def furnish(shop: WholeShop) -> None:
    """Goods, orders, a union's purchases in each state, an allowance, a canteen, a statement, an invoice."""
    _goods(shop)
    _desk(shop)
    _months(shop)
    _purchases(shop)
    _kitchen(shop)
    _bank(shop)
    _invoice(shop)


def _goods(shop: WholeShop) -> None:
    product, spare = shop.ask("employee", "GET", "/products")["items"][:2]
    sku_id = product["skus"][0]["id"]
    shop.ids |= {
        "product_id": product["id"],
        f"product_id of POST {API}/products/{{product_id}}/list": spare["id"],
        f"product_id of POST {API}/products/{{product_id}}/withdraw": spare["id"],
        "producer_id": product["producer"]["id"],
        "code": product["county"]["code"],
        "sku_id": sku_id,
        "supplier_id": next(
            one["scope_id"] for one in shop.ask("supplier", "GET", "/me")["roles"] if one["scope_kind"] == "supplier"
        ),
        "order_id": shop.bought(sku_id)["id"],
        f"order_id of POST {API}/orders/{{order_id}}/cancel": shop.bought(sku_id)["id"],
        "month": "2026-01",
        "decision": "approve",
    }
    lines = [{"sku_id": sku_id, "quantity": 1}]
    shop.bodies |= {
        f"POST {API}/quotes": {"lines": lines, "address": {"region_code": ADDRESS.region_code}},
        f"POST {API}/orders": {"lines": lines, "address": ADDRESS.model_dump()},
        f"POST {API}/orders/{{order_id}}/refunds": {"amount_fen": 1, "reason": "到货有坏果"},
        f"POST {API}/orders/{{order_id}}/pay": {"method": "bank_transfer"},
        f"PUT {API}/suppliers/{{supplier_id}}/freight": {
            "valid_from": str(clock.today() + timedelta(days=1)),
            "rates": [{"region": "", "first_fen": 800}],
        },
    }


def _desk(shop: WholeShop) -> None:
    """A paper, this year's budget, a rule."""
    me = shop.ask("union.buyer", "GET", "/me")
    shop.ids |= {"union_id": me["unions"][0]["id"], "unit_id": me["roles"][0]["scope_id"], "branch": me["unit"]["id"]}
    kept = shop.ask(
        "union.approver", "POST", "/evidence", files={"file": ("决议.pdf", PDF)}, data={"unit_id": shop.ids["unit_id"]}
    )
    year = clock.today().year
    paper = {"reason": "职代会通过（虚构）", "document_sha256": kept["sha256"]}
    budget = {"union_id": shop.ids["union_id"], "fiscal_year": year, "amount_fen": 10**9, **paper}
    shop.ask("union.approver", "POST", "/budgets", budget)
    rules = shop.ask("admin", "GET", "/spending-rules")["items"]
    shop.ids |= {"sha256": kept["sha256"], "fiscal_year": str(year), "rule_id": rules[0]["id"]}
    tomorrow = str(clock.today() + timedelta(days=1))
    facts = {name: value for name, value in rules[0].items() if name not in _NOT_SENT and value is not None}
    shop.bodies |= {
        f"POST {API}/budgets": budget | {"fiscal_year": year + 1},
        f"POST {API}/budgets/{{union_id}}/{{fiscal_year}}/adjustments": {"change_fen": 1, **paper},
        f"POST {API}/budgets/{{union_id}}/{{fiscal_year}}/carry-over": paper,
        f"POST {API}/spending-rules": facts | {"code": "FUZZ-1", "valid_from": tomorrow},
        f"POST {API}/spending-rules/{{rule_id}}/end": {"valid_to": tomorrow, "reason": "新办法（虚构）"},
        f"POST {API}/bulk-delegations": {
            "union_id": shop.ids["union_id"], "delegate_email": "staff@demo.test", "up_to_fen": 1,
            "valid_from": str(clock.today()), "valid_to": tomorrow,
        },
    }  # fmt: skip


def _months(shop: WholeShop) -> None:
    """Closed ones of the company, for two of which a colleague has asked that they be opened again."""
    reopen = f"{API}/periods/{{month}}/reopen"
    for month in ("2026-02", "2026-03", "2026-04"):
        shop.ask("staff", "POST", f"/periods/{month}/close")
    for month, what in (("2026-02", "approve"), ("2026-03", "refuse")):
        asked = shop.ask("staff.second", "POST", f"/periods/{month}/reopen", {"reason": "补记（虚构）"})
        label = f"POST {reopen}/{{reopening_id}}/{what}"
        shop.ids |= {f"reopening_id of {label}": asked["id"], f"month of {label}": month}
    shop.ids[f"month of POST {reopen}"] = "2026-04"
    shop.bodies |= {
        f"POST {reopen}": {"reason": "补记（虚构）"},
        f"POST {reopen}/{{reopening_id}}/refuse": {"decision": "不必（虚构）"},
    }


_NOT_SENT = {"id", "union_name", "says", "concerns", "source", "recorded_at", "valid_to"}


def _plan(shop: WholeShop, **changes: object) -> Json:
    units = (shop.ids["unit_id"], shop.ids["branch"])
    return {
        "title": "慰问（虚构）", "union_id": shop.ids["union_id"], "unit_id": shop.ids["unit_id"],
        "purpose": "festival", "festival": "mid_autumn", "budget_fen": 100_000, "fiscal_year": clock.today().year,
        "ship_on": str(clock.today() + timedelta(days=20)), "spare_pieces": 2,
        "packages": [{"name": "一种", "lines": [{"sku_id": shop.ids["sku_id"], "pieces": 1}]}],
        "sites": [
            {"unit_id": unit, "name": f"收货点{n}", "region_code": "310101", "street": "示例路"}
            for n, unit in enumerate(units)
        ],
    } | changes  # fmt: skip


def _purchases(shop: WholeShop) -> None:
    draft = shop.ask("union.buyer", "POST", "/bulk-purchases", _plan(shop))
    submitted, approved, ordered, grant = _submitted(shop), _approved(shop), _approved(shop), _allowance(shop)
    one = f"{PURCHASES}/{{purchase_id}}"
    quoted = shop.ask("union.buyer", "POST", f"/bulk-purchases/{draft['id']}/quotes", quote(1, 100_000))
    shop.ask("union.buyer", "POST", f"/bulk-purchases/{ordered['id']}/place")
    share = shop.ask("union.buyer", "GET", f"/bulk-purchases/{ordered['id']}/shares")["items"][0]
    other = shop.ask("union.buyer", "GET", f"/bulk-purchases/{ordered['id']}/shares")["items"][-1]
    line = share["lines"][0]["line_id"]
    change = {
        "kind": "spare_moved", "line_id": line, "from_share_id": other["id"], "to_share_id": share["id"], "pieces": 1,
        "reason": "新人（虚构）",
    }  # fmt: skip
    asked = shop.ask("union.buyer", "POST", f"/bulk-purchases/{ordered['id']}/changes", change)
    noticed = _approved(shop)
    shop.ask("union.buyer", "POST", f"/bulk-purchases/{noticed['id']}/notice", {})
    objection = shop.ask("union.buyer", "POST", f"/bulk-purchases/{noticed['id']}/objections", {"words": "贵了"})
    sha = {"content_sha256": submitted["content_sha256"]}
    delivery = share["deliveries"][0]["id"]
    by_state = {
        draft["id"]: [
            f"PATCH {one}", f"POST {one}/quotes", f"POST {one}/quotes/{{quote_id}}/choose", f"POST {one}/choices",
            f"GET {one}/choices", f"PUT {one}/recipients", f"PUT {one}/cases", f"POST {one}/choice-links",
        ],
        submitted["id"]: [f"POST {one}/approve", f"POST {one}/reject"],
        approved["id"]: [f"POST {one}/notice", f"POST {one}/place"],
        noticed["id"]: [f"POST {one}/objections", f"POST {one}/objections/{{objection_id}}/answer"],
        _submitted(shop)["id"]: [f"POST {one}/cancel"],
        shop.ask("union.buyer", "POST", "/bulk-purchases", _plan(shop))["id"]: [f"POST {one}/submit"],
    }  # fmt: skip
    shop.ids |= {
        "purchase_id": ordered["id"], "quote_id": quoted["quotes"][0]["id"], "change_id": asked["id"],
        "objection_id": objection["id"], "grant_id": grant, "payer_share_id": share["id"],
        "decision_id": draft["rule"]["decision_id"],
        **{f"purchase_id of {label}": found for found, labels in by_state.items() for label in labels},
    }  # fmt: skip
    receiver = shop.actors["canteen.receiver"]
    signature = {"outcome": "self", "page": 1, "line": 1}
    shop.bodies |= {
        f"POST {PURCHASES}": _plan(shop),
        f"PATCH {one}": {"budget_fen": 100_001, "packages": _plan(shop)["packages"], "sites": _plan(shop)["sites"]},
        f"POST {one}/quotes": quote(2, 100_000),
        f"POST {one}/approve": sha,
        f"POST {one}/reject": sha | {"reason": "再议"},
        f"POST {one}/objections": {"words": "贵了"},
        f"POST {one}/objections/{{objection_id}}/answer": {"answer": "不贵"},
        f"POST {one}/changes": change,
        f"POST {one}/changes/{{change_id}}/{{decision}}": sha,
        f"POST {one}/copy": {"fiscal_year": clock.today().year},
        f"POST {one}/choices": {"choices": [{"staff_number": "A1", "package_id": draft["packages"][0]["id"]}]},
        f"PUT {one}/cases": {"cases": [{"sku_id": shop.ids["sku_id"], "case_pieces": 6}]},
        f"POST {one}/ship": {"truck": {"driver": "司机", "plate": "沪A00001"}},
        f"POST {one}/acceptances": {"delivery": {"delivery_id": delivery}, "witness_id": str(receiver.user_id)},
        f"POST {one}/roll/signatures": {"signatures": [signature]},
        f"POST {one}/roll/leftovers": {
            "sku_id": shop.ids["sku_id"], "pieces": 1, "decision": "慰问", "minutes_sha256": shop.ids["sha256"],
        },
        f"POST {one}/cancel": {"reason": "不办了"},
    }  # fmt: skip


def _submitted(shop: WholeShop, **changes: object) -> Json:
    made = shop.ask("union.buyer", "POST", "/bulk-purchases", _plan(shop, **changes))
    done: Json = shop.ask("union.buyer", "POST", f"/bulk-purchases/{made['id']}/submit")
    return done


def _approved(shop: WholeShop, **changes: object) -> Json:
    """Small enough that one approver does, without quotes or notice."""
    made = _submitted(shop, **changes)
    sha = {"content_sha256": made["content_sha256"]}
    done: Json = shop.ask("union.approver", "POST", f"/bulk-purchases/{made['id']}/approve", sha)
    return done


def _allowance(shop: WholeShop) -> str:
    plan = _approved(shop, purpose="allowance", festival=None, spare_pieces=0)
    body = {
        "batch_number": "1", "plan_id": plan["id"], "amount_fen": 100,
        "expires_on": str(clock.today() + timedelta(days=30)),
    }  # fmt: skip
    shop.bodies |= {
        f"POST {API}/allowances/grants": body | {"batch_number": "2"},
        f"POST {API}/allowances/grants/{{grant_id}}/withdraw": {"reason": "发错了"},
    }
    return str(shop.ask("union.buyer", "POST", "/allowances/grants", body)["id"])


def _kitchen(shop: WholeShop) -> None:
    (canteen,) = shop.ask("canteen", "GET", "/canteens")["items"]
    lines = [{"sku_id": shop.ids["sku_id"], "quantity": 1}]
    order = {"canteen_id": canteen["id"], "deliver_on": str(clock.today() + timedelta(days=1)), "lines": lines}
    kept = {"canteen_id": canteen["id"], "name": "周一", "lines": lines}
    orders = f"{API}/canteen-orders/{{order_id}}"
    placed, gone = [shop.ask("canteen", "POST", "/canteen-orders", order) for _ in range(2)]
    lists = f"{API}/canteen-lists"
    witness = str(shop.actors["union.receiver"].user_id)
    counted = [{"line_id": placed["lines"][0]["id"], "accepted": 1}]
    shop.ids |= {
        "list_id": shop.ask("canteen", "POST", "/canteen-lists", kept)["id"],
        f"list_id of DELETE {lists}/{{list_id}}": shop.ask(
            "canteen", "POST", "/canteen-lists", kept | {"name": "周二"}
        )["id"],
        f"order_id of GET {orders}": placed["order"]["id"],
        f"order_id of POST {orders}/cancel": gone["order"]["id"],
        **{
            f"order_id of POST {orders}/{what}": placed["order"]["id"]
            for what in ("acceptances", "papers", "extension", "witness")
        },
    }
    shop.bodies |= {
        f"POST {API}/canteen-orders": order,
        f"POST {lists}": kept | {"name": "周三"},
        f"PUT {lists}/{{list_id}}": {"version": 1, "name": "周四", "lines": lines},
        f"POST {orders}/acceptances": {"witness_id": witness, "lines": counted},
        f"POST {orders}/papers": {
            "line_id": placed["lines"][0]["id"], "kind": "conformity", "evidence_sha256": shop.ids["sha256"],
        },
        f"POST {orders}/extension": {"reason": "月底结账"},
        f"POST {API}/canteen-contracts": {
            "canteen_id": canteen["id"], "payer_kind": "contractor", "payer_name": "承包商（虚构）",
            "invoice_title": "承包商（虚构）", "credit_days": 7, "contact_name": "仓管", "contact_phone": "13800138014",
            "region_code": "310101", "street": "示例路", "valid_from": str(clock.today() + timedelta(days=400)),
            "source": "合同（虚构）",
        },
    }  # fmt: skip


def _bank(shop: WholeShop) -> None:
    """Two transfers of payers that nobody knows; for one of them a colleague has proposed something."""
    rows = [("S1", 100, "甲公司（虚构）", ""), ("S2", 200, "乙公司（虚构）", "")]
    made = shop.ask(
        "staff", "POST", "/bank-statements", files={"file": ("流水.csv", statement_file(rows))},
        data={"unit_id": shop.ids["unit_id"]},
    )  # fmt: skip
    shop.ask("staff.second", "POST", f"/bank-statements/{made['statement_id']}/confirm")
    one = f"{API}/bank-statements/{{statement_id}}"
    first, second = shop.ask("staff", "GET", f"/bank-statements/{made['statement_id']}")["transfers"]
    requested = {"shares": [{"payer_share_id": shop.ids["payer_share_id"]}], "reason": "代付"}
    proposed = shop.ask(
        "staff.second",
        "POST",
        f"/bank-statements/{made['statement_id']}/match",
        {"transfer_id": first["id"], **requested},
    )
    back = {"bank_reference": "R0001", "returned_on": str(clock.today())}
    shop.ids |= {"statement_id": made["statement_id"], "proposal_id": proposed["proposal_id"]}
    shop.bodies |= {
        f"POST {one}/match": {"transfer_id": second["id"], **requested},
        f"POST {one}/match/{{proposal_id}}/reject": {"reason": "不是"},
        f"POST {API}/payer-shares/{{payer_share_id}}/pay-back": {"amount_fen": 1, "reason": "多付", **back},
        f"POST {API}/bank-refunds/{{refund_id}}/returned": back,
    }


def _invoice(shop: WholeShop) -> None:
    order = shop.ids["order_id"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while shop.ask("employee", "GET", f"/orders/{order}")["payment_state"] != "paid":
        assert time.monotonic() < deadline, "the worker has not settled the payment"
        time.sleep(0.1)
    (asked,) = shop.ask("employee", "POST", f"/orders/{order}/invoice", {})["items"]
    paper = xml(
        "26312000000000090001", f"{asked['due_fen'] / 100:.2f}", seller=asked["supplier_name"], seller_tax=SELLER_TAX,
        buyer=asked["title"], buyer_tax=None, day=clock.today().isoformat(),
    )  # fmt: skip
    files, form = {"file": ("发票.xml", paper)}, {"request_id": asked["id"]}
    shop.ids["invoice_id"] = shop.ask("staff", "POST", "/invoices", files=files, data=form)["id"]
