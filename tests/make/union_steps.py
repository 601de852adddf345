"""The steps of a festival gift over HTTP, each as the role that takes it."""

import io
import json
import zipfile
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from catalog.price.change_price import NewPrice, change_prices
from orders.bulk.choice.freeze_choices import freeze_due
from orders.roll.paper import page_digest, qr_text
from shop.access.session.door import Door
from shop.app.demo.caller import Caller, Json
from shop.core import clock
from tests.make.caller import refused
from tests.make.evidence import JPEG
from tests.make.invoice import SELLER_TAX, xml
from tests.make.story import Story
from tests.make.union_day import BASE, BRANCHES, TAX, UnionDay, key, quote, sites

CHEAPER_FEN = 6_100
ORIGINS = 3
"""Of the box: each part of it is rounded by itself."""
WRONG: dict[str, dict[str, Any]] = {"DEMO-2": {"damaged": 1, "reason": "破损"}, "DEMO-3": {"short": 1}}
"""What is not as it was ordered, of the boxes."""
DISCOUNT_FEN = 1_000
"""Of the boxes' supplier, for an order of that size."""


async def goods(day: UnionDay) -> tuple[str, int, str, int]:
    """The gift box and something else from the same neighbourhood, with prices."""
    box = await day.clerk.find(q="三县年货礼包")
    other = await day.clerk.find(county="610825")
    return (
        box["skus"][0]["id"], box["skus"][0]["price_fen"], other["skus"][0]["id"], other["skus"][0]["price_fen"],
    )  # fmt: skip


async def plan(day: UnionDay, **changes: object) -> Json:
    box, box_fen, other, other_fen = await goods(day)
    ship_on = clock.today() + timedelta(days=20)
    body = {
        "title": "春节慰问（虚构）",
        "union_id": str(day.union),
        "unit_id": str(day.unit_ids["DEMO"]),
        "purpose": "festival",
        "festival": "spring_festival",
        "fiscal_year": clock.today().year,
        "budget_fen": 200_000,
        "ship_on": str(ship_on),
        "spare_pieces": 2,
        "packages": [
            {"name": "年货礼包", "lines": [{"sku_id": box, "pieces": 1, "unit_price_fen": box_fen}]},
            {"name": "杂粮组合", "lines": [{"sku_id": other, "pieces": 2, "unit_price_fen": other_fen}]},
        ],
        "payers": [
            {"unit_id": str(day.unit_ids[code]), "tax_number": TAX[code], "owns_spares": code == "DEMO"}
            | ({"invoice_title": "示例银行工会（虚构）"} if code == "DEMO-4" else {})
            for code in BRANCHES
        ],
        "sites": sites(day.unit_ids),
    }
    return await day.done(day.clerk, "", body | changes, status=201)


async def chosen(day: UnionDay, purchase: Json) -> None:
    """One chooses by the personal link without an account, one through the leader; then choices freeze."""
    path = f"/{purchase['id']}"
    by_name = {package["name"]: package["id"] for package in purchase["packages"]}
    links = {one["staff_number"]: one["url"] for one in (await day.done(day.clerk, f"{path}/choice-links"))["items"]}
    assert len(links) == 12, "one for each member of the day, with or without an account"
    page = await day.http.get(links["A0001"])
    token = page.text.partition('name="csrf_token" value="')[2][:64]
    answer = await day.http.post(links["A0001"], data={"csrf_token": token, "package_id": by_name["杂粮组合"]})
    day.http.cookies.clear()
    assert answer.status_code == 303, answer.text
    by_leader = {"choices": [{"staff_number": "A0007", "package_id": by_name["杂粮组合"]}]}
    assert await day.done(day.leader, f"{path}/choices", by_leader) == {"chosen": 1}
    elsewhere = {"choices": [{"staff_number": "A0010", "package_id": by_name["杂粮组合"]}]}
    refused(await day.post(day.leader, f"{path}/choices", elsewhere), 422, "member_unknown")
    refused(await day.post(day.clerk, f"{path}/submit"), 422, "plan_invalid")
    await day.days_later(2)
    assert await freeze_due(day.story.database, now=clock.now()) == 1
    refused(await day.post(day.leader, f"{path}/choices", by_leader), 409, "choices_closed")
    sums = (await day.get(day.clerk, f"{BASE}{path}/choices"))["packages"]
    assert {one["name"]: one["members"] for one in sums} == {"年货礼包": 10, "杂粮组合": 2}


