"""What waits on a company's desks: money that turns back, outside sales, findings, requests, and signatures."""

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from orders.intake.channels import NEEDED
from orders.roll.paper import page_digest, qr_text
from shop.core import clock
from shop.core.ids import new_id
from tests.make.evidence import PDF
from tests.make.intake import Line, ours
from tests.make.shop import ADDRESS
from tests.make.tables import Tables
from tests.make.union_day import statement_file
from tests.make.whole_shop import API, PATIENCE_SECONDS, PURCHASES, Json, WholeShop

HEAD, BRANCH = "示例银行（虚构）", "示例银行第一分行（虚构）"
WHY = {"reason": "原因（虚构）"}


async def furnish_desks(shop: WholeShop, tables: Tables) -> None:
    """After `furnish`: one of everything that a second person decides, all of the first company's."""
    shop.ids["sha"] = _kept(shop, "staff")
    await _turned_back(shop, tables)
    await _bank(shop, tables)
    _outside(shop)
    await _ledger(shop, tables)
    await _findings(shop, tables)
    await _requests(shop, tables)
    await _received(shop, tables)
    _pages(shop)


def _kept(shop: WholeShop, who: str, data: bytes = PDF, **form: str) -> str:
    answer = shop.ask(who, "POST", "/evidence", files={"file": ("材料.pdf", data + who.encode())}, data=form)
    return str(answer["sha256"])


def _ordered(shop: WholeShop) -> Json:
    lines = [{"sku_id": shop.ids["sku_id"], "quantity": 3}]
    order: Json = shop.ask("employee", "POST", "/orders", {"lines": lines, "address": ADDRESS.model_dump()})
    return order


def _card(shop: WholeShop, **paid: object) -> tuple[Json, str]:
    """An order with its payment. paid: otherwise than asked."""
    order = _ordered(shop)
    page = shop.ask("employee", "POST", f"/orders/{order['id']}/pay", {"method": "stripe"})
    _sandbox(shop, f"payments/{page['payment_id']}/succeed", paid)
    return order, str(page["payment_id"])


def _sandbox(shop: WholeShop, path: str, body: object = None) -> Any:
    answer = shop.http.post(f"{shop.url}/sandbox/{path}", json=body)
    assert answer.ok, answer.text
    return answer.json()


