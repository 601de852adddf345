"""Any past moment can be asked: the last tick at or before it answers and both are printed, or it is refused."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from re import findall
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from orders.report.question import Question
from orders.report.sales import sales
from orders.report.tick import look, tick
from orders.seal.canonical import canonical
from orders.seal.key import seal_key
from orders.seal.seal import seal_new
from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.sandbox_clock import set_clock
from shop.core.settings import Settings
from tests.make.credit import Sale, enter
from tests.make.flag import raised
from tests.make.people import bearer, somebody
from tests.make.processes import PROJECT
from tests.make.report import KEY, again, published
from tests.make.started import run
from tests.make.units import unit
from tests.orders.report.test_api import command

pytestmark = pytest.mark.anyio

CHECKER = Path(__file__).parents[3] / "docs" / "check" / "bangfu_check.py"
YEAR = clock.today().year - 1
APRIL = {"from": f"{YEAR}-04-01", "to": f"{YEAR}-05-01"}
ADDRESS = "/api/v1/reports/sales"


@pytest.fixture(autouse=True)
def released() -> Iterator[None]:
    yield
    clock.set_ahead(timedelta(0))


def april(day: int, hour: int = 12) -> datetime:
    return datetime(YEAR, 4, day, hour, tzinfo=clock.SHANGHAI)


async def set_to(database: Database, moment: datetime) -> None:
    """The clock, for all processes, without the door that looks."""
    ahead = moment - clock.wall()
    async with database.transaction() as session:
        await set_clock(session, ahead)
    clock.set_ahead(ahead)


class Company:
    """One of two, with somebody who reads its reports."""

    def __init__(self, database: Database, client: AsyncClient, unit_id: UUID, headers: dict[str, str]) -> None:
        self.database, self.client, self.unit_id, self.headers = database, client, unit_id, headers

    async def sells(self, day: int, fen: int) -> None:
        await enter(self.database, Sale(on=date(YEAR, 4, day), fen=fen, path=[self.unit_id]))

    async def ask(self, path: str = ADDRESS, **asked: str) -> Any:
        return await self.client.get(path, params=APRIL | asked, headers=self.headers)

    async def figure(self, **asked: str) -> tuple[int, dict[str, Any]]:
        answer = await self.ask(**asked)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        return document["totals"]["credited_fen"], document


async def company(database: Database, client: AsyncClient, code: str) -> Company:
    bank = await unit(database, code)
    await somebody(database, f"{code}@shop.test", Grant(Role.STAFF, "unit", str(bank)))
    return Company(database, client, bank, await bearer(client, f"{code}@shop.test"))


async def a_month(first: Company, second: Company, *, watched: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reports on the 5th and on the 20th only; sales on the 5th, 7th, 10th and 15th. watched: a worker ticks."""

    async def ticks() -> None:
        if watched:
            await tick(first.database)

    await set_to(first.database, april(5))
    await first.sells(5, 1)
    await ticks()
    _, early = await first.figure()
    for day, fen in ((7, 10), (10, 100), (15, 1_000)):
        await ticks()  # before the clock moved on
        await set_to(first.database, april(day, 9))
        await ticks()
        await first.sells(day, fen)
        await second.sells(day, fen * 7)
        await ticks()
    await set_to(first.database, april(20))
    await ticks()
    _, late = await first.figure()
    return early, late