async def approved(day: UnionDay, purchase: Json) -> Json:
    """Three quotes, the rule's line, two approvers with minutes; everybody else is refused."""
    path = f"/{purchase['id']}"
    problem = refused(await day.post(day.clerk, f"{path}/submit"), 422, "spending_refused")
    assert "示例银行工会采购办法" in problem["detail"]
    for n in range(3):
        paper = await day.keep(day.clerk, name=f"报价{n}.pdf")
        body = quote(n, 150_000 + n, is_chosen=n == 0, evidence_sha256=paper)
        seen = await day.done(day.clerk, f"{path}/quotes", body, status=201)
    assert "3 家" in seen["rule"]["line"]
    assert seen["rule"]["allowed"], seen["rule"]
    sha = (await day.done(day.clerk, f"{path}/submit"))["content_sha256"]
    assert (await day.left_of_budget())["encumbered_fen"] == 200_000
    refused(await day.post(day.clerk, f"{path}/approve", {"content_sha256": sha}), 403, "duties_apart")
    await Door.of(day.story.app).revocations.read()  # as it does twice a second
    refused(await day.post(day.left, f"{path}/approve", {"content_sha256": sha}), 401, "not_signed_in")
    refused(await day.post(day.receiver, f"{path}/approve", {"content_sha256": sha}), 403, "not_approver")
    refused(await day.post(day.stranger, f"{path}/approve", {"content_sha256": sha}), 404, "not_found")
    for _ in range(2):
        first = await day.done(day.approver, f"{path}/approve", {"content_sha256": sha})
        assert (first["state"], first["approvals"]) == ("submitted", 1)
    refused(await day.post(day.second, f"{path}/approve", {"content_sha256": sha}), 422, "minutes_missing")
    # the clerk changes a word of it: what was approved is void, and the old content cannot be approved any more
    changed = await day.http.patch(f"{BASE}{path}", json={"budget_fen": 210_000}, headers=dict(day.clerk.headers))
    assert changed.status_code == 200, changed.text
    refused(await day.post(day.second, f"{path}/approve", {"content_sha256": sha}), 409, "approval_stale")
    assert (await day.left_of_budget())["encumbered_fen"] == 0
    sha = (await day.done(day.clerk, f"{path}/submit"))["content_sha256"]
    minutes = await day.keep(day.second)
    await day.done(day.approver, f"{path}/approve", {"content_sha256": sha})
    last = await day.done(day.second, f"{path}/approve", {"content_sha256": sha, "minutes_sha256": minutes})
    assert (last["state"], last["approvals"]) == ("approved", 2)
    return last


async def noticed(day: UnionDay, purchase: Json) -> None:
    path = f"/{purchase['id']}"
    assert (await day.post(day.clerk, f"{path}/place")).status_code == 409, "before its notice"
    await day.done(day.clerk, f"{path}/notice")
    member = await day.story.employee()
    objection = await day.done(member, f"{path}/objections", {"words": "去年的花椒太麻（虚构）"}, status=201)
    assert (await day.post(day.clerk, f"{path}/place")).status_code == 409, "while the notice is open"
    await day.days_later(2)
    assert (await day.post(day.clerk, f"{path}/place")).status_code == 409, "an objection waits for its answer"
    answer = {"answer": "今年换了产地（虚构）"}
    await day.done(day.approver, f"{path}/objections/{objection['id']}/answer", answer)


