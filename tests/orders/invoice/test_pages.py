"""The supplier's page, with forms as a browser sends them."""

import re

import pytest
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.caller import as_caller
from tests.make.evidence import PDF
from tests.make.invoice import NUMBER, waiting, xml
from tests.make.people import PASSWORD, client_of, somebody

pytestmark = pytest.mark.anyio


def token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]


async def test_a_supplier_hands_in_an_invoice_and_its_red_letter(app: FastAPI, database: Database) -> None:
    of = await waiting(database)
    await somebody(database, "seller@desk.test", Grant(Role.SUPPLIER, "supplier", str(of.shop.suppliers[0])))
    async with client_of(app) as browser:
        page = await browser.get("/sign-in")
        signed = {"csrf_token": token(page.text), "email": "seller@desk.test", "password": PASSWORD}
        await browser.post("/sign-in", data=signed)
        assert "还没有开票申请" in (await browser.get("/supplier/invoices")).text
        async with as_caller(app, of.union) as caller:
            address = f"/api/v1/orders/{of.share.order_id}/invoice"
            asked = await caller.post(address, json={}, headers={"Idempotency-Key": "k"})
        sent = {"request_id": asked.json()["items"][0]["id"]}
        page = await browser.get("/supplier/invoices")
        assert "¥16.00" in page.text
        form = {"csrf_token": token(page.text), **sent, "number": "抄错的号码"}
        wrong = await browser.post("/supplier/invoices", data=form, files={"file": ("a.pdf", PDF)})
        assert (wrong.status_code, "抄错的号码" in wrong.text) == (422, True)
        blue = {"file": ("a.xml", xml(f"{NUMBER}0001", "16.00"))}
        done = await browser.post("/supplier/invoices", data=form, files=blue)
        assert done.status_code == 303, done.text
        page = await browser.get(done.headers["location"])
        assert f"{NUMBER}0001" in page.text
        action = re.search(r'action="(/supplier/invoices/[^"]+/red-letter)"', page.text)
        assert action
        red = {"file": ("b.xml", xml(f"{NUMBER}0002", "-16.00", red_of=f"{NUMBER}0001"))}
        token_only = {"csrf_token": token(page.text)}
        assert (await browser.post(action[1], data=token_only, files=red)).status_code == 303
        page = await browser.get("/supplier/invoices?lang=en")
        assert f"{NUMBER}0002" in page.text
