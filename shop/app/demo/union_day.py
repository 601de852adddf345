"""The union's day (虚构): a festival box for 301 members of four branches, from the roster to the signed roll."""

import csv
import io
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import uuid4

import httpx

from shop.app.demo.caller import Caller, Json, sign_in
from shop.app.demo.people import CHARACTERS

MEMBERS: Final = 301
BRANCHES: Final = ("DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4")
SPARES: Final = 4
SHORT: Final = 2
NEW_PRICE_FEN: Final = 4_780
BOX: Final = "两县节礼盒"
PAPER: Final = (
    b"%%PDF-1.4\n%% %s\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%%%EOF\n"
)
"""An empty page, to stand for a scan."""
Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class UnionDay:
    """What was bought together, as the desk saw it in the end. shares: one for each payer."""

    desk: Caller
    purchase: Json
    shares: list[Json]
    protected_fen: int


async def play_union_day(
    http: httpx.AsyncClient, *, today: date, lower_price: Callable[[int], Awaitable[None]], step: Step
) -> UnionDay:
    """lower_price: what the supplier does meanwhile, in fen a box. Raises Unexpected."""
    buyer = await sign_in(http, "union.buyer@demo.test")
    approver = await sign_in(http, "union.approver@demo.test")
    union = (await buyer.ask("GET", "/api/v1/me"))["unions"][0]
    with step(f"工会导入 {MEMBERS} 人的会员名册，建立本年度预算"):
        await _roster(buyer, union["id"], today)
        await _budget(approver, union["id"], today)
    with step("经办人做采购计划：两县节礼盒、四个分会、定向采购附会议纪要，规则逐条核对"):
        purchase = await _plan(buyer, union, today)
    with step("审批人按内容摘要审批，订单按分会和人数拆到每一分"):
        await approver.ask(
            "POST",
            f"{_at(purchase)}/approve",
            headers=_key(),
            json={"content_sha256": purchase["content_sha256"], "reason": "同意（虚构）"},
        )
        await buyer.ask("POST", f"{_at(purchase)}/place", status=201, headers=_key())
    with step("发货前降价：按价格保护少收；货车送到五个收货点"):
        before = await _due(buyer, purchase)
        await lower_price(NEW_PRICE_FEN)
        staff = await sign_in(http, "staff@demo.test")
        truck = {"driver": "司机午（虚构）", "plate": "晋A00000", "delivery_note": "SH-0001"}
        await staff.ask("POST", f"{_at(purchase)}/ship", json={"truck": truck})
        protected_fen = before - await _due(buyer, purchase)
    with step(f"两人逐点验收：第一分会少了 {SHORT} 盒，其余足数"):
        await _accept(http, purchase)
    with step("五笔对公转账（四个分会和总行工会的备用件），按识别码入账"):
        second = await sign_in(http, "staff.second@demo.test")
        await _transfers(staff, second, buyer, purchase, today)
    with step(f"{MEMBERS} 人签领：本人、代领、邮寄、拒收，一人未联系上"):
        await _sign(buyer, purchase)
    shares = (await buyer.ask("GET", f"{_at(purchase)}/shares"))["items"]
    return UnionDay(buyer, await buyer.ask("GET", _at(purchase)), shares, protected_fen)


def _at(purchase: Json) -> str:
    return f"/api/v1/bulk-purchases/{purchase['id']}"


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid4().hex}