async def placed(day: UnionDay, purchase: Json) -> str:
    """Twice is once, by one key or by two."""
    path = f"/{purchase['id']}/place"
    headers = {**day.clerk.headers, **key()}
    answers = [await day.http.post(f"{BASE}{path}", headers=headers) for _ in range(2)]
    answers.append(await day.post(day.clerk, path))
    assert [answer.status_code for answer in answers] == [201] * 3, answers[-1].text
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    return str(answers[0].json()["order_id"])


async def shares(day: UnionDay, purchase: Json, who: Caller | None = None) -> dict[str, Json]:
    """By unit code."""
    found = (await day.get(who or day.clerk, f"{BASE}/{purchase['id']}/shares"))["items"]
    codes = {str(unit_id): code for code, unit_id in day.unit_ids.items()}
    return {codes[one["unit_id"]]: one for one in found}


async def delivered(day: UnionDay, purchase: Json) -> None:
    """The box became cheaper; one truck; two people count: at DEMO-2 a box is damaged, at DEMO-3 one is short."""
    path = f"/{purchase['id']}"
    async with day.story.database.transaction() as session:
        await change_prices(session, actor=None, prices=[NewPrice("BOX001", CHEAPER_FEN)], now=clock.now())
    before = await shares(day, purchase)
    await day.done(day.staff, f"{path}/ship", {"truck": {"driver": "司机甲（虚构）", "plate": "沪A00001"}})
    after = await shares(day, purchase)
    boxes = {code: _boxes(share) for code, share in before.items()}
    assert boxes == {"DEMO": 4, "DEMO-1": 2, "DEMO-2": 2, "DEMO-3": 2, "DEMO-4": 2}
    for code, share in before.items():
        assert share["due_fen"] - after[code]["due_fen"] == boxes[code] * 500, "price protection, by piece"
    witness = str(day.ids["receiver.second@demo.test"])
    for code, share in after.items():
        (delivery,) = share["deliveries"]
        box_line = lines_of(share)[0]["line_id"]
        lines = []
        for line_id, pieces in delivery["lines"].items():
            bad = WRONG.get(code, {}) if line_id == box_line else {}
            lines.append({"line_id": line_id, "payer_share_id": share["id"], "accepted": pieces - bool(bad), **bad})
        body = {"delivery": {"delivery_id": delivery["id"], "lines": lines}, "witness_id": witness}
        if code == "DEMO":
            alone = body | {"witness_id": str(day.ids["union.receiver@demo.test"])}
            refused(await day.post(day.receiver, f"{path}/acceptances", alone), 409, "duties_not_apart")
            asked = body | {"witness_id": str(day.ids["union.buyer@demo.test"])}
            refused(await day.post(day.receiver, f"{path}/acceptances", asked), 409, "duties_not_apart")
            refused(await day.post(day.stranger, f"{path}/acceptances", body), 403, "not_allowed")
        await day.done(day.receiver, f"{path}/acceptances", body, status=201)
    assert (await day.get(day.clerk, f"{BASE}{path}"))["state"] == "accepted"
    await day.story.proven()


def _boxes(share: Json) -> int:
    return sum(line["pieces"] for line in lines_of(share))


def lines_of(share: Json) -> list[Json]:
    return [line for line in share["lines"] if "礼包" in line["title"]]


async def spare_moved(day: UnionDay, purchase: Json) -> None:
    """One of head office's spares becomes the first branch's; another person approves exactly this."""
    path = f"/{purchase['id']}/changes"
    of = await shares(day, purchase)
    line = lines_of(of["DEMO"])[0]["line_id"]
    body = {
        "kind": "spare_moved", "line_id": line, "from_share_id": of["DEMO"]["id"], "to_share_id": of["DEMO-1"]["id"],
        "pieces": 1, "reason": "分行来了新人（虚构）",
    }  # fmt: skip
    change = await day.done(day.clerk, path, body, status=201)
    (asked,) = (await day.get(day.approver, f"{BASE}/{purchase['id']}"))["changes"]
    sha = {"content_sha256": asked["content_sha256"]}
    refused(await day.post(day.clerk, f"{path}/{change['id']}/approve", sha), 403, "duties_apart")
    await day.done(day.approver, f"{path}/{change['id']}/approve", sha)
    now = await shares(day, purchase)
    moved = of["DEMO"]["goods_fen"] - now["DEMO"]["goods_fen"]
    assert moved == now["DEMO-1"]["goods_fen"] - of["DEMO-1"]["goods_fen"]
    assert abs(4 * moved - of["DEMO"]["goods_fen"]) <= 4 * ORIGINS, "one of four, each origin to the fen"
    await day.story.proven()