async def _until(tables: Tables, sql: str, *values: object) -> str:
    """The worker does it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := await tables.ask(sql, *values)):
        assert time.monotonic() < deadline, sql
        await asyncio.sleep(0.2)
    return str(found[0][0])


async def _turned_back(shop: WholeShop, tables: Tables) -> None:
    _, held = _card(shop, amount_fen=7)
    _, disputed = _card(shop)
    _, foreign = _card(shop)
    order, back = _card(shop)
    paid = "SELECT id FROM payment WHERE id = $1 AND state = 'succeeded'"
    for payment in (disputed, foreign, back):
        await _until(tables, paid, UUID(payment))
    _sandbox(shop, f"payments/{disputed}/dispute")
    _sandbox(shop, f"payments/{foreign}/refund", {"amount_fen": 100})
    asked = shop.ask("staff", "POST", f"/orders/{order['id']}/refunds", {"amount_fen": 100, **WHY})
    sent = "SELECT provider_refund_id FROM refund WHERE id = $1 AND state = 'succeeded'"
    _sandbox(shop, f"refunds/{await _until(tables, sent, UUID(asked['id']))}/fail")
    await _until(tables, "SELECT id FROM refund WHERE id = $1 AND state = 'failed'", UUID(asked["id"]))
    shop.ids |= {
        "payment_id": held,
        "refund_id": asked["id"],
        "dispute_id": await _until(tables, "SELECT id FROM dispute"),
        "provider_refund_id": await _until(tables, "SELECT provider_refund_id FROM provider_refund"),
    }
    assert await tables.ask("SELECT FROM payment WHERE id = $1 AND state = 'held'", UUID(held))


async def _bank(shop: WholeShop, tables: Tables) -> None:
    """Two orders paid by transfer: of one the match is to be undone, of the other a refund came back."""
    codes, orders = [], []
    for _ in range(3):
        orders.append(_ordered(shop))
        paid = shop.ask("employee", "POST", f"/orders/{orders[-1]['id']}/pay", {"method": "bank_transfer"})
        codes.append(paid["transfer_code"])
    payer = "付款人（虚构）"
    rows = [(f"D{n}", one["total_fen"], payer, code) for n, (one, code) in enumerate(zip(orders, codes, strict=True))]
    statement = _statement(shop, [*rows, ("D8", 100, payer, "退回"), ("D9", 55, payer, "不知道")])
    transfers = {one["serial_number"]: one["id"] for one in shop.ask("staff", "GET", statement)["transfers"]}
    undoing = shop.ask("staff", "POST", f"/bank-transfers/{transfers['D0']}/unmatch", WHY)
    to_send, sent = [
        shop.ask("staff", "POST", f"/orders/{order['id']}/refunds", {"amount_fen": 100, **WHY})["id"]
        for order in orders[1:]
    ]
    back = {"bank_reference": "RB7001", "returned_on": str(clock.today())}
    shop.ask("staff.second", "POST", f"/bank-refunds/{sent}/returned", back)
    told = {"kind": "refund", "returned_id": sent, **WHY}
    came = shop.ask("staff", "POST", f"/bank-transfers/{transfers['D8']}/came-back", told)
    sample = _kept(shop, "staff", statement_file([("E1", 1, payer, "")]))
    layout = {
        "name": "农信（虚构）", "unit_id": shop.ids["unit_id"], "sample_sha256": sample,
        "columns": {"serial_number": ["号"], "day": ["日"], "payer_name": ["户名"], "income": ["收"]},
    }  # fmt: skip
    one = f"{API}/bank-transfers/{{transfer_id}}"
    pending = _statement(shop, [("P1", 5, payer, "")], confirm=False).rsplit("/", 1)[-1]
    at = f"{API}/bank-statements/{{statement_id}}"
    shop.ids |= {
        "undoing_id": undoing["undoing_id"], "came_back_id": came["came_back_id"], "transfer_id": transfers["D9"],
        f"transfer_id of POST {one}/unmatch": transfers["D1"],
        "layout_id": shop.ask("staff", "POST", "/bank-layouts", layout)["id"],
        **{f"refund_id of POST {path}": to_send for path in (
            f"{API}/bank-refunds/{{refund_id}}/returned", "/staff/bank/refunds/{refund_id}"
        )},
        **{f"transfer_id of POST {path}": transfers["D8"] for base in (one, "/staff/bank/transfers/{transfer_id}")
           for path in (f"{base}/came-back/{{came_back_id}}", f"{base}/came-back/{{came_back_id}}/confirm",
                        f"{base}/came-back/{{came_back_id}}/reject")},
        **{f"statement_id of POST {path}": pending for path in (
            f"{at}/confirm", f"{at}/refuse", "/staff/bank/statements/{statement_id}"
        )},
    }  # fmt: skip
    receipt = {"account": "1001", "day": str(clock.today()), "serial_number": "S1"}
    first = f"statement_id of POST {at}/receipts"
    shop.ids[first] = shop.ids["statement_id"]
    shop.bodies |= {
        f"POST {API}/bank-layouts": layout | {"name": "别的（虚构）"},
        f"POST {at}/receipts": receipt
        | {"amount_fen": 100, "sha256": sample, "transfer_id": shop.bodies[f"POST {at}/match"]["transfer_id"]},
        f"POST {one}/takes-back": {"receipt_id": transfers["D1"], **WHY},
        f"POST {one}/came-back": told,
        "POST /staff/bank/layouts": {"name": "再一个", "kept_sha256": sample, "titles": "号", "meant": "serial_number"},
    }


def _statement(shop: WholeShop, rows: list[tuple[str, int, str, str]], *, confirm: bool = True) -> str:
    files, form = {"file": ("流水.csv", statement_file(rows))}, {"unit_id": shop.ids["unit_id"]}
    path = f"/bank-statements/{shop.ask('staff', 'POST', '/bank-statements', files=files, data=form)['statement_id']}"
    if confirm:
        shop.ask("staff.second", "POST", f"{path}/confirm")
    return path


def _outside(shop: WholeShop) -> None:
    """A batch that waits, and a sale that two units say is theirs."""
    product = shop.ask("employee", "GET", f"/products/{shop.ids['product_id']}")
    facts = {
        "province": "", "county": product["county"]["code"], "producer": product["producer"]["name"],
        "product": product["title"], "supplier": "",
    }  # fmt: skip
    batches = [
        _batch(shop, Line(number="W1", unit=BRANCH, **facts)),
        _batch(shop, Line(number="W1", unit=HEAD, fund_source="行政", **facts), Line(number="W2", unit=HEAD, **facts)),
    ]
    for batch in batches:
        shop.ask("staff.second", "POST", f"/intake/batches/{batch}/confirm")
    claims = shop.ask("staff", "GET", "/intake/claims")["items"]
    shop.ids |= {
        "claim_id": claims[0]["id"],
        "batch_id": _batch(shop, Line(number="W3", unit=BRANCH, **facts)),
    }
    one = Line(number="W4", unit=BRANCH, **facts)
    names = ("number", "line", "credit_kind", "unit", "fund_source", "county", "producer", "product", "quantity",
             "amount", "day")  # fmt: skip
    shop.bodies |= {
        f"POST {API}/intake/offline-sales": {"channel": "platform_832", "evidence_sha256": shop.ids["sha"]}
        | {name: one.cell(name) for name in names},
        f"POST {API}/intake/claims/{{claim_id}}/decide": {"for": "first", **WHY},
    }


def _batch(shop: WholeShop, *lines: Line) -> str:
    files, form = {"file": ("对账单.csv", ours(lines))}, {"channel": "platform_832"}
    return str(shop.ask("staff", "POST", "/intake/batches", files=files, data=form)["id"])


async def _ledger(shop: WholeShop, tables: Tables) -> None:
    """A document beside a line, a correction asked for, a round of filing, a question of the auditor's."""
    paid = """SELECT l.id AS line, c.id AS component FROM order_line l JOIN share_component c USING (order_id)
        WHERE l.order_id = $1 AND EXISTS (SELECT FROM credit_entry e WHERE e.component_id = c.id)"""
    (found, *_) = await tables.ask(paid, UUID(shop.ids["order_id"]))
    link = {"component_ids": [str(found["component"])], "sha256": shop.ids["sha"], "grade": "B", "note": "发票（虚构）"}
    linked = shop.ask("staff", "POST", "/credit/evidence-links", link)
    requested = {
        "order_line": str(found["line"]), "facts": {"credit_kind": "assisted_sale"},
        "document_sha256": shop.ids["sha"], **WHY,
    }  # fmt: skip
    asked = shop.ask("staff", "POST", "/credit/corrections", requested)
    month = clock.month_of(clock.today())
    before = clock.add_months(month, -1)
    round_ = {"month": f"{before // 100}-{before % 100:02}", "unit": shop.ids["unit_id"]}
    opened = shop.ask("staff", "POST", "/filings", round_)
    question = {
        "unit_id": shop.ids["unit_id"], "subject": "发票（虚构）", "words": "缺一张（虚构）", "owner_role": "staff",
        "due_on": str(clock.today() + timedelta(days=9)),
    }  # fmt: skip
    lines = shop.ask("auditor", "GET", "/audit/lines")["items"]
    somebody = next(one["pseudonym"] for one in lines if one["pseudonym"])
    branch = f"{API}/filings/{{round_id}}/branches/{{unit_id}}"
    seen = shop.ask("staff", "GET", f"/filings/{opened['id']}")["branches"][0]["unit"]["id"]
    pages = "/staff/filings/{round_id}/{unit_id}"
    for base in (branch, pages):
        for step in ("confirm", "sign", "chase", "send-back"):
            shop.ids[f"unit_id of POST {base}/{step}"] = seen
        shop.ids[f"unit_id of GET {base}"] = seen
    shop.ids |= {
        "reopening_id": shop.ids[f"reopening_id of POST {API}/periods/{{month}}/reopen/{{reopening_id}}/approve"],
        "month of POST /staff/periods/{month}/reopen/{reopening_id}/{verdict}": "2026-02",
        "run_id": await _until(tables, "SELECT id FROM balance_run"),
        "round_id": opened["id"],
        "correction_id": asked["id"],
        "link_id": str((await tables.ask("SELECT id FROM evidence_link"))[0][0]) if linked else "",
        "order_line": str(found["line"]),
        "question_id": shop.ask("auditor", "POST", "/audit/questions", question)["id"],
        "sample_id": shop.ask("auditor", "POST", "/audit/samples", _sample())["id"],
    }
    shop.bodies |= {
        f"POST {API}/credit/evidence-links": link,
        f"POST {API}/credit/evidence-links/{{link_id}}/check": {"accept": True, "finding": "相符（虚构）"},
        f"POST {API}/credit/corrections": requested,
        f"POST {API}/filings": round_,
        f"POST {branch}/sign": {"digest": "0" * 64},
        f"POST {API}/audit/questions": question,
        f"POST {API}/audit/samples": _sample(),
        f"POST {API}/audit/baskets": {"pseudonym": somebody, "reason": "核对一人全部订单（虚构）"},
    }