async def test_april_as_known_on_the_tenth(
    database: Database, client: AsyncClient, settings: Settings, database_url: str, schema: str, tmp_path: Path
) -> None:
    first, second = await company(database, client, "FIRST"), await company(database, client, "SECOND")
    early, late = await a_month(first, second, watched=True)
    tenth = april(10)
    fen, document = await first.figure(known_at=tenth.isoformat())
    assert (early["totals"]["credited_fen"], fen, late["totals"]["credited_fen"]) == (1, 111, 1_111)
    assert (await second.figure(known_at=tenth.isoformat()))[0] == 770
    assert document["known_at_asked"] == f"{YEAR}-04-10T04:00:00.000000Z", "the one that was asked for"
    assert document["known_at"].startswith(f"{YEAR}-04-10T01:00:0"), "and the one that answers"
    same = await first.ask(known_at=tenth.isoformat())
    assert same.content == canonical(document)
    for one in (early, late):  # their own moments are ticks: one moment, and the bytes of before there were ticks
        assert "known_at_asked" not in one
        assert (await first.ask(known_at=one["known_at"])).content == canonical(one)
    own = (await first.ask(known_at=document["known_at"])).json()
    assert own == {k: v for k, v in document.items() if k != "known_at_asked"} | {
        name: own[name] for name in ("digest", "signature")
    }

    sheet = await first.ask(known_at=tenth.isoformat(), format="csv")
    lines = {line[0]: line[1:] for line in csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))) if line}
    assert (lines["知悉时间"], lines["所问时间"]) == ([document["known_at"]], [document["known_at_asked"]])
    assert lines["摘要 SHA-256"] == [document["digest"]]
    page = await first.ask("/staff/reports", known_at=tenth.isoformat(), group_by="")
    assert document["known_at"] in page.text
    assert document["known_at_asked"] in page.text
    (link,) = findall(r'href="(/api/v1/reports/sales[^"]+)" download="report.json"', page.text)
    assert (await client.get(unescape(link), headers=first.headers)).content == canonical(document)
    printed = await client.get(f"/verify/{document['digest'][:16]}")
    assert document["known_at_asked"] in printed.text

    said = command(database_url, schema, "--json", "--known-at", tenth.isoformat(), **APRIL, unit=str(first.unit_id))
    assert said.encode().strip() == canonical(document)
    table = command(database_url, schema, "--known-at", tenth.isoformat(), **APRIL)
    assert document["known_at"] in table
    assert document["known_at_asked"] in table
    a_stranger_reads_both_moments(document, seal_key(settings).public_hex, tmp_path)

    ends = {"known_at": tenth.isoformat(), "known_at_2": april(16, 0).isoformat()}
    bridged = (await first.ask("/api/v1/reports/bridge", **ends)).json()
    assert [bridged[side]["credited_fen"] for side in ("first", "second")] == [111, 1_111]
    assert bridged["first"]["known_at"] == document["known_at"]
    assert bridged["first"]["known_at_asked"] == document["known_at_asked"]
    assert bridged["second"]["known_at_asked"] == f"{YEAR}-04-15T16:00:00.000000Z"
    assert bridged["causes"][0]["credited_fen"] == 1_000
    assert set(bridged["unexplained"].values()) == {0}


def a_stranger_reads_both_moments(document: Mapping[str, Any], public_hex: str, folder: Path) -> None:
    """The signature covers the moment that was asked for, too."""
    file = folder / "report.json"

    def checked(written: str) -> "subprocess.CompletedProcess[str]":
        file.write_text(written)
        asked = [sys.executable, "-I", CHECKER, "report", file, "--public-key", public_hex]
        return subprocess.run(asked, capture_output=True, text=True, check=False)

    done = checked(json.dumps(document))
    assert done.returncode == 0, done.stdout
    assert document["known_at"] in done.stdout
    assert document["known_at_asked"] in done.stdout
    assert checked(json.dumps(document).replace("-04-10T04", "-04-12T04")).returncode == 1