async def paid(day: UnionDay, purchase: Json) -> None:
    """A split transfer that ends too high, one transfer for two shares by their codes, one payer whom nobody knows."""
    of = await shares(day, purchase)
    one, head, fourth = of["DEMO-1"], of["DEMO"], of["DEMO-4"]
    both = of["DEMO-2"]["due_fen"] + of["DEMO-3"]["due_fen"]
    rows = [
        ("S1", 1_000, one["payer_name"], f"春节 {one['transfer_code']}"),
        ("S2", head["due_fen"] + fourth["due_fen"], "示例银行工会（虚构）", codes(head, fourth)),
        ("S3", both, "代付公司（虚构）", codes(of["DEMO-2"], of["DEMO-3"])),
    ]
    done = await day.statement(rows)
    assert (done["fresh"], done["matched"], done["queued"], done["repeated"]) == (3, 2, 1, False)
    again = await day.statement(rows)
    assert (again["repeated"], again["statement_id"]) == (True, done["statement_id"])
    now = await shares(day, purchase)
    assert {code: share["payment_state"] for code, share in now.items()} == {
        "DEMO": "paid", "DEMO-1": "partly_paid", "DEMO-2": "unpaid", "DEMO-3": "unpaid", "DEMO-4": "paid",
    }  # fmt: skip
    await day.story.proven()
    path = f"/bank-statements/{done['statement_id']}"
    (waiting,) = [one for one in (await day.get(day.staff, f"/api/v1{path}"))["transfers"] if one["state"] == "queued"]
    assert waiting["why_queued"] == "new_payer"
    requested = {
        "transfer_id": waiting["id"],
        "shares": [{"payer_share_id": of[c]["id"], "amount_fen": of[c]["due_fen"]} for c in ("DEMO-2", "DEMO-3")],
        "remember_payer": True,
        "reason": "集团代付，有委托书（虚构）",
    }
    wrong = requested | {"shares": [{"payer_share_id": of["DEMO-2"]["id"], "amount_fen": both - 1}]}
    refused(await day.post(day.staff, f"{path}/match", wrong, under="/api/v1"), 422, "amounts_differ")
    refused(await day.post(day.other_bank, f"{path}/match", requested, under="/api/v1"), 404, "not_found")
    proposed = (await day.post(day.staff, f"{path}/match", requested, under="/api/v1")).json()
    confirm = f"{path}/match/{proposed['proposal_id']}/confirm"
    refused(await day.post(day.staff, confirm, under="/api/v1"), 409, "same_person")
    assert (await day.post(day.staff_second, confirm, under="/api/v1")).status_code == 200
    # the rest of the split one, ten yuan too much, goes back
    rest = one["due_fen"] - 1_000 + 1_000_00
    await day.statement([*rows, ("S4", rest, one["payer_name"], one["transfer_code"])])
    now = await shares(day, purchase)
    assert (now["DEMO-1"]["payment_state"], now["DEMO-1"]["to_pay_back_fen"]) == ("overpaid", 1_000_00)
    await day.story.proven()
    back = {"amount_fen": 1_000_00, "bank_reference": "RB0001", "returned_on": str(clock.today()), "reason": "多付"}
    much = back | {"amount_fen": 1_000_01}
    address = f"/payer-shares/{one['id']}/pay-back"
    assert (await day.post(day.staff_second, address, much, under="/api/v1")).status_code == 409
    assert (await day.post(day.staff_second, address, back, under="/api/v1")).status_code == 201
    now = await shares(day, purchase)
    assert {share["payment_state"] for share in now.values()} == {"paid"}
    found = await day.story.proven()
    assert found["money"].right["payments"] == sum(share["paid_fen"] for share in now.values())
    await day.receipts_came()
    assert await grades(day.story) == {"A"}, "what was delivered and is paid"


