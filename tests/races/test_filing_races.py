"""Two sign at once, and one signs while another confirms again: one figure, one signature."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.credit import Sale, enter
from tests.make.filing import FIRST, a_bank
from tests.make.people import bearer, somebody

pytestmark = pytest.mark.anyio


async def test_of_two_signatures_at_once_one_stands(client: httpx.AsyncClient, database: Database) -> None:
    bank = await a_bank(client, database)
    await somebody(database, "third@example.com", Grant(Role.STAFF, "unit", str(bank.branches[0])))
    third = await bearer(client, "third@example.com")
    opened = await bank.open()
    body = {"digest": (await bank.confirmed(opened))["report_digest"]}
    answers = await asyncio.gather(
        *(bank.act(opened, "sign", body, who=who) for who in (bank.second, third) for _ in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    async with database.reading() as session:
        signatures = await session.scalar(text("SELECT count(*) FROM filing_event WHERE kind = 'signed'"))
    assert signatures == 1


async def test_nobody_signs_a_figure_that_he_did_not_read(client: httpx.AsyncClient, database: Database) -> None:
    bank = await a_bank(client, database)
    opened = await bank.open()
    read = {"digest": (await bank.confirmed(opened))["report_digest"]}
    await enter(database, Sale(on=FIRST, fen=700, path=[bank.branches[0], bank.head]))
    signing, again = await asyncio.gather(
        bank.act(opened, "sign", read, who=bank.second), bank.act(opened, "confirm", who=bank.first)
    )
    assert sorted((signing.status_code, again.status_code)) == [200, 409]
    (one, *_) = (await bank.board(opened))["branches"]
    assert (one["state"], one["credited_fen"]) == (("signed", 0) if signing.status_code == 200 else ("confirmed", 700))


async def test_of_two_rounds_of_one_month_one_is_opened(client: httpx.AsyncClient, database: Database) -> None:
    bank = await a_bank(client, database)
    body = {"month": f"{FIRST:%Y-%m}", "unit": str(bank.head)}
    answers = await asyncio.gather(
        *(
            client.post("/api/v1/filings", json=body, headers=bank.asks | {"Idempotency-Key": f"key-{n}"})
            for n in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
