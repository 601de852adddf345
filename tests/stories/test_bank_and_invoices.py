"""A person pays by transfer, and the bank's two kinds of files; the invoice of one's own order, never a unit's."""

from hashlib import sha256

import httpx
import pytest

from shop.app.demo.caller import Caller, Json
from shop.core import clock
from tests.make.caller import refused
from tests.make.evidence import PDF
from tests.make.invoice import SELLER_TAX, tax_number, xml
from tests.make.story import Story
from tests.make.union_day import UnionDay, union_day
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio
API = "/api/v1"


@pytest.fixture
async def day(story: Story) -> UnionDay:
    return await union_day(story)


async def waiting(day: UnionDay, pieces: int) -> tuple[Caller, Json, str]:
    """An order that waits for its transfer, with the code to write on it."""
    employee = await day.story.employee()
    box = await employee.find(q="三县年货礼包")
    order = await employee.order({box["skus"][0]["id"]: pieces})
    opened = await employee.ask("POST", f"{API}/orders/{order['id']}/pay", json={"method": "bank_transfer"})
    return employee, order, opened["transfer_code"]


def other_bank(rows: list[tuple[str, int, str, str]]) -> bytes:
    """Another layout, as xlsx: one column for amounts, one for which way they went."""
    head = [
        "记账日期", "账户明细编号-交易流水号", "发生额", "收支方向", "对方账户名称", "对方账户", "摘要",
    ]  # fmt: skip
    day = clock.today().isoformat()
    return workbook(
        sheet_of(
            [head, *([day, serial, f"{fen / 100:.2f}", "收入", name, "", said] for serial, fen, name, said in rows)]
        )
    )


async def test_a_transfer_pays_an_order_of_ones_own(day: UnionDay) -> None:
    employee, order, code = await waiting(day, 2)
    half = order["total_fen"] // 2
    assert (await day.statement([("P1", half, "职工甲（虚构）", code)]))["matched"] == 1
    assert (await employee.seen(order["id"]))["payment_state"] == "pending"
    await day.story.proven()
    rows = [("P2", order["total_fen"] - half + 5, "职工甲（虚构）", f"补款{code}")]
    statement = other_bank(rows)
    for repeated in (False, True):
        answer = await day.http.post(
            f"{API}/bank-statements", files={"file": ("明细.xlsx", statement)},
            data={"unit_id": str(day.unit_ids["DEMO"])}, headers=dict(day.staff.headers),
        )  # fmt: skip
        assert (answer.status_code, answer.json()["repeated"]) == (201, repeated), answer.text
        if not repeated:
            await day.confirmed(answer.json())
    await day.story.work()
    seen = await employee.seen(order["id"])
    assert (seen["state"], seen["payment_state"], seen["paid_fen"]) == ("confirmed", "paid", order["total_fen"])
    found = await day.story.proven()
    assert (found["money"].left["advances"], found["money"].right["payments"]) == (5, order["total_fen"] + 5)
    [(share,)] = await day.story.rows("SELECT id FROM payer_share")
    back = {"amount_fen": 5, "bank_reference": "RP0001", "returned_on": str(clock.today()), "reason": "多付"}
    path = f"/payer-shares/{share}/pay-back"
    refused(await day.post(day.other_bank, path, back, under=API), 404, "not_found")
    assert (await day.post(day.staff, path, back, under=API)).status_code == 201
    # a refund waits for the bank desk, and is credited back on the day it went
    refund = (
        await day.post(
            day.staff, "/refunds", {"amount_fen": 700, "reason": "坏果"}, under=f"{API}/orders/{order['id']}"
        )
    ).json()
    await day.story.work()
    assert await day.story.rows("SELECT sum(amount_fen)::bigint FROM credit_entry") == [
        (sum(line["paid_fen"] for line in order["lines"]),)
    ]
    returned = {"bank_reference": "RP0002", "returned_on": str(clock.today())}
    address = f"/bank-refunds/{refund['id']}/returned"
    refused(await day.post(day.other_bank, address, returned, under=API), 404, "not_found")
    for _ in range(2):
        done = await day.post(day.staff, address, returned, under=API)
        assert (done.status_code, done.json()["state"]) == (200, "succeeded"), done.text
    assert (await employee.seen(order["id"]))["refunded_fen"] == 700
    assert await day.story.rows("SELECT sum(amount_fen)::bigint FROM credit_entry") == [
        (sum(line["paid_fen"] for line in order["lines"]) - 700,)
    ]
    await day.story.proven()


