"""Participants are distinct people, a parent has the union of its children's; nobody's basket is anybody else's."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from orders.report.question import read_question
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.aftersales import pieces, refund, staff
from tests.make.caller import as_caller, refused
from tests.make.credit import CONGJIANG, HUNYUAN, Given, Place, Sale, enter
from tests.make.joint_order import accepted, expected, joint_purchase, placed_joint
from tests.make.mandate import mandate
from tests.make.payments import till
from tests.make.people import bearer, client_of, somebody
from tests.make.report import published
from tests.make.shop import buyer, small_shop
from tests.make.units import unit
from tests.orders.banking.test_pages import signed_in

pytestmark = pytest.mark.anyio

TODAY = clock.today()
YEAR = TODAY.year


async def participants(database: Database, by: str, **more: str) -> tuple[dict[Any, Any], Any]:
    asked = {"from": f"{YEAR}-01-01", "to": f"{YEAR + 1}-01-01", "group_by": by} | more
    report = await published(database, read_question(asked))
    key = lambda row: tuple(  # noqa: E731  # read here only
        (row[name] or {}).get("id", (row[name] or {}).get("code")) for name in by.split(",")
    )
    return {key(row): row["participants"] for row in report["rows"]}, report["totals"]["participants"]


def bought(people: Sequence[UUID], path: list[UUID], place: Place = CONGJIANG, **more: Any) -> list[Sale]:
    return [Sale(on=date(YEAR, 1, 5), fen=100, path=path, place=place, person=one, **more) for one in people]


async def test_a_parent_is_the_distinct_union_of_its_children(database: Database) -> None:
    bank = await unit(database, "BANK")
    branches = [await unit(database, code, under=bank) for code in ("ONE", "TWO", "THREE")]
    crowd = [new_id() for _ in range(12)]
    await enter(
        database,
        *bought(crowd[:8], [branches[0], bank]),
        *bought(crowd[5:12], [branches[1], bank]),  # three of them moved there in the year
        *bought(crowd[:3], [branches[2], bank]),  # and three bought at a third one too
        *bought(crowd[:5], [branches[0], bank], HUNYUAN),
    )
    rows, total = await participants(database, "unit")
    assert rows == {(str(branches[0]),): 8, (str(branches[1]),): 7, (str(branches[2]),): None}
    assert total == 12, "not 18: who bought in two branches is one person, and a group too small to show counts above"
    rows, total = await participants(database, "unit", unit=str(branches[0]))
    assert (rows, total) == ({(str(branches[0]),): 8}, 8)
    rows, total = await participants(database, "county")
    assert (rows, total) == ({("522633",): 12, ("140225",): 5}, 12)
    rows, total = await participants(database, "unit,county")
    assert rows[str(branches[0]), "140225"] == 5
    assert total == 12


async def test_a_campaign_counts_its_own_people(database: Database) -> None:
    bank = await unit(database, "BANK")
    campaign, crowd = new_id(), [new_id() for _ in range(9)]
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO campaign (id, name, position, valid_from, valid_to) VALUES (:id, '年货节', 0, :a, :b)"),
            {"id": campaign, "a": date(YEAR, 1, 1), "b": date(YEAR, 2, 1)},
        )
    await enter(
        database,
        *bought(crowd[:6], [bank], campaign=campaign),
        *bought(crowd[:6], [bank], HUNYUAN, campaign=campaign),
        *bought(crowd[4:], [bank]),
    )
    rows, total = await participants(database, "campaign")
    assert (rows, total) == ({(str(campaign),): 6, (None,): 5}, 9)
    assert await participants(database, "county", campaign=str(campaign)) == ({("522633",): 6, ("140225",): 6}, 6)


async def test_who_is_no_participant(database: Database) -> None:
    """Refunds alone, what does not count, what nobody has proven, unions, imports."""
    bank = await unit(database, "BANK")
    crowd = [new_id() for _ in range(5)]
    last_year = Sale(on=date(YEAR - 1, 12, 30), fen=500, path=[bank], given=[Given(on=date(YEAR, 1, 2), fen=500)])
    await enter(
        database,
        *bought(crowd, [bank]),
        last_year,
        *bought([new_id()], [bank], reason="donated"),
        *bought([new_id()], [bank], grade="D"),
        Sale(on=date(YEAR, 1, 6), fen=9_000, path=[bank], person=None, fund_source="union"),
        Sale(on=date(YEAR, 1, 6), fen=9_000, path=[bank], person=None, channel="platform_832"),
    )
    assert await participants(database, "county") == ({("522633",): 5}, 5)


async def test_a_joint_order_adds_no_participant(database: Database) -> None:
    joint = await joint_purchase(database, members=((0,) * 6,), packages=({0: 1},))
    order_id = await placed_joint(database, joint)
    await accepted(database, joint, order_id, (await expected(database, order_id))[0].delivery_id)
    rows, total = await participants(database, "county")
    assert (rows, total) == ({("522633",): 0}, 0)


async def test_what_staff_may_fetch_names_no_person(app: FastAPI, database: Database, client: AsyncClient) -> None:
    """Reports, sheets, entries, explanations, flags, balance: no id, name, phone or address of a buyer in any."""
    async with till(database) as desk:
        shop = await small_shop(database)
        person = await buyer(database, works_at=shop.branch)
        async with database.transaction() as session:
            await session.execute(
                text("UPDATE person SET name = '购买人秘密', phone = '13811112222' WHERE id = :id"),
                {"id": person.person_id},
            )
        order = await desk.paid(person, {shop.skus[0]: 2, shop.box: 1})
        await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
        await desk.work()
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(shop.bank)))
    auditor = await somebody(database, "auditor@shop.test", Grant(Role.AUDITOR, "unit", str(shop.bank)))
    await mandate(database, auditor.user_id, shop.bank)
    period = f"from={YEAR}-01-01&to={YEAR + 1}-01-01"
    addresses = [
        f"/api/v1/reports/sales?{period}&group_by=county,unit,category",
        f"/api/v1/reports/sales?{period}&group_by=county&format=csv",
        f"/api/v1/reports/sales?{period}&group_by=county&format=xlsx",
        "/api/v1/credit/entries?limit=100",
        f"/api/v1/credit/explain?order_line={order.lines[0].id}",
        "/api/v1/credit/corrections",
        "/api/v1/flags",
        "/api/v1/balance",
        "/api/v1/rectifications",
    ]
    async with database.reading() as session:
        email = await session.scalar(text("SELECT email FROM user_account WHERE id = :id"), {"id": person.user_id})
    secrets = [
        str(person.person_id),
        str(person.user_id),
        "购买人秘密",
        "13811112222",
        "收货人甲",
        "示例路",
        str(email),
    ]
    for who in ("staff", "auditor"):
        headers = await bearer(client, f"{who}@shop.test")
        for address in addresses:
            answer = await client.get(address, headers=headers)
            if answer.status_code == 422 and "xlsx" in address:
                continue
            assert answer.status_code == 200, (address, answer.text)
            assert "从江县" in plain(answer.content) or "/credit/e" not in address, "it is the very sale"
            assert not [one for one in secrets if one in plain(answer.content)], address
        # Staff see an order they may have to refund; never whose it is, nor where it goes.
        answer = await client.get(f"/api/v1/orders/{order.id}", headers=headers)
        assert answer.status_code == {"staff": 200, "auditor": 403}[who]
        assert not [one for one in secrets if one in answer.text]
        mine = await client.get("/api/v1/me/year", headers=headers)
        assert mine.json()["counties"] == [], "nobody asks for another one's year"


def plain(content: bytes) -> str:
    """A workbook's sheets as text; everything else as it is."""
    if content[:2] == b"PK":
        book = zipfile.ZipFile(io.BytesIO(content))
        return "".join(book.read(name).decode(errors="replace") for name in book.namelist())
    return content.decode(errors="replace")