async def _roster(buyer: Caller, union_id: str, today: date) -> None:
    """A csv as a personnel department exports it. The desk's own people are members too and are known by their phones;
    the others have neither phone nor account.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["工号", "姓名", "手机", "单位编号", "部门", "状态"])
    known = [one for one in CHARACTERS if one.union == "DEMO-U"]
    for number in range(1, MEMBERS + 1):
        branch, name, phone = BRANCHES[number % len(BRANCHES)], f"会员{number:03}（虚构）", ""
        if number <= len(known):
            name, phone = known[number - 1].name, known[number - 1].phone
        writer.writerow([f"D{number:04}", name, phone, branch, f"部门{number % 3 + 1}", "在职"])
    file = ("roster.csv", out.getvalue().encode("utf-8-sig"), "text/csv")
    facts = {"union_id": union_id, "as_of": today.isoformat()}
    await buyer.ask("POST", "/api/v1/rosters", files={"file": file}, data=facts)


async def _budget(approver: Caller, union_id: str, today: date) -> None:
    requested = {
        "union_id": union_id,
        "fiscal_year": today.year,
        "amount_fen": 50_000_00,
        "reason": "年度经费预算（虚构）",
        "document_sha256": await _paper(approver, "budget.pdf", b"budget"),
    }
    await approver.ask("POST", "/api/v1/budgets", status=201, headers=_key(), json=requested)


async def _paper(who: Caller, name: str, what: bytes) -> str:
    """The digest under which it is kept."""
    file = (name, PAPER % what, "application/pdf")
    kept = await who.ask("POST", "/api/v1/evidence", status=201, files={"file": file})
    return str(kept["sha256"])


async def _plan(buyer: Caller, union: Json, today: date) -> Json:
    """Draft, sites for every branch, minutes as evidence, submitted."""
    box = await buyer.find(q=BOX)
    roles = (await buyer.ask("GET", "/api/v1/me"))["roles"]
    requested = {
        "title": "年末慰问（虚构）",
        "union_id": union["id"],
        "unit_id": next(role["scope_id"] for role in roles if role["role"] == "union_buyer"),
        "purpose": "festival",
        "festival": "new_year",
        "budget_fen": 20_000_00,
        "fiscal_year": today.year,
        "members_as_of": today.isoformat(),
        "procurement": "directed",
        "directed_reason": "向结对县合作社定向采购（虚构）",
        "directed_minutes_sha256": await _paper(buyer, "minutes.pdf", b"minutes"),
        "reference_price_fen": 5_200,
        "spare_pieces": SPARES,
        "ship_on": (today + timedelta(days=10)).isoformat(),
        "packages": [{"name": "两县节礼盒", "lines": [{"sku_id": box["skus"][0]["id"], "pieces": 1}]}],
    }
    made = await buyer.ask("POST", "/api/v1/bulk-purchases", status=201, headers=_key(), json=requested)
    payers = (await buyer.ask("GET", _at(made)))["payers"]
    sites = [
        {
            "unit_id": payer["unit"]["id"],
            "name": f"收货点{number}",
            "contact_name": "收货人（虚构）",
            "contact_phone": "13800138000",
            "region_code": "310101",
            "street": f"示例路{number}号",
        }
        for number, payer in enumerate(payers, 1)
    ]
    await buyer.ask("PATCH", _at(made), json={"sites": sites})
    await buyer.ask("POST", f"{_at(made)}/submit", headers=_key())
    submitted: Json = await buyer.ask("GET", _at(made))
    return submitted


async def _due(buyer: Caller, purchase: Json) -> int:
    shares = (await buyer.ask("GET", f"{_at(purchase)}/shares"))["items"]
    return sum(share["due_fen"] for share in shares)


async def _accept(http: httpx.AsyncClient, purchase: Json) -> None:
    receiver = await sign_in(http, "union.receiver@demo.test")
    witness = (await (await sign_in(http, "union.witness@demo.test")).ask("GET", "/api/v1/me"))["user_id"]
    short = SHORT
    for share in (await receiver.ask("GET", f"{_at(purchase)}/shares"))["items"]:
        for delivery in share["deliveries"]:
            counted: Json = {"delivery_id": delivery["id"]}
            if short:
                counted["lines"] = [
                    {
                        "line_id": line_id,
                        "payer_share_id": share["id"],
                        "accepted": pieces - short,
                        "short": short,
                        "reason": "少发（虚构）",
                    }
                    for line_id, pieces in delivery["lines"].items()
                ]
                short = 0
            await receiver.ask(
                "POST",
                f"{_at(purchase)}/acceptances",
                status=201,
                headers=_key(),
                json={"delivery": counted, "witness_id": witness},
            )


async def _transfers(staff: Caller, second: Caller, buyer: Caller, purchase: Json, today: date) -> None:
    """A bank's csv: one transfer a payer, its code in the remark; brought by one, confirmed by another."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["交易流水号", "交易日期", "对方户名", "对方账号", "贷方发生额", "摘要"])
    for number, share in enumerate((await buyer.ask("GET", f"{_at(purchase)}/shares"))["items"], 1):
        yuan = f"{share['due_fen'] // 100}.{share['due_fen'] % 100:02}"
        row = [f"LS{number:06}", today.isoformat(), share["payer_name"], f"62220000000000{number:02}", yuan]
        writer.writerow([*row, f"慰问品 {share['transfer_code']}"])
    file = ("statement.csv", out.getvalue().encode("utf-8-sig"), "text/csv")
    brought = await staff.ask("POST", "/api/v1/bank-statements", status=201, files={"file": file})
    await second.ask("POST", f"/api/v1/bank-statements/{brought['statement_id']}/confirm")


async def _sign(buyer: Caller, purchase: Json) -> None:
    outcomes = {7: {"outcome": "proxy", "proxy_name": "同事（虚构）"}, 8: {"outcome": "posted", "waybill": "YD0001"}}
    outcomes |= {9: {"outcome": "refused"}, 10: {"outcome": "not_reached"}}
    signatures = [
        {"staff_number": f"D{number:04}", **outcomes.get(number, {"outcome": "self"})}
        for number in range(1, MEMBERS + 1)
    ]
    await buyer.ask("POST", f"{_at(purchase)}/roll/signatures", json={"signatures": signatures})