async def test_money_for_an_order_that_is_over_goes_back(day: UnionDay) -> None:
    employee, order, code = await waiting(day, 1)
    await employee.ask("POST", f"{API}/orders/{order['id']}/cancel")
    await day.statement([("P1", order["total_fen"], "职工甲（虚构）", code), ("P2", 9, "谁也不是（虚构）", "没有编码")])
    assert (await employee.seen(order["id"]))["state"] == "cancelled"
    assert await day.story.rows("SELECT count(*) FROM credit_entry") == [(0,)]
    (unknown,) = [one for one in (await day.get(day.staff, f"{API}/bank-transfers"))["items"] if not one["shares"]]
    assert (unknown["serial_number"], unknown["why_queued"]) == ("P2", "new_payer")
    assert (await day.get(day.other_bank, f"{API}/bank-transfers"))["items"] == []
    await day.story.proven()
    [(share,)] = await day.story.rows("SELECT id FROM payer_share")
    back = {
        "amount_fen": order["total_fen"], "bank_reference": "RP0003", "returned_on": str(clock.today()),
        "reason": "订单已取消",
    }  # fmt: skip
    assert (await day.post(day.staff, f"/payer-shares/{share}/pay-back", back, under=API)).status_code == 201
    found = await day.story.proven()
    assert sum(found["money"].right.values()) == 0


async def test_the_invoice_of_a_personal_order(day: UnionDay) -> None:
    employee = await day.story.employee()
    box = await employee.find(q="三县年货礼包")
    order = await day.story.bought(employee, {box["skus"][0]["id"]: 1})
    asked = f"{API}/orders/{order['id']}/invoice"
    unit = {"title": "示例银行第一分行（虚构）", "tax_number": tax_number("91310000MA6DEM001")}
    refused(await day.post(employee, "", unit, under=asked), 422, "unit_title_refused")
    refused(await day.post(day.stranger, "", under=asked), 404, "not_found")
    (request,) = (await day.post(employee, "", under=asked)).json()["items"]
    assert (request["title"], request["due_fen"]) == ("个人", order["total_fen"])
    blue = invoice(request, "26312000000000030001", order["total_fen"])
    refused(await bring(day, invoice(request, "26312000000000030001", 1), request), 422, "invoice_refused")
    taken = await bring(day, blue, request)
    assert (taken.status_code, taken.json()["file_sha256"]) == (201, sha256(blue).hexdigest()), taken.text
    again = await bring(day, blue, request)
    assert again.status_code in {409, 422}, "nothing is due any more, and the number is used"
    # a PDF beside typed fields, of another order: its number was used before
    second = await day.story.bought(employee, {box["skus"][0]["id"]: 1})
    (other,) = (await day.post(employee, "", under=f"{API}/orders/{second['id']}/invoice")).json()["items"]
    typed = {
        "number": "26312000000000030001", "issued_on": str(clock.today()), "issuer_name": other["supplier_name"],
        "issuer_tax_number": SELLER_TAX, "buyer_title": "个人", "amount_yuan": f"{second['total_fen'] / 100:.2f}",
        "tax_yuan": "0.00",
    }  # fmt: skip
    refused(await bring(day, PDF, other, **typed), 409, "invoice_number_used")
    kept = await bring(day, PDF, other, **typed | {"number": "26312000000000030002"})
    assert kept.status_code == 201, kept.text
    # the whole of it is taken back by a red letter with its own number
    red = invoice(request, "26312000000000030003", -order["total_fen"], red_of="26312000000000030001")
    path = f"{API}/invoices/{taken.json()['id']}/red-letter"
    for status in (201, 422):
        answer = await day.http.post(path, files={"file": ("红字.xml", red)}, headers=dict(day.staff.headers))
        assert answer.status_code == status, answer.text


def invoice(request: Json, number: str, fen: int, red_of: str | None = None) -> bytes:
    return xml(
        number, f"{fen / 100:.2f}", seller=request["supplier_name"], seller_tax=SELLER_TAX, buyer=request["title"],
        buyer_tax=None, red_of=red_of, day=clock.today().isoformat(),
    )  # fmt: skip


async def bring(day: UnionDay, data: bytes, request: Json, **typed: str) -> httpx.Response:
    return await day.http.post(
        f"{API}/invoices", data={"request_id": request["id"], **typed}, files={"file": ("发票", data)},
        headers=dict(day.staff.headers),
    )  # fmt: skip