def _sample() -> Json:
    year = clock.today().year
    return {"from": f"{year}-01-01", "to": f"{year + 1}-01-01", "seed": "事先说好（虚构）", "size": 5}


async def _findings(shop: WholeShop, tables: Tables) -> None:
    raise_ = """INSERT INTO flag (id, kind, subject, unit_id, facts, raised_at)
        VALUES (CAST($1 AS uuid), 'round_numbers', 'import:' || CAST($1 AS uuid), $2, '{}', now())"""
    flags = [new_id(), new_id()]
    for flag in flags:
        await tables.ask(raise_, flag, UUID(shop.ids["unit_id"]))
    duty = {"owner_id": str(shop.actors["staff"].user_id), "due_on": str(clock.today()), "what": "补票（虚构）"}
    decision = {"outcome": "finding", "duty": duty, **WHY}
    shop.ask("staff", "POST", f"/flags/{flags[1]}/review", {"outcome": "finding", **WHY})
    shop.ask("staff.second", "POST", f"/flags/{flags[1]}/clear", decision)
    shop.ids |= {"flag_id": str(flags[0]), "item_id": await _until(tables, "SELECT id FROM rectification")}
    shop.bodies |= {
        f"POST {API}/flags/{{flag_id}}/review": {"outcome": "cleared", **WHY},
        f"POST {API}/flags/{{flag_id}}/clear": decision,
        f"POST {API}/rectifications/{{item_id}}/close": {"closing": "已补", "evidence_sha256": shop.ids["sha"]},
    }