def codes(*of: Json) -> str:
    """What the payer writes."""
    return " ".join(share["transfer_code"] for share in of)


async def grades(story: Story) -> set[str]:
    """Of what remains credited."""
    return {
        row[0] for row in await story.rows("SELECT grade FROM credit_entry GROUP BY grade HAVING sum(amount_fen) <> 0")
    }


async def refunded(day: UnionDay, purchase: Json, order_id: str) -> int:
    """A box at DEMO-4 had gone bad: its share is paid too much, and gets it back."""
    of = (await shares(day, purchase))["DEMO-4"]
    line = lines_of(of)[0]["line_id"]
    body = {"lines": [{"line_id": line, "payer_share_id": of["id"], "quantity": 1}], "reason": "一盒霉变（虚构）"}
    path = f"/api/v1/orders/{order_id}/refunds"
    refused(await day.post(day.other_bank, "", body, under=path), 404, "not_found")
    refund = await day.post(day.staff, "", body, under=path)
    assert refund.status_code == 201, refund.text
    fen: int = refund.json()["amount_fen"]
    assert abs(2 * fen - of["goods_fen"]) <= 2 * ORIGINS, "one of its two"
    back = {
        "amount_fen": fen, "bank_reference": "RB0002", "returned_on": str(clock.today()), "reason": "退款",
    }  # fmt: skip
    answer = await day.post(day.staff, f"/payer-shares/{of['id']}/pay-back", back, under="/api/v1")
    assert answer.status_code == 201, answer.text
    await day.story.proven()
    return fen


async def invoiced(day: UnionDay, order_id: str) -> list[Json]:
    """Each supplier hands in what each share is due; a wrong amount and a used number are refused."""
    asked = await day.post(day.clerk, "", under=f"/api/v1/orders/{order_id}/invoice")
    assert asked.status_code == 201, asked.text
    requests = asked.json()["items"]
    for n, one in enumerate(requests):
        number = f"2631200000000001{n:04}"
        yuan = one["due_fen"] / 100
        for bad, status, code in ((yuan + 1, 422, "invoice_refused"), (yuan, 201, "")):
            data = invoice_xml(one, number, f"{bad:.2f}")
            answer = await bring(day, data, request_id=one["id"])
            if code:
                refused(answer, status, code)
            else:
                assert answer.status_code == status, answer.text
    used = invoice_xml(requests[0], "26312000000000010000", "1.00")
    assert (await bring(day, used, request_id=requests[0]["id"])).status_code in {409, 422}
    taken = (await day.get(day.clerk, "/api/v1/invoices", limit=100))["items"]
    assert all(one["invoiced_fen"] == one["due_fen"] for one in taken)
    original = await day.http.get(
        f"/api/v1/invoices/{taken[0]['invoices'][0]['id']}/original", headers=dict(day.clerk.headers)
    )
    assert sha256(original.content).hexdigest() == taken[0]["invoices"][0]["file_sha256"]
    assert (await day.get(day.stranger, "/api/v1/invoices"))["items"] == []
    return list(taken)


def invoice_xml(one: Json, number: str, yuan: str, red_of: str | None = None) -> bytes:
    return xml(
        number, yuan, seller=one["supplier_name"], seller_tax=SELLER_TAX, buyer=one["title"],
        buyer_tax=one["tax_number"], red_of=red_of, day=clock.today().isoformat(),
    )  # fmt: skip


async def bring(day: UnionDay, data: bytes, *, path: str = "/api/v1/invoices", **fields: str) -> Any:
    return await day.http.post(path, data=fields, files={"file": ("发票.xml", data)}, headers=dict(day.clerk.headers))


