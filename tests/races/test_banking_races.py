"""The bank desk under races, on real connections: money is matched once."""

import asyncio

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shop.access.permissions import Actor, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.banking import Row, balance, brought, icbc, share, share_now
from tests.make.caller import as_caller
from tests.make.evidence import worker
from tests.make.shop import small_shop

pytestmark = pytest.mark.anyio


async def test_the_same_statement_and_overlapping_ones_imported_at_once_pay_once(
    app: FastAPI, database: Database
) -> None:
    shop = await small_shop(database)
    shares = [await share(database, shop, due_fen=10_000) for _ in range(4)]
    # Another amount each: the same one twice for one share from two files would rightly wait for a person.
    rows = [Row(f"S{n}", f"1.{n:02}", shares[n % 4].transfer_code) for n in range(40)]
    files = [icbc(rows), icbc(rows), icbc(rows[10:]), icbc(rows[::-1]), icbc(rows[:30])]
    desks = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in files]
    second = await worker(database, Role.STAFF, "unit", shop.bank)

    async def bring(desk: Actor, data: bytes) -> str:
        async with as_caller(app, desk) as caller:
            answer = await caller.post("/api/v1/bank-statements", files={"file": ("a.csv", data)})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["statement_id"])

    async def confirm(statement: str) -> tuple[int, int]:
        async with as_caller(app, second) as caller:
            answer = await caller.post(f"/api/v1/bank-statements/{statement}/confirm")
        return answer.status_code, answer.json().get("fresh", 0)

    statements = set(await asyncio.gather(*map(bring, desks, files)))
    assert len(statements) == 4, "the same bytes at once are one statement"
    answers = await asyncio.gather(*map(confirm, [*statements, *statements]))
    assert sorted(status for status, _ in answers) == [200] * 4 + [409] * 4
    assert sum(fresh for _, fresh in answers) == 40
    paid = [sum(100 + n for n in range(40) if n % 4 == of) for of in range(4)]
    assert [await share_now(database, one.id) for one in shares] == [(10_000, fen, "partly_paid") for fen in paid]
    assert await balance(database, "clearing", "bank") == sum(paid)


async def test_two_people_confirm_and_reject_at_once(app: FastAPI, database: Database) -> None:
    shop = await small_shop(database)
    first, *others = [await worker(database, Role.STAFF, "unit", shop.bank) for _ in range(5)]
    of = await share(database, shop, due_fen=1_000)
    async with as_caller(app, first) as caller:
        file = ("a.csv", icbc([Row("S1", "10.00", name="某专户（虚构）")]))
        statement = (await brought(app, database, first, file[1]))["statement_id"]
        (waiting,) = (await caller.get("/api/v1/bank-transfers")).json()["items"]
        body = {"transfer_id": waiting["id"], "shares": [{"payer_share_id": str(of.id)}], "reason": "来函"}
        address = f"/api/v1/bank-statements/{statement}/match"

        async def propose() -> int:
            sent = await caller.post(address, json=body, headers={"Idempotency-Key": str(new_id())})
            return sent.status_code

        assert sorted(await asyncio.gather(*(propose() for _ in range(4)))) == [201, 409, 409, 409]
    async with database.reading() as session:
        proposal = await session.scalar(text("SELECT id FROM match_proposal"))

    async def decide(who, do):  # noqa: ANN001, ANN202
        async with as_caller(app, who) as caller:
            sent = await caller.post(f"{address}/{proposal}/{do}", json={"reason": "不是"} if do == "reject" else None)
            return do, sent.status_code

    did = await asyncio.gather(
        *(decide(who, do) for who, do in zip(others, ("confirm", "reject", "confirm", "reject"), strict=True))
    )
    won = [do for do, status in did if status == 200]
    assert len(won) == 1
    assert {status for _, status in did} == {200, 409}
    paid = 1_000 if won == ["confirm"] else 0
    assert (await share_now(database, of.id))[1] == paid
    assert await balance(database, "clearing", "bank") == paid