async def _requests(shop: WholeShop, tables: Tables) -> None:
    """Of everybody's rules, of a mandate over the first company, and of a role in it."""
    tomorrow, later = str(clock.today() + timedelta(days=1)), str(clock.today() + timedelta(days=300))
    counting = {"version": "FUZZ-2", "valid_from": tomorrow, "source": "办法（虚构）"}
    grant = {
        "email": "employee@demo.test", "role": "staff", "scope_kind": "unit", "scope_id": shop.ids["unit_id"],
        "valid_from": tomorrow, **WHY,
    }  # fmt: skip
    letter = _kept(shop, "admin")
    mandate = {
        "auditor": "auditor@demo.test", "unit_ids": [shop.ids["unit_id"]], "covers_from": "2026-01-01",
        "covers_to": later, "valid_from": tomorrow, "valid_to": later, "document_sha256": letter,
    }  # fmt: skip
    asked = {
        "rules": shop.ask("admin", "POST", "/counting-rules", counting)["id"],
        "role-grants": shop.ask("admin", "POST", "/role-grants", grant)["id"],
        "mandates": shop.ask("admin", "POST", "/audit/mandates", mandate)["id"],
    }
    rule = await tables.ask("SELECT id FROM counting_rule ORDER BY valid_from LIMIT 1")
    granted = "SELECT g.id FROM role_grant g JOIN user_account u ON u.id = g.user_id WHERE u.email = $1"
    shop.ids |= {
        f"request_id of GET {API}/mandates/{{request_id}}/letter": asked["mandates"],
        "request_id": asked["role-grants"], "user_id": str(shop.actors["employee"].user_id), "rule": str(rule[0][0]),
        "verdict": "approve", "to": "first", "page": "1", "output": "roll.csv",
        **{f"request_id of POST {API}/{kind}/{{request_id}}/{step}": found
           for kind, found in asked.items() for step in ("approve", "refuse")},
        **{f"grant_id of POST {base}/role-grants/{{grant_id}}/end":
           str((await tables.ask(granted, "staff@demo.test"))[0][0]) for base in (API, "/admin")},
        "verdict of POST /admin/users/{user_id}/{verdict}": "suspend",
    }  # fmt: skip
    shop.bodies |= {
        f"POST {API}/counting-rules": counting | {"version": "FUZZ-3"},
        f"POST {API}/counting-rules/{{rule}}/end": {"valid_to": later, **WHY},
        f"POST {API}/role-grants": grant | {"role": "auditor"},
        f"POST {API}/audit/mandates": mandate | {"valid_to": str(clock.today() + timedelta(days=299))},
        f"POST {API}/intake/channels": {
            "code": "elsewhere",
            "name": "别处（虚构）",
            "kind": "fair",
            "valid_from": tomorrow,
            "source": "（虚构）",
            "columns": {name: [name] for name in NEEDED},
        },
        f"POST {API}/flag-thresholds": {
            "kind": "round_numbers",
            "name": "share_bp",
            "value": 9_000,
            "valid_from": tomorrow,
            "source": "（虚构）",
        },
        f"POST {API}/audit/retention-rules": {
            "kind": "delivery",
            "years": 9,
            "source": "（虚构）",
            "valid_from": tomorrow,
        },
    }