async def test_where_nobody_watched_the_two_nearest_moments_are_offered(
    database: Database, client: AsyncClient, database_url: str, schema: str
) -> None:
    first, second = await company(database, client, "FIRST"), await company(database, client, "SECOND")
    early, late = await a_month(first, second, watched=False)
    tenth = april(10).isoformat()
    refused = await first.ask(known_at=tenth)
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "nothing_known_then")
    assert [one["pointer"] for one in problem["errors"]] == ["/known_at"]
    nearest = problem["nearest"]
    assert (nearest["before"], nearest["after"]) == (early["known_at"], late["known_at"])
    assert all(moment in problem["detail"] for moment in nearest.values())
    figures = [(await first.figure(known_at=moment))[0] for moment in nearest.values()]
    assert figures == [1, 1_111], "both can be asked"

    page = await first.ask("/staff/reports", known_at=tenth)
    assert page.status_code == 422
    links = [unescape(one) for one in findall(r'href="(/staff/reports\?[^"]+)"', page.text)]
    offered = [one for one in links if parse_qs(urlsplit(one).query).get("known_at", [tenth]) != [tenth]]
    assert [parse_qs(urlsplit(one).query)["known_at"] for one in offered] == [[nearest["before"]], [nearest["after"]]]
    assert [(await client.get(one, headers=first.headers)).status_code for one in offered] == [200, 200]
    for ends, pointer in (((tenth, late["known_at"]), "/known_at"), ((early["known_at"], tenth), "/known_at_2")):
        bridged = await first.ask("/api/v1/reports/bridge", known_at=ends[0], known_at_2=ends[1])
        assert (bridged.status_code, bridged.json()["errors"][0]["pointer"]) == (422, pointer)
        assert bridged.json()["nearest"] == nearest
    said = refused_command(database_url, schema, tenth)
    assert all(moment in said for moment in nearest.values())


def refused_command(database_url: str, schema: str, known_at: str) -> str:
    asked = [f"--from={APRIL['from']}", f"--to={APRIL['to']}", f"--known-at={known_at}"]
    told = os.environ | {"SHOP_ENV": "development", "DATABASE_URL": database_url, "DATABASE_SCHEMA": schema}
    done = run("shop.app.cli", "report", "sales", *asked, folder=PROJECT, environment=told)
    assert done.returncode == 1
    return done.stderr


async def test_before_ticks_began_a_snapshot_is_exact_and_nothing_else_is(
    database: Database, client: AsyncClient
) -> None:
    """What was kept for reports in the release before: nobody watched between them, however near they are."""
    first, second = await company(database, client, "FIRST"), await company(database, client, "SECOND")
    moments = []
    for day, fen in ((5, 1), (6, 10)):
        moments.append(april(day).isoformat())
        await set_to(database, april(day))
        await first.sells(day, fen)
        await second.sells(day, fen)
        async with database.transaction() as session:  # as that release's statement did
            await session.execute(
                text("INSERT INTO knowledge (at, snapshot) VALUES (:at, pg_current_snapshot())"),
                {"at": datetime.fromisoformat(moments[-1])},
            )
    await set_to(database, april(20))
    await tick(database)
    await first.sells(20, 100)
    await tick(database)
    assert [(await first.figure(known_at=moment))[0] for moment in moments] == [1, 11]
    between = (await first.ask(known_at=april(5, 13).isoformat())).json()
    stamps = [f"{YEAR}-04-05T04:00:00.000000Z", f"{YEAR}-04-06T04:00:00.000000Z"]
    assert between["nearest"] == dict(zip(("before", "after"), stamps, strict=True))
    much_earlier = (await first.ask(known_at="2020-01-01T00:00:00Z")).json()
    assert (much_earlier["code"], much_earlier["nearest"]) == (
        "nothing_known_then", {"before": None, "after": stamps[0]},
    )  # fmt: skip
    page = await first.ask("/staff/reports", known_at="2020-01-01T00:00:00Z")
    assert page.status_code == 422
    assert stamps[0].replace(":", "%3A") in page.text
    held = april(12).isoformat()  # nothing was written between the second snapshot and the first look: that is known
    assert (await first.figure(known_at=held))[0] == 11
    assert (await first.ask(known_at="2099-01-01T00:00:00Z")).json()["code"] == "not_known_yet"


async def kept(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text("SELECT count(*) FROM knowledge")) or 0)