async def test_my_own_year_and_only_mine(app: FastAPI, database: Database) -> None:
    async with till(database) as desk:
        shop = await small_shop(database)
        one, two = await buyer(database, works_at=shop.branch), await buyer(database, works_at=shop.branch)
        async with database.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO benefit_statement (id, producer_id, period, households, persons, mode, source,"
                    " stated_on) SELECT gen_random_uuid(), id, '2025', 12, 40, '订单收购', '合作社来函', '2026-01-10'"
                    " FROM producer WHERE county_code = '522633'"
                )
            )
        order = await desk.paid(one, {shop.skus[0]: 3, shop.skus[2]: 1})
        await desk.paid(two, {shop.skus[1]: 1})
        await refund(desk, await staff(desk, shop.bank), order.id, **pieces(order, 0, 1))
        await desk.work()
    async with as_caller(app, one) as caller:
        mine = (await caller.get("/api/v1/me/year")).json()
        assert (await caller.get(f"/api/v1/me/year?year={YEAR - 1}")).json()["counties"] == []
        refused(await caller.get("/api/v1/me/year?year=20260"), 422, "invalid")
    assert mine["year"] == YEAR
    assert [(row["code"], row["credited_fen"], row["refunded_fen"], row["orders"]) for row in mine["counties"]] == [
        ("140225", 3_000, 0, 1), ("522633", 2_000, 1_000, 1),
    ]  # fmt: skip
    assert (mine["credited_fen"], mine["refunded_fen"], mine["grams"]) == (5_000, 1_000, 1_500)
    (stated,) = mine["counties"][1]["statements"]
    assert (stated["households"], stated["source"], stated["stated_on"]) == (12, "合作社来函", "2026-01-10")
    async with as_caller(app, two) as caller:
        assert (await caller.get("/api/v1/me/year")).json()["credited_fen"] == 2_000
    async with client_of(app) as nobody:
        assert (await nobody.get("/api/v1/me/year")).status_code == 401