async def _received(shop: WholeShop, tables: Tables) -> None:
    """A purchase that has come: one site counted and to be witnessed, the others to be counted; a link to choose by."""
    one = f"/bulk-purchases/{shop.ids['purchase_id']}"
    shop.ask("staff", "POST", f"{one}/ship", {"truck": {"driver": "司机（虚构）", "plate": "沪A00001"}})
    shares = shop.ask("union.receiver", "GET", f"{one}/shares")["items"]
    mine = [share for share in shares if share["unit_id"] == shop.ids["branch"]]
    other = [share for share in shares if share["unit_id"] != shop.ids["branch"]]
    first, last = mine[0]["deliveries"][0]["id"], other[0]["deliveries"][0]["id"]
    witness = str(shop.actors["canteen.receiver"].user_id)
    counted = {"delivery": {"delivery_id": first}, "witness_id": witness}
    shop.ask("union.receiver", "POST", f"{one}/acceptances", counted)
    draft = shop.ids[f"purchase_id of POST {PURCHASES}/{{purchase_id}}/choice-links"]
    chosen = shop.ask("union.buyer", "GET", f"/bulk-purchases/{draft}")
    uid = UUID(shop.ids["purchase_id"])
    roll = shop.ask("union.receiver", "GET", f"{one}/roll?limit=100")["items"]
    people = [UUID(row["person_id"]) for row in roll if row["page"] == 1]
    shop.ids |= {
        "acceptance_id": await _until(tables, "SELECT id FROM acceptance"),
        "delivery_id": last, "share_id": other[0]["id"],
        "plan_id": draft, "package_id": chosen["packages"][0]["id"], "content_sha256": "0" * 64,
        "share_code": shares[0]["transfer_code"], "qr": qr_text(shop.url, uid, 1, page_digest(uid, 1, people)),
        "canteen_id": shop.ask("canteen", "GET", "/canteens")["items"][0]["id"],
        "canteen_line_id": shop.bodies[f"POST {API}/canteen-orders/{{order_id}}/papers"]["line_id"],
        "invoice_request_id": str((await tables.ask("SELECT id FROM invoice_request"))[0][0]),
    }  # fmt: skip
    shop.bodies |= {
        f"POST {PURCHASES}/{{purchase_id}}/acceptances": {"delivery": {"delivery_id": last}, "witness_id": witness},
        f"POST {PURCHASES}/{{purchase_id}}/roll/scans": {
            "qr": shop.ids["qr"],
            "evidence_sha256": shop.ids["sha"],
        },
    }


