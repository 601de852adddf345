"""Budgets through the door: approvers change them, readers of the union see them, strangers learn nothing."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import Response
from sqlalchemy import text

from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.budget import YEAR, UnionDesk, union_desk
from tests.make.caller import as_caller, refused
from tests.make.evidence import kept_paper
from tests.make.shop import buyer
from tests.make.units import unit

pytestmark = pytest.mark.anyio

PAPER = {"reason": "职代会通过（虚构）", "document_sha256": "b" * 64}


@pytest.fixture
async def desk(database: Database) -> UnionDesk:
    made = await union_desk(database, await unit(database, "BANK"))
    async with database.transaction() as session:
        await kept_paper(session, PAPER["document_sha256"], by=made.approver.user_id)
    return made


async def post(app: FastAPI, actor: Actor, path: str, key: str | None = None, **body: Any) -> Response:
    async with as_caller(app, actor) as caller:
        headers = {"Idempotency-Key": key or str(new_id())}
        return await caller.post(f"/api/v1/budgets{path}", json=PAPER | body, headers=headers)


async def get(app: FastAPI, actor: Actor, path: str) -> Any:
    async with as_caller(app, actor) as caller:
        return (await caller.get(f"/api/v1/budgets{path}")).json()


async def versions(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text("SELECT count(*) FROM budget_version")) or 0)


async def test_another_company_s_paper_is_cited_by_nobody(app: FastAPI, database: Database, desk: UnionDesk) -> None:
    other = await union_desk(database, await unit(database, "OTHER"))
    requested = {"union_id": str(other.union), "fiscal_year": YEAR, "amount_fen": 100_000}
    answer = await post(app, other.approver, "", **requested)
    assert refused(answer, 422, "evidence_unknown")
    unknown = await post(app, other.approver, "", **requested | {"document_sha256": "f" * 64})
    assert unknown.json() == answer.json(), "unknown and not yours answer alike"
    assert await versions(database) == 0


async def test_adopted_adjusted_carried_over_and_read(app: FastAPI, database: Database, desk: UnionDesk) -> None:
    year = f"/{desk.union}/{YEAR}"
    requested: dict[str, Any] = {"union_id": str(desk.union), "fiscal_year": YEAR, "amount_fen": 100_000}
    first = await post(app, desk.approver, "", key="k-1", **requested)
    again = await post(app, desk.approver, "", key="k-1", **requested)
    assert (first.status_code, first.json()["available_fen"]) == (201, 100_000), first.text
    assert again.content == first.content
    assert (await post(app, desk.approver, "", **requested)).json()["code"] == "budget_adopted"
    lowered = await post(app, desk.approver, f"{year}/adjustments", change_fen=-30_000)
    assert lowered.json()["amount_fen"] == 70_000
    short = await post(app, desk.approver, f"{year}/adjustments", change_fen=-70_001)
    assert refused(short, 409, "funds_short")
    carried = await post(app, desk.approver, f"{year}/carry-over")
    assert (carried.json()["amount_fen"], carried.json()["available_fen"]) == (0, 0)
    seen = await get(app, desk.clerk, "")
    assert [(one["fiscal_year"], one["available_fen"]) for one in seen["items"]] == [(YEAR + 1, 70_000), (YEAR, 0)]
    one_year = await get(app, desk.clerk, year)
    assert [one["kind"] for one in one_year["versions"]] == ["adopted", "adjusted", "carried_out"]
    page = await get(app, desk.clerk, "?limit=1")
    rest = await get(app, desk.clerk, f"?limit=1&cursor={page['next_cursor']}")
    assert [one["fiscal_year"] for one in (page["items"] + rest["items"])] == [YEAR + 1, YEAR]
    assert rest["next_cursor"] is None


async def test_who_may_not_is_told_nothing_and_changes_nothing(
    app: FastAPI, database: Database, desk: UnionDesk
) -> None:
    elsewhere = await unit(database, "OTHER")
    stranger = replace(await buyer(database), grants=(Grant(Role.UNION_APPROVER, "unit", str(elsewhere)),))
    body: dict[str, Any] = {"union_id": str(desk.union), "fiscal_year": YEAR, "amount_fen": 5}
    assert refused(await post(app, stranger, "", **body), 404, "not_found")
    assert refused(await post(app, desk.clerk, "", **body), 403, "not_allowed")
    assert refused(await post(app, desk.approver, "", **body | {"document_sha256": "x"}), 422, "invalid")
    assert refused(await post(app, desk.approver, "", **body | {"amount_fen": 0}), 422, "invalid")
    assert await versions(database) == 0
    assert (await get(app, stranger, ""))["items"] == []
    assert (await get(app, desk.clerk, f"/{desk.union}/{YEAR}"))["code"] == "not_found"
    assert (await get(app, desk.clerk, f"?union_id={UUID(int=1)}"))["items"] == []