async def red_letter(day: UnionDay, of_share: str, fen: int) -> None:
    """The refunded part is taken back, never more than remains."""
    requests = (await day.get(day.clerk, "/api/v1/invoices", limit=100))["items"]
    one = next(r for r in requests if r["payer_share_id"] == of_share and r["invoiced_fen"] > r["due_fen"])
    assert one["invoiced_fen"] - one["due_fen"] == fen
    (blue,) = one["invoices"]
    path = f"/api/v1/invoices/{blue['id']}/red-letter"
    much = invoice_xml(one, "26312000000000020000", f"-{blue['amount_fen'] / 100 + 1:.2f}", blue["number"])
    refused(await bring(day, much, path=path), 422, "invoice_refused")
    red = invoice_xml(one, "26312000000000020000", f"-{fen / 100:.2f}", blue["number"])
    taken = await bring(day, red, path=path)
    assert (taken.status_code, taken.json()["kind"]) == (201, "red"), taken.text


async def distributed(day: UnionDay, purchase: Json) -> None:
    """Signed in each of the five ways, a page's scan returns to it, what is left has minutes."""
    path, uid = f"/{purchase['id']}/roll", UUID(purchase["id"])
    first = await day.get(day.receiver, f"{BASE}{path}", limit=100)
    assert (first["members"], first["open"]) == (12, 12)
    ways: dict[str, dict[str, str]] = {
        "A0002": {"outcome": "proxy", "proxy_name": "同事（虚构）"},
        "A0008": {"outcome": "posted", "waybill": "SF0001"},
        "A0009": {"outcome": "refused", "note": "自愿放弃"},
        "A0013": {"outcome": "not_reached", "note": "联系不上"},
    }
    numbers = [row["staff_number"] for row in first["items"]]
    signatures = [{"staff_number": one, "outcome": "self", **ways.get(one, {})} for one in numbers]
    refused(await day.post(day.receiver, f"{path}/finish"), 409, "roll_open")
    signed = await day.done(day.receiver, f"{path}/signatures", {"signatures": signatures})
    assert signed == {"changed": 12, "open": 0}
    again = await day.done(day.receiver, f"{path}/signatures", {"signatures": signatures})
    assert again == {"changed": 0, "open": 0}
    scan = await day.keep(day.receiver, JPEG, "签领表.jpg")
    for page in range(1, first["pages"] + 1):
        people = [UUID(row["person_id"]) for row in first["items"] if row["page"] == page]
        code = qr_text("http://shop.test", uid, page, page_digest(uid, page, people))
        assert await day.done(day.receiver, f"{path}/scans", {"qr": code, "evidence_sha256": scan}) == {"page": page}
    box, *_ = await goods(day)
    left = {"sku_id": box, "pieces": 2, "decision": "慰问困难职工", "minutes_sha256": await day.keep(day.receiver)}
    await day.done(day.receiver, f"{path}/leftovers", left, status=201)
    assert await day.done(day.receiver, f"{path}/finish") == {"state": "distributed"}
    refused(await day.post(day.stranger, f"{path}/finish"), 404, "not_found")


async def archived(day: UnionDay, purchase: Json) -> None:
    """Every document with its digest; nothing is missing, so nothing needs to be explained."""
    path = f"{BASE}/{purchase['id']}/archive"
    missing = [one for one in (await day.get(day.clerk, f"{path}/checklist"))["items"] if one["standing"] == "missing"]
    assert missing == []
    answer = await day.http.get(path, headers=dict(day.clerk.headers))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        manifest = json.loads(packed.read("manifest.json"))
        for one in manifest["documents"]:
            data = packed.read(one["path"])
            assert (sha256(data).hexdigest(), len(data)) == (one["sha256"], one["bytes"]), one["path"]
        assert {one["path"] for one in manifest["documents"]} | {"manifest.json"} == set(packed.namelist())
        assert not any("会员子" in packed.read(name).decode(errors="ignore") for name in packed.namelist())
    closed = await day.done(day.clerk, f"/{purchase['id']}/archive")
    assert (closed["state"], closed["sha256"]) == ("archived", sha256(answer.content).hexdigest())