def _pages(shop: WholeShop) -> None:
    """What pages and questions name otherwise than calls of the same name."""
    kitchen = f"order_id of POST {API}/canteen-orders/{{order_id}}"
    of_bank = shop.bodies[f"POST {API}/bank-statements/{{statement_id}}/match"]["transfer_id"]
    bank = "/staff/bank"
    receipts = f"{bank}/statements/{{statement_id}}/receipts/{{transfer_id}}"
    noticed = shop.ids[f"purchase_id of POST {PURCHASES}/{{purchase_id}}/objections"]
    deliveries = "/canteen/deliveries/{order_id}"
    shop.ids |= {
        "order_id of GET /canteen/orders/{order_id}": shop.ids[f"{kitchen}/papers"],
        "order_id of POST /canteen/orders/{order_id}/extension": shop.ids[f"{kitchen}/extension"],
        "order_id of POST /canteen/orders/{order_id}/cancel": shop.ids[f"{kitchen}/cancel"],
        **{f"order_id of {label}": shop.ids[f"{kitchen}/papers"]
           for label in (f"GET {deliveries}", f"POST {deliveries}", f"POST {deliveries}/papers")},
        f"transfer_id of POST {receipts}": of_bank,
        f"transfer_id of POST {bank}/{{statement_id}}/transfers/{{transfer_id}}/match": of_bank,
        "purchase_id of GET /union/purchases/{purchase_id}/notice": noticed,
    }  # fmt: skip
    year = {"from": f"{clock.today().year}-01-01", "to": f"{clock.today().year + 1}-01-01"}
    now, tomorrow = clock.now().isoformat(), str(clock.today() + timedelta(days=1))
    sender = {"supplier": shop.ids["supplier_id"]}
    shop.bodies |= {
        f"PUT {API}/cart/lines/{{sku_id}}": {"quantity": 1},
        "GET /supplier/freight": sender,
        "POST /supplier/freight": sender | {"valid_from": tomorrow, "region-0": "else", "served-0": "no"},
        f"GET {API}/rosters": {"union_id": shop.ids["union_id"]},
        f"GET {API}/credit/explain": {"order_line": shop.ids["order_line"]},
        f"GET {API}/reports/sales": year | {"unit": shop.ids["unit_id"]},
        f"GET {API}/reports/bridge": year | {"known_at": now, "known_at_2": now, "unit": shop.ids["unit_id"]},
        "GET /staff/reports": year | {"unit": shop.ids["unit_id"]},
        f"GET {API}/budgets": {"union_id": shop.ids["union_id"]},
        f"GET {API}/allowances/grants": {"union_id": shop.ids["union_id"]},
        "GET /union/roster": {"union_id": shop.ids["union_id"]},
        f"GET {API}/periods": {"unit": shop.ids["unit_id"]},
        "GET /staff/periods": {"unit": shop.ids["unit_id"]},
        "GET /canteen/order": {"canteen": shop.ids["canteen_id"]},
        f"GET {API}/credit/entries": {"order_line": shop.ids["order_line"]},
        f"GET {API}/invoices": {"order": shop.ids["order_id"]},
        f"GET {API}/audit": {"subject": f"unit:{shop.ids['unit_id']}"},
    }
