"""Invoices under races, on real connections."""

import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.core.database import Database
from tests.make.caller import as_caller
from tests.make.invoice import NUMBER, waiting, xml

pytestmark = pytest.mark.anyio


async def test_one_number_used_at_once_is_taken_once_and_red_letters_never_exceed(
    app: FastAPI, database: Database
) -> None:
    of = await waiting(database)
    async with as_caller(app, of.union) as caller:
        asked = await caller.post(
            f"/api/v1/orders/{of.share.order_id}/invoice", json={}, headers={"Idempotency-Key": "k"}
        )
        request = asked.json()["items"][0]["id"]
    blue, red = f"{NUMBER}0001", [f"{NUMBER}{n:04}" for n in range(2, 8)]
    async with as_caller(app, of.supplier) as caller:

        async def bring(data: bytes) -> int:
            sent = await caller.post("/api/v1/invoices", data={"request_id": request}, files={"file": ("a.xml", data)})
            return sent.status_code

        # The same number in different files, and another number for the same goods.
        files = [xml(blue, "16.00", tax=f"0.0{n}") for n in range(4)] + [xml(f"{NUMBER}0099", "16.00")]
        statuses = await asyncio.gather(*map(bring, files))
        assert (statuses.count(201), set(statuses) <= {201, 409, 422}) == (1, True)
        async with database.reading() as session:
            ((invoice_id, number),) = (await session.execute(text("SELECT id, number FROM invoice"))).all()

        async def redden(own: str) -> int:
            data = xml(own, "-5.00", red_of=number)
            address = f"/api/v1/invoices/{invoice_id}/red-letter"
            return (await caller.post(address, files={"file": ("a.xml", data)})).status_code

        assert sorted(await asyncio.gather(*map(redden, red))) == [201, 201, 201, 422, 422, 422]
    async with database.reading() as session:
        assert await session.scalar(text("SELECT sum(amount_fen)::bigint FROM invoice")) == 100
