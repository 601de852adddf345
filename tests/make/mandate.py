"""An auditor with a mandate, sales of two branches, and the officials around them."""

from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Sale, enter
from tests.make.evidence import kept_paper, worker
from tests.make.people import Somebody, bearer, somebody
from tests.make.units import unit

TODAY = clock.today()
LETTER = sha256(b"letter").hexdigest()


@dataclass
class Desk:
    """auditor: of the bank's branch by mandate; staff: of the bank; buyer: an employee who bought."""

    http: httpx.AsyncClient
    database: Database
    bank: UUID
    branch: UUID
    other: UUID
    auditor: dict[str, str]
    staff: dict[str, str]
    admin: dict[str, str]
    second: dict[str, str]
    buyer: Somebody
    sales: list[Sale]

    async def get(self, there: str, *, who: dict[str, str] | None = None, status: int = 200) -> Any:
        answer = await self.http.get(there, headers=who or self.auditor)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def post(self, there: str, body: dict[str, Any], *, who: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.post(
            there, json=body, headers=(who or self.auditor) | {"Idempotency-Key": str(new_id())}
        )

    async def mandated(self, *units: UUID, **dates: date) -> Any:
        body = {
            "auditor": "auditor@example.com",
            "unit_ids": [str(one) for one in units or (self.branch,)],
            "covers_from": str(dates.get("covers_from", date(TODAY.year, 1, 1))),
            "covers_to": str(dates.get("covers_to", date(TODAY.year + 1, 1, 1))),
            "valid_from": str(dates.get("valid_from", TODAY - timedelta(days=1))),
            "valid_to": str(dates.get("valid_to", TODAY + timedelta(days=30))),
            "document_sha256": LETTER,
        }
        asked = await self.post("/api/v1/audit/mandates", body, who=self.admin)
        assert asked.status_code == 202, asked.text
        approval = f"/api/v1/mandates/{asked.json()['id']}/approve"
        assert (await self.http.post(approval, headers=self.second)).status_code == 200
        return max((await self.get("/api/v1/audit/mandates", who=self.admin))["items"], key=lambda one: one["id"])

    async def lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/api/v1/audit/lines?limit=100"))["items"]
        return found


async def a_desk(http: httpx.AsyncClient, database: Database) -> Desk:
    bank = await unit(database, "BANK")
    branch, other = await unit(database, "B1", under=bank), await unit(database, "B2", under=bank)
    buyer = await somebody(database, "buyer@example.com", Grant(Role.EMPLOYEE, "unit", str(branch)), name="李购买")
    roles = {"auditor": Role.AUDITOR, "staff": Role.STAFF, "admin": Role.ADMINISTRATOR, "second": Role.ADMINISTRATOR}
    tokens = {}
    for name, role in roles.items():
        scope = Grant(role, "all", "*") if role is Role.ADMINISTRATOR else Grant(role, "unit", str(bank))
        who = await somebody(database, f"{name}@example.com", scope, name=f"{name}官员")
        async with database.transaction() as session:
            await kept_paper(session, LETTER, by=who.user_id)
        tokens[name] = await bearer(http, f"{name}@example.com")
    mine = [
        Sale(on=TODAY, fen=1_000 + n, path=[branch, bank], person=buyer.person_id, unit_name="一分行（虚构）")
        for n in range(3)
    ]
    theirs = [Sale(on=TODAY, fen=500, path=[branch, bank]), Sale(on=TODAY, fen=900, path=[other, bank])]
    await enter(database, *mine, *theirs)
    return Desk(http, database, bank, branch, other, **tokens, buyer=buyer, sales=[*mine, *theirs])


async def mandate(database: Database, auditor: UUID, *units: UUID) -> None:
    """As two administrators would have registered it: of these units, this year, for a month around today."""
    other = await worker(database, Role.ADMINISTRATOR, "all", "*")
    async with database.transaction() as session:
        await session.execute(
            text("""INSERT INTO audit_mandate (id, auditor_id, unit_ids, covers_from, covers_to, valid_from, valid_to,
                document_sha256, granted_by, granted_at)
                VALUES (:id, :auditor, :units, :first, :after, :since, :until, :letter, :by, now())"""),
            {
                "id": new_id(),
                "auditor": auditor,
                "units": list(units),
                "first": date(TODAY.year, 1, 1),
                "after": date(TODAY.year + 1, 1, 1),
                "since": TODAY - timedelta(days=30),
                "until": TODAY + timedelta(days=30),
                "letter": LETTER,
                "by": other.user_id,
            },
        )
