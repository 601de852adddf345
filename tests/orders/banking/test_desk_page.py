"""The bank desk's page: what was done long ago is found and undone, another receipt is named, the desk is chosen."""

import re
from contextlib import aclosing
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.bank_desk import bank_desk, money
from tests.make.banking import icbc
from tests.make.people import somebody
from tests.orders.banking.test_pages import signed_in, token

pytestmark = pytest.mark.anyio


async def test_what_was_matched_long_ago_is_found_and_undone(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    await somebody(database, "one@desk.test", Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    await somebody(database, "far@desk.test", Grant(Role.STAFF, "unit", str(new_id())))
    _, order, code = await desk.ordered()
    done = await desk.bring(money("S-0099", order.total_fen, code, name="甲乙丙（虚构）"))
    receipt = await desk.receipt("S-0099")
    async with database.transaction() as session:
        await session.execute(text("UPDATE bank_transfer SET imported_at = :at"), {"at": clock.now() - timedelta(60)})
    undo = f"/staff/bank/transfers/{receipt}/unmatch"
    async with (
        aclosing(await signed_in(app, "one@desk.test")) as first,
        aclosing(await signed_in(app, "far@desk.test")) as far,
    ):
        assert undo not in (await first.get("/staff/bank")).text
        for q in ("s-0099", "乙丙", order.number, code):
            page = (await first.get("/staff/bank", params={"q": q})).text
            assert undo in page, q
            assert f"receipts/{receipt}" in page, q
            assert undo not in (await far.get("/staff/bank", params={"q": q})).text
        assert "没有找到" in (await first.get("/staff/bank", params={"q": "%"})).text
        statement = (await first.get(f"/staff/bank/statements/{done['statement_id']}")).text
        assert f"/staff/bank?q=S-0099#m-{receipt}" in statement
        sent = {"csrf_token": token(page), "reason": " "}
        wrong = await first.post(f"{undo}?q=S-0099", data=sent)
        assert (wrong.status_code, undo in wrong.text) == (422, True)
        assert (await first.post(undo, data=sent | {"reason": "认错了"})).status_code == 303


async def test_a_receipt_that_the_page_does_not_offer_is_named_by_its_number(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    await somebody(database, "one@desk.test", Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    await desk.bring(*(money(f"W{n}", 700, day=f"2026-11-2{n}", name="别人（虚构）") for n in range(7)))
    done = await desk.bring(money("N1", -700, "汇路调整", day="2026-11-27", name="甲（虚构）"), money("IN", 5))
    async with aclosing(await signed_in(app, "one@desk.test")) as first:
        said = (await first.get(f"/staff/bank?statement={done['statement_id']}")).text
        assert "到账 1 笔，冲回 1 笔" in said
        page = (await first.get("/staff/bank")).text
        form = re.search(r'action="(/staff/bank/transfers/[^"]+/takes-back)"', page)
        assert form
        assert "W0" not in "".join(re.findall(r'name="receipt_id".*', page))
        sent = {"csrf_token": token(page), "reason": "银行来函"}
        for number in ("", "W9"):
            wrong = await first.post(form[1], data=sent | {"serial_number": number})
            assert (wrong.status_code, "银行来函" in wrong.text) == (422, True)
        assert (await first.post(form[1], data=sent | {"serial_number": " W0"})).status_code == 303
    async with database.reading() as session:
        row = "SELECT t.serial_number FROM match_undoing u JOIN bank_transfer t ON t.id = u.receipt_id"
        assert await session.scalar(text(row)) == "W0"


async def test_any_receipt_of_the_amount_may_be_what_came_back(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    await somebody(database, "one@desk.test", Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    _, order, code = await desk.ordered()
    await desk.bring(money("S1", order.total_fen + 300, code))
    body = {"amount_fen": 300, "bank_reference": "OUT-1", "returned_on": str(clock.today()), "reason": "多付"}
    await desk.post(desk.second, f"/payer-shares/{await desk.share_of(order)}/pay-back", body, status=201)
    await desk.bring(money("B1", 300, "来账", day=str(clock.today()), name="某银行（虚构）"))
    async with aclosing(await signed_in(app, "one@desk.test")) as first:
        page = (await first.get("/staff/bank")).text
        assert "也许是本店转出的款没有送到" in page
        form = re.search(r'action="(/staff/bank/transfers/[^"]+/came-back)"', page)
        value = re.search(r'name="returned" value="(pay_back:[^"]+)"', page)
        assert form
        assert value
        sent = {"csrf_token": token(page), "returned": value[1], "back_reason": "银行说没有送到"}
        assert (await first.post(form[1], data=sent)).status_code == 303


async def test_who_has_several_desks_says_whose_account_it_is(app: FastAPI, database: Database) -> None:
    desk = await bank_desk(app, database)
    grants = [Grant(Role.STAFF, "unit", str(unit)) for unit in (desk.shop.bank, desk.shop.branch)]
    await somebody(database, "both@desk.test", *grants)
    await somebody(database, "one@desk.test", grants[0])
    file = {"file": ("a.csv", icbc([money("S1", 500)]))}
    async with (
        aclosing(await signed_in(app, "both@desk.test")) as both,
        aclosing(await signed_in(app, "one@desk.test")) as one,
    ):
        assert 'name="desk" required' not in (await one.get("/staff/bank")).text
        page = (await both.get("/staff/bank")).text
        assert 'name="desk" required' in page
        for unit in (desk.shop.branch, desk.shop.bank):
            sent = {"csrf_token": token(page), "desk": str(unit)}
            assert (await both.post("/staff/bank/statements", data=sent, files=file)).status_code == 303
        sent = {"csrf_token": token(page), "desk": str(new_id())}
        assert (await both.post("/staff/bank/statements", data=sent, files=file)).status_code == 404
    async with database.reading() as session:
        found = await session.scalars(text("SELECT unit_id FROM bank_statement ORDER BY imported_at"))
        assert found.all() == [desk.shop.branch, desk.shop.bank]


async def test_a_verdict_on_a_layout_is_one_of_two_words_and_every_column_of_the_page_is_accepted(
    app: FastAPI, database: Database
) -> None:
    desk = await bank_desk(app, database)
    await somebody(database, "two@desk.test", Grant(Role.STAFF, "unit", str(desk.shop.bank)))
    columns = {"day": ["甲"], "serial_number": ["乙"], "payer_name": ["丙"], "income": ["丁"], "reversed": ["冲账标志"]}
    body = {"name": "某行（虚构）", "unit_id": str(desk.shop.bank), "columns": columns}
    layout = (await desk.post(desk.importer, "/bank-layouts", body, status=201))["id"]
    async with aclosing(await signed_in(app, "two@desk.test")) as second:
        sent = {"csrf_token": token((await second.get("/staff/bank")).text)}
        at = f"/staff/bank/layouts/{layout}"
        assert (await second.post(f"{at}/confirmed", data=sent)).status_code in {404, 422}
        assert (await second.post(f"{at}/confirm", data=sent)).status_code == 303
    async with database.reading() as session:
        row = (await session.execute(text("SELECT state, columns->'reversed'->>0 FROM bank_layout"))).one()
        assert tuple(row) == ("confirmed", "冲账标志")
