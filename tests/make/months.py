"""Two companies with months of their own, two people in each head office, a branch, and the platform's people."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import Recognised, record
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Sale, enter
from tests.make.people import bearer, somebody
from tests.make.units import unit

TODAY = clock.today()
THIS = clock.month_of(TODAY)
LAST = clock.add_months(THIS, -1)


def text_of(month: int) -> str:
    return f"{month // 100}-{month % 100:02}"


@dataclass
class Companies:
    """bank and branch are one company, other the second. Callers by name: their tokens."""

    http: httpx.AsyncClient
    database: Database
    bank: UUID
    branch: UUID
    other: UUID
    callers: dict[str, dict[str, str]]

    async def post(self, who: str, path: str, body: Any = None, *, unit: object = None) -> httpx.Response:
        """To a month's door, `2026-10/close`."""
        params = {} if unit is None else {"unit": str(unit)}
        there = f"/api/v1/periods/{path}"
        return await self.http.post(there, json=body, params=params, headers=self.callers[who])

    async def close(self, who: str, month: int, *, unit: object = None) -> Any:
        answer = await self.post(who, f"{text_of(month)}/close", unit=unit)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, who: str, month: int, reason: str = "漏记一批退款", *, unit: object = None) -> httpx.Response:
        return await self.post(who, f"{text_of(month)}/reopen", {"reason": reason}, unit=unit)

    async def asked(self, who: str, month: int, reason: str = "漏记一批退款", *, unit: object = None) -> str:
        answer = await self.ask(who, month, reason, unit=unit)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def approve(self, who: str, month: int, reopening: str) -> httpx.Response:
        return await self.post(who, f"{text_of(month)}/reopen/{reopening}/approve")

    async def reopen(self, month: int, reason: str = "漏记一批退款") -> None:
        """The bank's, by its two people."""
        asked = await self.asked("bank.one", month, reason)
        answer = await self.approve("bank.two", month, asked)
        assert (answer.status_code, answer.json()["state"]) == (200, "open"), answer.text

    async def months(self, who: str, *, unit: object = None, limit: int = 3) -> list[Any]:
        params = {"limit": str(limit)} | ({} if unit is None else {"unit": str(unit)})
        answer = await self.http.get("/api/v1/periods", params=params, headers=self.callers[who])
        assert answer.status_code == 200, answer.text
        found: list[Any] = answer.json()["items"]
        return found

    async def sell(self, path: list[UUID], on: date, fen: int = 1_000) -> Sale:
        sale = Sale(on=on, fen=fen, path=path)
        await enter(self.database, sale)
        return sale

    async def give_back(self, sale: Sale, on: date, fen: int) -> None:
        """A refund that succeeded on that day."""
        back = Recognised("refund", new_id(), sale.id, -fen, -1, -1, on, sale.on, "A")
        async with self.database.transaction() as session:
            await record(session, [back], now=clock.now())

    async def landed(self, *tops: UUID | None) -> list[tuple[Any, ...]]:
        """(month, fen, the day it was late for) of a top unit's entries, in the order of their months and amounts."""
        async with self.database.reading() as session:
            assert await differences(session) == []
            found = await session.execute(
                text("""SELECT period_month, amount_fen, late_for FROM credit_entry
                    WHERE unit_path[array_upper(unit_path, 1)] IS NOT DISTINCT FROM :top ORDER BY 1, 2"""),
                {"top": tops[0] if tops else None},
            )
            return [tuple(row) for row in found]


async def companies(http: httpx.AsyncClient, database: Database) -> Companies:
    bank, other = await unit(database, "BANK"), await unit(database, "OTHER")
    branch = await unit(database, "B01", under=bank)
    places = {
        "bank.one": ("unit", bank), "bank.two": ("unit", bank), "branch": ("unit", branch),
        "other.one": ("unit", other), "other.two": ("unit", other), "platform.one": ("all", "*"),
        "platform.two": ("all", "*"),
    }  # fmt: skip
    callers = {}
    for name, (kind, scope) in places.items():
        email = f"{name}@months.test"
        await somebody(database, email, Grant(Role.STAFF, kind, str(scope)), name=f"{name}（虚构）")  # type: ignore[arg-type]
        callers[name] = await bearer(http, email)
    return Companies(http, database, bank, branch, other, callers)
