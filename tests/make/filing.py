"""A bank with branches, people of both, and a round through the door."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import first_of
from tests.make.people import Somebody, bearer, somebody
from tests.make.units import unit

MONTH = clock.add_months(clock.month_of(clock.today()), -1)
FIRST: date = first_of(MONTH)
AS_TEXT = f"{FIRST:%Y-%m}"


@dataclass
class Bank:
    """asks: head office; first and second: two people of the first branch; other: of the second branch."""

    http: httpx.AsyncClient
    database: Database
    head: UUID
    branches: list[UUID]
    asks: dict[str, str]
    first: dict[str, str]
    second: dict[str, str]
    other: dict[str, str]
    people: dict[str, Somebody]

    async def open(self) -> str:
        body = {"month": AS_TEXT, "unit": str(self.head)}
        answer = await self.http.post(
            "/api/v1/filings", json=body, headers=self.asks | {"Idempotency-Key": str(new_id())}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def board(self, opened: str, *, who: dict[str, str] | None = None) -> Any:
        answer = await self.http.get(f"/api/v1/filings/{opened}", headers=who or self.asks)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def act(
        self, opened: str, step: str, body: dict[str, Any] | None = None, *, who: dict[str, str], branch: int = 0
    ) -> httpx.Response:
        there = f"/api/v1/filings/{opened}/branches/{self.branches[branch]}/{step}"
        return await self.http.post(there, json=body or {}, headers=who)

    async def confirmed(self, opened: str) -> Any:
        answer = await self.act(opened, "confirm", who=self.first)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def signed(self, opened: str) -> Any:
        digest = (await self.confirmed(opened))["report_digest"]
        answer = await self.act(opened, "sign", {"digest": digest}, who=self.second)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def a_bank(http: httpx.AsyncClient, database: Database, *, branches: int = 3) -> Bank:
    head = await unit(database, "BANK")
    made = [await unit(database, f"B{n:02}", under=head) for n in range(branches)]
    people, tokens = {}, {}
    for name, at in (("asks", head), ("first", made[0]), ("second", made[0]), ("other", made[1])):
        grant = Grant(Role.STAFF, "unit", str(at))
        people[name] = await somebody(database, f"{name}@example.com", grant, name=f"{name}（虚构）")
        tokens[name] = await bearer(http, f"{name}@example.com")
    return Bank(http, database, head, made, **tokens, people=people)