async def test_my_year_counts_a_corrected_order_where_the_report_counts_it(app: FastAPI, database: Database) -> None:
    async with till(database) as desk:
        shop = await small_shop(database)
        one, other = [await buyer(database, works_at=shop.branch) for _ in range(2)]
        order = await desk.paid(one, {shop.skus[0]: 1})
        await desk.paid(other, {shop.skus[2]: 1})
        clerks = [await staff(desk, shop.bank) for _ in range(2)]
    async with as_caller(app, clerks[0]) as first, as_caller(app, clerks[1]) as second:
        pdf = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
        paper = (await first.post("/api/v1/evidence", files={"file": ("a.pdf", pdf)})).json()["sha256"]
        body = {
            "order_line": str(order.lines[0].id), "facts": {"county_code": "140225"}, "reason": "产地写错",
            "document_sha256": paper,
        }  # fmt: skip
        asked = await first.post("/api/v1/credit/corrections", json=body, headers={"Idempotency-Key": str(new_id())})
        assert asked.status_code == 201, asked.text
        assert (await second.post(f"/api/v1/credit/corrections/{asked.json()['id']}/approve")).status_code == 200
        period = {"from": f"{YEAR}-01-01", "to": f"{YEAR + 1}-01-01", "group_by": "county"}
        report = (await first.get("/api/v1/reports/sales", params=period)).json()
    async with as_caller(app, one) as caller:
        mine = (await caller.get("/api/v1/me/year")).json()
    assert {row["code"]: row["orders"] for row in mine["counties"]} == {"140225": 1, "522633": 0}
    assert {row["county"]["code"]: row["orders"] for row in report["rows"]} == {"140225": 2, "522633": 0}, (
        "with another"
    )


async def test_the_page_of_my_year(app: FastAPI, database: Database) -> None:
    await small_shop(database)
    who = await somebody(database, "me@shop.test", Grant(Role.EMPLOYEE, "all", "*"))
    async with till(database) as desk:
        shop_sku = await desk.one("SELECT id FROM sku WHERE code = 'S0'")
        await desk.paid(Actor(who.user_id, who.person_id, new_id(), (Grant(Role.EMPLOYEE, "all", "*"),)), {shop_sku: 2})
    browser = await signed_in(app, "me@shop.test")
    page = await browser.get("/me/year")
    assert page.status_code == 200
    assert "从江县" in page.text
    assert "这一年还没有购买" in (await browser.get(f"/me/year?year={YEAR - 1}")).text