async def test_a_tick_is_made_when_a_report_could_say_something_else_and_only_then(database: Database) -> None:
    bank = await unit(database, "BANK")
    person, other = await somebody(database), await somebody(database, "b@shop.test")
    sale = Sale(on=clock.today(), fen=10, path=[bank])
    flag: list[UUID] = []

    async def changed(statement: str) -> None:
        async with database.transaction() as session:
            facts = {"flag": flag[0] if flag else None, "one": person.user_id, "two": other.user_id}
            await session.execute(text(statement), facts)

    async def flags() -> None:
        flag.append(await raised(database, bank, lines=(sale.order,)))

    async def decided() -> None:
        await changed("INSERT INTO flag_review VALUES (:flag, :one, 'cleared', '已核对', now())")
        await changed("INSERT INTO flag_decision VALUES (:flag, :one, :two, 'cleared', '同意', now())")

    async def balanced() -> None:
        await changed("INSERT INTO balance_run VALUES (gen_random_uuid(), now(), true, '[]', 0, 0)")

    async def idle() -> int:
        before = await kept(database)
        for _ in range(3):
            await tick(database)
        return await kept(database) - before

    assert (await idle(), await kept(database)) == (0, 0), "nothing to tell yet"
    for change in (
        lambda: enter(database, sale),
        flags,
        decided,
        balanced,
        lambda: seal_new(database, KEY, now=clock.now()),
    ):
        before = await kept(database)
        await change()
        await tick(database)
        assert (await kept(database) - before, await idle()) == (1, 0), change
    assert await kept(database) == 5
    await changed("UPDATE user_account SET email = 'c@shop.test' WHERE id = :one")
    await unit(database, "MORE")
    assert await idle() == 0, "no report shows these"
    async with database.reading() as session:
        holds = (await session.execute(text("SELECT max(at) < max(holds_until) FROM knowledge"))).scalar_one()
    assert holds, "and what was known is known to hold"


async def test_a_worker_that_finds_another_one_looking_goes_on(database: Database) -> None:
    await enter(database, Sale(on=clock.today(), fen=10))
    async with database.transaction() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(8320019)"))
        assert await tick(database) is None
    assert await tick(database) is not None


async def test_a_moment_between_two_jumps_of_the_clock(database: Database, client: AsyncClient) -> None:
    """The door of the clock looks before and after: what it jumps over is like the moment before it."""
    first = await company(database, client, "FIRST")

    async def clock_to(day: int) -> None:
        answer = await client.put("/sandbox/clock", json={"now": april(day, 9).isoformat()})
        assert answer.status_code == 200

    await clock_to(5)
    await first.sells(5, 1)
    await clock_to(10)
    await first.sells(10, 10)
    await clock_to(20)
    for day, known in ((7, 1), (12, 11)):
        assert (await first.figure(known_at=april(day, 0).isoformat()))[0] == known
    await clock_to(6)  # back: moments only go forward, and the sixth has been
    await first.sells(6, 100)
    fen, document = await first.figure()
    assert (fen, document["known_at"] > f"{YEAR}-04-20") == (111, True)
    assert (await first.ask(known_at=document["known_at"])).content == canonical(document), "although it is not now"
    assert (await first.figure(known_at=april(6, 10).isoformat()))[0] == 1
    assert (await client.delete("/sandbox/clock")).status_code == 200
    assert (await first.figure(known_at=clock.now().isoformat()))[0] == 111


async def test_names_that_a_report_of_the_past_showed_stay(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(database, Sale(on=date(YEAR, 4, 5), fen=5, path=[bank]))
    known = await look(database)
    question = Question(date(YEAR, 4, 1), date(YEAR, 5, 1), ("unit",), unit=bank)
    assert known
    past = replace(question, known_at=known.at)
    before = (await sales(database, past, actor=None, now=clock.now())).published(KEY)
    async with database.transaction() as session:
        await session.execute(text("UPDATE unit SET name = '新名（虚构）'"))
    assert await again(database, question, before) == canonical(before)
    assert (await published(database, question))["unit"]["name"] == "新名（虚构）"
    assert await again(database, question, before) == canonical(before)
