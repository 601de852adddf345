"""Suppliers' invoices through the door: asked for per share, checked against what was accepted, each number once."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.checkout.settle import settle
from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.caller import as_caller, refused
from tests.make.evidence import PDF, PNG, ofd, worker
from tests.make.invoice import BUYER_TAX, NUMBER, SELLER, SELLER_TAX, Waiting, tax_number, waiting, xml
from tests.make.settling import paid, pending_payment
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio
ONE, TWO, THREE = (f"{NUMBER}{n:04}" for n in (1, 2, 3))


class Desk:
    def __init__(self, app: FastAPI, database: Database, of: Waiting) -> None:
        self.app, self.database, self.of = app, database, of

    async def ask(self, actor: Actor | None = None, **body: Any) -> httpx.Response:
        async with as_caller(self.app, actor or self.of.union) as caller:
            return await caller.post(
                f"/api/v1/orders/{self.of.share.order_id}/invoice",
                json=body,
                headers={"Idempotency-Key": str(new_id())},
            )

    async def asked(self) -> str:
        answer = await self.ask()
        assert answer.status_code == 201, answer.text
        (one,) = answer.json()["items"]
        return str(one["id"])

    async def bring(self, request_id: str, data: bytes, actor: Actor | None = None, **typed: str) -> httpx.Response:
        async with as_caller(self.app, actor or self.of.supplier) as caller:
            fields = {"request_id": request_id, **typed}
            return await caller.post("/api/v1/invoices", data=fields, files={"file": ("发票.xml", data)})

    async def redden(self, invoice_id: str, data: bytes, **typed: str) -> httpx.Response:
        async with as_caller(self.app, self.of.supplier) as caller:
            address = f"/api/v1/invoices/{invoice_id}/red-letter"
            return await caller.post(address, data=typed, files={"file": ("红字.xml", data)})

    async def seen_by(self, actor: Actor) -> list[dict[str, Any]]:
        async with as_caller(self.app, actor) as caller:
            found: list[dict[str, Any]] = (await caller.get("/api/v1/invoices")).json()["items"]
            return found

    async def count(self) -> int:
        async with self.database.reading() as session:
            return int(await session.scalar(text("SELECT count(*) FROM invoice")))


@pytest.fixture
async def desk(app: FastAPI, database: Database) -> Desk:
    return Desk(app, database, await waiting(database))


async def test_an_invoice_of_what_was_accepted_is_taken_and_its_original_kept(desk: Desk) -> None:
    request = await desk.asked()
    assert await desk.asked() == request
    data = xml(ONE, "16.00", tax="1.32")
    taken = await desk.bring(request, data)
    assert taken.status_code == 201, taken.text
    for actor in (desk.of.union, desk.of.supplier, await worker(desk.database, Role.STAFF, "all", "*")):
        (one,) = await desk.seen_by(actor)
        assert (one["due_fen"], one["invoiced_fen"], one["tax_number"]) == (1_600, 1_600, BUYER_TAX)
        assert [(i["number"], i["amount_fen"], i["tax_fen"], i["read_from"]) for i in one["invoices"]] == [
            (ONE, 1_600, 132, "xml")
        ]
        async with as_caller(desk.app, actor) as caller:
            original = await caller.get(f"/api/v1/invoices/{taken.json()['id']}/original")
            assert original.content == data
            assert original.headers["content-disposition"].startswith("attachment")
    refused(await desk.bring(request, xml(TWO, "16.00")), 422, "invoice_refused")


@pytest.mark.parametrize(
    ("wrong", "pointer", "said"),
    [
        ({"yuan": "16.01"}, "/amount_fen", "¥16.00"),
        ({"yuan": "10.00"}, "/amount_fen", "¥10.00"),
        ({"buyer": "示例银行第二分行工会（虚构）"}, "/buyer_title", "抬头应为"),
        ({"buyer_tax": tax_number("81310000MC0DEM009")}, "/buyer_tax_number", "购买方税号应为"),
        ({"buyer_tax": BUYER_TAX[:-1] + ("0" if BUYER_TAX[-1] != "0" else "1")}, "/buyer_tax_number", "不是有效的"),
        ({"buyer_tax": None}, "/buyer_tax_number", "购买方税号应为"),
        ({"seller": "示例供应商1（虚构）"}, "/issuer_name", "开票方应与供货、收款一致"),
        ({"seller_tax": tax_number("91520000MA6DEM007")}, "/issuer_tax_number", "销售方税号应为"),
        ({"number": "2631200000000000000"}, "/number", "20 位"),
        ({"day": "2099-01-01"}, "/issued_on", "晚于今天"),
    ],
)
async def test_each_difference_is_named_and_nothing_is_taken(
    desk: Desk, wrong: dict[str, Any], pointer: str, said: str
) -> None:
    request = await desk.asked()
    facts: dict[str, Any] = {"number": ONE, "yuan": "16.00"} | wrong
    problem = refused(await desk.bring(request, xml(**facts)), 422, "invoice_refused")
    named = [one["detail"] for one in problem["errors"] if one["pointer"] == pointer]
    assert any(said in one for one in named), problem
    assert await desk.count() == 0
    # Blanks and the width of brackets are no difference.
    assert (await desk.bring(request, xml(ONE, "16.00", seller="示例供应商0 (虚构)"))).status_code == 201


async def test_a_number_is_used_once_also_by_another_request(desk: Desk, database: Database) -> None:
    request = await desk.asked()
    assert (await desk.bring(request, xml(ONE, "16.00"))).status_code == 201
    blue = (await desk.seen_by(desk.of.union))[0]["invoices"][0]["id"]
    refused(await desk.redden(blue, xml(ONE, "-16.00", red_of=ONE)), 409, "invoice_number_used")
    assert await desk.count() == 1
    assert (await desk.seen_by(desk.of.union))[0]["invoices"][0]["remains_fen"] == 1_600


async def test_red_letters_take_back_never_more_than_remains_and_then_another_blue_one_may_come(desk: Desk) -> None:
    request = await desk.asked()
    blue = (await desk.bring(request, xml(ONE, "16.00"))).json()["id"]
    for yuan, red_of, code in (
        ("-16.01", ONE, "above_what_remains"),
        ("5.00", ONE, "not_negative"),
        ("-5.00", THREE, "other_invoice"),
    ):
        problem = refused(await desk.redden(blue, xml(TWO, yuan, red_of=red_of)), 422, "invoice_refused")
        assert code in {one["code"] for one in problem["errors"]}
    part = await desk.redden(blue, xml(TWO, "-6.00", red_of=ONE))
    assert (part.status_code, part.json()["amount_fen"], part.json()["kind"]) == (201, -600, "red")
    refused(await desk.redden(part.json()["id"], xml(THREE, "-1.00", red_of=TWO)), 409, "not_a_blue_invoice")
    refused(await desk.redden(blue, xml(THREE, "-10.01", red_of=ONE)), 422, "invoice_refused")
    assert (await desk.redden(blue, xml(THREE, "-10.00", red_of=ONE))).status_code == 201
    (one,) = await desk.seen_by(desk.of.supplier)
    assert (one["invoiced_fen"], one["invoices"][0]["remains_fen"]) == (0, 0)
    assert (await desk.bring(request, xml(f"{NUMBER}0009", "16.00"))).status_code == 201


async def test_pdf_and_ofd_are_kept_with_typed_fields(desk: Desk) -> None:
    request = await desk.asked()
    typed = {
        "number": ONE,
        "issued_on": "2026年11月21日",
        "issuer_name": SELLER,
        "issuer_tax_number": SELLER_TAX,
        "buyer_title": desk.of.share.invoice_title,
        "buyer_tax_number": BUYER_TAX,
        "amount_yuan": "16.00",
    }
    problem = refused(
        await desk.bring(request, PDF, **typed | {"number": "", "amount_yuan": "十六"}), 422, "invoice_unreadable"
    )
    assert {one["pointer"] for one in problem["errors"]} == {"/number", "/amount_yuan"}
    refused(await desk.bring(request, PDF, **typed | {"amount_yuan": "15.00"}), 422, "invoice_refused")
    refused(await desk.bring(request, PNG, **typed), 422, "invoice_unreadable")
    taken = await desk.bring(request, ofd(), **typed)
    assert taken.status_code == 201, taken.text
    red = await desk.redden(taken.json()["id"], PDF, **typed | {"number": TWO, "amount_yuan": "6.00"})
    assert (red.status_code, red.json()["amount_fen"]) == (201, -600)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "evidence_kind_refused"),
        (b"<EInvoice><Header><EIid>1</EIid></Header></EInvoice>", "invoice_unreadable"),
        (xml(ONE, "16.00").replace(b"16.00<", b"sixteen<"), "invoice_unreadable"),
        (xml(ONE, "16.00").replace(b">16.00</TotalAm", b">15.00</TotalAm"), "invoice_unreadable"),
        (xml(ONE, "16.00").replace(b"2026-11-21", b"2026-02-30"), "invoice_unreadable"),
    ],
)
async def test_xml_that_is_no_invoice_is_refused(desk: Desk, data: bytes, code: str) -> None:
    answer = await desk.bring(await desk.asked(), data)
    refused(answer, 415 if code == "evidence_kind_refused" else 422, code)
    assert await desk.count() == 0


async def test_strangers_neither_see_nor_ask_nor_hand_in(desk: Desk) -> None:
    request = await desk.asked()
    taken = (await desk.bring(request, xml(ONE, "16.00"))).json()["id"]
    assert await desk.seen_by(desk.of.other_supplier) == []
    refused(await desk.bring(request, xml(TWO, "16.00"), desk.of.other_supplier), 404, "not_found")
    async with as_caller(desk.app, desk.of.other_supplier) as caller:
        refused(await caller.get(f"/api/v1/invoices/{taken}/original"), 404, "not_found")
    refused(await desk.ask(await buyer(desk.database, works_at=desk.of.shop.branch)), 404, "not_found")
    refused(await desk.ask(desk.of.supplier), 403, "not_allowed")
    refused(await desk.ask(payer_share_ids=[str(new_id())]), 404, "not_found")
    refused(await desk.ask(title="别的抬头"), 422, "invalid")


async def test_a_share_without_a_tax_number_is_asked_for_one(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await session.execute(text("UPDATE payer_share SET tax_number = NULL"))
    refused(await desk.ask(), 422, "tax_number_missing")
    assert (await desk.ask(tax_number=BUYER_TAX)).json()["items"][0]["tax_number"] == BUYER_TAX


async def test_a_personal_order_gets_no_unit_title(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    actor = await buyer(database, works_at=shop.branch)
    order = await placed(database, actor, {shop.skus[0]: 1})
    payment = await pending_payment(database, order)
    headers = {"Idempotency-Key": "k"}
    async with as_caller(app, actor) as caller:
        address = f"/api/v1/orders/{order.id}/invoice"
        refused(await caller.post(address, json={}, headers=headers), 409, "invoice_not_due")
        async with database.transaction() as session:
            await settle(session, [paid(payment, order)], now=order.placed_at)
        for body in (
            {"title": "示例银行（虚构）"},
            {"tax_number": BUYER_TAX},
            {"title": "个人", "tax_number": BUYER_TAX},
        ):
            refused(await caller.post(address, json=body, headers=headers), 422, "unit_title_refused")
        asked = await caller.post(address, json={}, headers=headers)
        assert asked.status_code == 201, asked.text
        (one,) = asked.json()["items"]
        assert (one["title"], one["tax_number"], one["due_fen"]) == ("个人", None, order.total_fen)
    supplier = await worker(database, Role.SUPPLIER, "supplier", shop.suppliers[0])
    async with as_caller(app, supplier) as caller:
        yuan = f"{order.total_fen / 100:.2f}"
        to_unit = xml(ONE, yuan, buyer="示例银行（虚构）", buyer_tax=BUYER_TAX)
        fields = {"request_id": one["id"]}
        refused(
            await caller.post("/api/v1/invoices", data=fields, files={"file": ("a.xml", to_unit)}),
            422,
            "invoice_refused",
        )
        private = xml(ONE, yuan, buyer="个人（个人）", buyer_tax=None)
        taken = await caller.post("/api/v1/invoices", data=fields, files={"file": ("a.xml", private)})
        assert taken.status_code == 201, taken.text
