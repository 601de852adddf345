"""The correction desk through its door: two people, reversal and re-post of what remains."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from orders.credit.check import differences
from orders.credit.record import Recognised, record
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import CONGJIANG, HUNYUAN, Given, Sale, enter, first_of
from tests.make.evidence import kept_paper
from tests.make.people import bearer, somebody
from tests.make.units import unit

pytestmark = pytest.mark.anyio

TODAY = clock.today()
THIS = date(TODAY.year, TODAY.month, 1)
BEFORE = first_of(clock.add_months(clock.month_of(TODAY), -1))
CLOSING = f"/api/v1/periods/{BEFORE:%Y-%m}/close"


@dataclass
class Desk:
    http: httpx.AsyncClient
    database: Database
    bank: UUID
    first: dict[str, str]
    second: dict[str, str]
    paper: str

    async def ask(self, sale: Sale, facts: Mapping[str, Any], *, who: dict[str, str] | None = None) -> httpx.Response:
        body = {
            "order_line": str(sale.order), "facts": dict(facts), "reason": "合格证补交", "document_sha256": self.paper,
        }  # fmt: skip
        key = {"Idempotency-Key": str(new_id())}
        return await self.http.post("/api/v1/credit/corrections", json=body, headers=(who or self.first) | key)

    async def asked(self, sale: Sale, facts: Mapping[str, Any]) -> str:
        answer = await self.ask(sale, facts)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def approve(self, correction: str, *, who: dict[str, str] | None = None) -> httpx.Response:
        return await self.http.post(f"/api/v1/credit/corrections/{correction}/approve", headers=who or self.second)

    async def explained(self, sale: Sale) -> Any:
        answer = await self.http.get(f"/api/v1/credit/explain?order_line={sale.order}", headers=self.first)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sums(self) -> list[tuple[Any, ...]]:
        """(month, county, counted, fen) of the ledger, without what cancelled out."""
        async with self.database.reading() as session:
            assert await differences(session) == []
            found = await session.execute(
                text("""SELECT period_month, county_name, counted, sum(amount_fen)::bigint FROM credit_entry
                    GROUP BY 1, 2, 3 HAVING sum(amount_fen) <> 0 ORDER BY 1, 2, 3""")
            )
            return [tuple(row) for row in found]


@pytest.fixture
async def desk(client: httpx.AsyncClient, database: Database) -> Desk:
    bank = await unit(database, "BANK")
    staff = Grant(Role.STAFF, "unit", str(bank))
    one = await somebody(database, "one@example.com", staff)
    await somebody(database, "two@example.com", staff)
    paper = sha256(b"paper").hexdigest()
    async with database.transaction() as session:
        await kept_paper(session, paper, by=one.user_id, unit=bank)
        for place in (CONGJIANG, HUNYUAN):
            await session.execute(
                text("INSERT INTO county (code, name, province, source) VALUES (:code, :name, :province, '示例')"),
                {"code": place.code, "name": place.name, "province": place.province},
            )
            await session.execute(
                text("""INSERT INTO designation (id, county_code, kind, valid_from, source, confirmed)
                    VALUES (gen_random_uuid(), :code, 'lifted_out', '2020-01-01', '示例', true)"""),
                {"code": place.code},
            )
        await session.execute(
            text("""INSERT INTO counting_rule (id, version, valid_from, needs_designation, needs_recognition,
                includes_freight, origin_basis, recognition_point, source)
                VALUES (:id, '2021-1', '2021-01-01', true, false, false, 'grown', 'paid', '示例口径（虚构）')"""),
            {"id": RULE},
        )
    return Desk(
        client, database, bank, await bearer(client, "one@example.com"), await bearer(client, "two@example.com"), paper
    )


RULE = UUID(int=7)


def sold(desk: Desk, fen: int = 1_000, *, on: date = THIS, **facts: Any) -> Sale:
    return Sale(on=on, fen=fen, path=[desk.bank], rule=RULE, **facts)


async def test_what_remains_moves_to_another_county_in_its_own_month(desk: Desk) -> None:
    sale = sold(desk, on=BEFORE, given=[Given(on=THIS, fen=300, grams=100, milli=200)])
    await enter(desk.database, sale)
    correction = await desk.asked(sale, {"county_code": HUNYUAN.code})
    before = await desk.sums()
    assert (await desk.approve(correction, who=desk.first)).json()["code"] == "second_person_needed"
    assert await desk.sums() == before
    answer = await desk.approve(correction)
    assert (answer.status_code, answer.json()["state"]) == (200, "approved")
    month, this = clock.month_of(BEFORE), clock.month_of(THIS)
    assert await desk.sums() == [
        (month, "从江县", True, 300), (month, "浑源县", True, 700), (this, "从江县", True, -300),
    ]  # fmt: skip
    (one,) = (await desk.explained(sale))["components"]
    assert [(e["kind"], e["amount_fen"]) for e in one["entries"]] == [
        ("sale", 1_000), ("refund", -300), ("reversal", -700), ("repost", 700),
    ]  # fmt: skip
    assert one["entries"][2]["reverses_id"] == one["entries"][0]["id"]
    assert one["attribution"]["county_name"] == "浑源县"
    assert [row["county_name"] for row in one["corrected"]] == ["从江县"]


async def test_a_refund_after_a_correction_and_a_correction_of_a_correction(desk: Desk) -> None:
    sale = sold(desk)
    await enter(desk.database, sale)
    await desk.approve(await desk.asked(sale, {"county_code": HUNYUAN.code}))
    async with desk.database.transaction() as session:
        await record(
            session, [Recognised("refund", new_id(), sale.id, -400, -200, -400, TODAY, THIS, "A")], now=clock.now()
        )
    this = clock.month_of(THIS)
    assert await desk.sums() == [(this, "浑源县", True, 600)]
    back = await desk.approve(await desk.asked(sale, {"county_code": CONGJIANG.code, "credit_kind": "assisted_sale"}))
    assert back.status_code == 200
    assert await desk.sums() == [(this, "从江县", True, 600), (this, "浑源县", True, 0)][:1]
    (one,) = (await desk.explained(sale))["components"]
    assert [row["county_name"] for row in one["corrected"]] == ["从江县", "浑源县"]
    async with desk.database.reading() as session:
        actions = (await session.scalars(text("SELECT action FROM audit_event WHERE action LIKE 'correction%'"))).all()
    assert sorted(actions) == ["correction.approve"] * 2 + ["correction.request"] * 2


async def test_of_two_corrections_of_the_same_facts_one_wins(desk: Desk) -> None:
    sale = sold(desk)
    await enter(desk.database, sale)
    one = await desk.asked(sale, {"county_code": HUNYUAN.code})
    other = await desk.asked(sale, {"credit_kind": "assisted_sale"})
    answers = await asyncio.gather(*(desk.approve(each) for each in (one, other, one, other)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} <= {"corrected_meanwhile", "already_decided"}
    assert sum(row[3] for row in await desk.sums()) == 1_000
    assert (await desk.approve(one)).status_code == (await desk.approve(other)).status_code == 409


async def test_two_people_decide_the_same_request_and_nothing_is_doubled(desk: Desk, database: Database) -> None:
    sale = sold(desk)
    await enter(desk.database, sale)
    correction = await desk.asked(sale, {"county_code": HUNYUAN.code})
    refusal = desk.http.post(
        f"/api/v1/credit/corrections/{correction}/refuse", headers=desk.second, json={"decision": "材料不清"}
    )
    answers = await asyncio.gather(*(desk.approve(correction) for _ in range(4)), refusal)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM credit_entry")) in {1, 3}
    assert sum(row[3] for row in await desk.sums()) == 1_000


async def test_it_counts_when_the_facts_say_so_or_when_somebody_states_it(desk: Desk) -> None:
    sale = sold(desk, designations=[], reason="no_designation")
    await enter(desk.database, sale)
    this = clock.month_of(THIS)
    assert await desk.sums() == [(this, "从江县", False, 1_000)]
    await desk.approve(await desk.asked(sale, {"county_code": HUNYUAN.code}))
    assert await desk.sums() == [(this, "浑源县", True, 1_000)]
    await desk.approve(await desk.asked(sale, {"counted": False, "not_counted_reason": "donated"}))
    assert await desk.sums() == [(this, "浑源县", False, 1_000)]


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"county_code": "999999"}, 422, "fact_unknown"),
        ({"producer_id": str(UUID(int=1))}, 422, "fact_unknown"),
        ({"recognition_number": "没有"}, 422, "fact_unknown"),
        ({"county_code": CONGJIANG.code}, 422, "nothing_changes"),
        ({"unit_id": str(UUID(int=1))}, 404, "not_found"),
        ({"counted": False}, 422, "invalid"),
        ({}, 422, "invalid"),
    ],
)
async def test_what_cannot_be_is_refused(desk: Desk, facts: dict[str, Any], status: int, code: str) -> None:
    sale = sold(desk)
    await enter(desk.database, sale)
    answer = await desk.ask(sale, facts)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    async with desk.database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM correction")) == 0


async def test_strangers_other_units_and_what_was_given_back_whole(desk: Desk) -> None:
    await somebody(
        desk.database, "else@example.com", Grant(Role.STAFF, "unit", str(await unit(desk.database, "OTHER")))
    )
    stranger = await bearer(desk.http, "else@example.com")
    sale, gone = sold(desk), sold(desk, given=[Given(on=THIS, fen=1_000, grams=500, milli=1_000)])
    await enter(desk.database, sale, gone)
    assert (await desk.ask(sale, {"county_code": HUNYUAN.code}, who=stranger)).status_code == 404
    correction = await desk.asked(sale, {"county_code": HUNYUAN.code})
    assert (await desk.approve(correction, who=stranger)).status_code == 404
    assert (await desk.http.get(f"/api/v1/credit/explain?order_line={sale.order}", headers=stranger)).status_code == 404
    assert (await desk.http.get("/api/v1/credit/corrections", headers=stranger)).json()["items"] == []
    assert (await desk.http.get("/api/v1/credit/entries", headers=stranger)).json()["items"] == []
    assert (await desk.ask(gone, {"county_code": HUNYUAN.code})).json()["code"] == "nothing_remains"
    pages = await desk.http.get("/api/v1/credit/entries?limit=2", headers=desk.first)
    more = await desk.http.get(
        f"/api/v1/credit/entries?limit=2&cursor={pages.json()['next_cursor']}", headers=desk.first
    )
    seen = [one["id"] for answer in (pages, more) for one in answer.json()["items"]]
    assert len(seen) == len(set(seen)) == 3


async def test_a_closed_month_keeps_its_figure_and_the_pair_lands_in_the_open_one(desk: Desk) -> None:
    sale = sold(desk, on=BEFORE)
    await enter(desk.database, sale)
    waiting = await desk.asked(sale, {"county_code": HUNYUAN.code})
    closed = await desk.http.post(CLOSING, headers=desk.first)
    assert closed.status_code == 200, closed.text
    said = closed.json()
    assert (said["state"], said["closer"], said["was_open"]["corrections_requested"]) == ("closed", "张三丰", 1)
    assert (await desk.http.post(CLOSING, headers=desk.second)).json() == said, "again is success, by the first closer"
    await desk.approve(waiting)
    month, this = clock.month_of(BEFORE), clock.month_of(THIS)
    assert await desk.sums() == [
        (month, "从江县", True, 1_000), (this, "从江县", True, -1_000), (this, "浑源县", True, 1_000),
    ]  # fmt: skip
    (one,) = (await desk.explained(sale))["components"]
    assert [entry["late_for"] for entry in one["entries"]] == [None, str(BEFORE), str(BEFORE)]


async def test_the_pages_show_and_ask(desk: Desk, client: httpx.AsyncClient) -> None:
    sale = sold(desk)
    await enter(desk.database, sale)
    asked = await desk.asked(sale, {"county_code": HUNYUAN.code})
    page = await client.get(f"/staff/explain/{sale.order}", headers=desk.first)
    assert page.status_code == 200, page.text
    assert "从江县" in page.text
    desk_page = await client.get("/staff/corrections", headers=desk.second)
    assert "同意更正" in desk_page.text
    for mistyped in ("approved", "Approve", "reject"):
        answer = await client.post(f"/staff/corrections/{asked}/{mistyped}", headers=desk.second)
        assert answer.status_code == 422
    assert await desk.sums() == [(clock.month_of(THIS), "从江县", True, 1_000)]
    again = await client.get("/staff/corrections", headers=desk.second)
    assert "同意更正" in again.text, "another word decides nothing"
    assert (await client.post(f"/staff/corrections/{asked}/approve", headers=desk.second)).status_code == 303
    assert await desk.sums() == [(clock.month_of(THIS), "浑源县", True, 1_000)]
