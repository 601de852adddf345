"""The first real day, in process: what an auditor would recompute from the orders, the entries and the reports."""

import csv
import io
import json
import os
from collections import Counter
from contextlib import nullcontext
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shop.app.demo.caller import Json
from shop.app.demo.day import Day, play_day
from shop.core import clock
from tests.make.processes import PROJECT
from tests.make.report import unstamped
from tests.make.started import run
from tests.make.story import Story

pytestmark = pytest.mark.anyio

FIGURES = ("direct_purchase_fen", "assisted_sale_fen", "credited_fen", "refunded_fen", "grams", "quantity")


async def played(story: Story) -> Day:
    day = await play_day(story.http, until=story.until, step=lambda _: nullcontext())
    await story.fold()
    return day


def by_county(*orders: Json) -> Counter[str]:
    """Net goods by county code, as the buyers saw it: the sum of the origins that count."""
    sums: Counter[str] = Counter()
    for order in orders:
        for line in order["lines"]:
            for origin in line["origins"]:
                if origin["counted"]:
                    sums[origin["county"]["code"]] += origin["paid_fen"]
    return sums


async def entries(story: Story, order: Json, kind: str = "sale") -> list[tuple[Any, ...]]:
    return await story.rows(
        "SELECT county_code, sum(amount_fen)::bigint, sum(grams)::bigint, min(occurred_on), max(occurred_on),"
        " min(sale_on) FROM credit_entry WHERE order_id = :order AND kind = :kind GROUP BY 1 ORDER BY 1",
        order=UUID(order["id"]), kind=kind,
    )  # fmt: skip


async def one(story: Story, statement: str, order: Json) -> tuple[Any, ...]:
    """The only distinct row about an order."""
    rows = await story.rows(statement, order=UUID(order["id"]))
    assert len(set(rows)) == 1, rows
    return rows[0]


async def units(story: Story) -> dict[str, UUID]:
    return dict(await story.rows("SELECT code, id FROM unit"))


async def test_who_is_credited_for_what(story: Story) -> None:
    day = await played(story)
    unit = await units(story)
    attributed = (
        "SELECT credit_kind, buyer_kind, unit_id, unit_path, channel, fund_source, grade, counted FROM credit_entry"
        " WHERE order_id = :order"
    )
    # the employee: direct purchase of the branch, each origin of the box by itself, on the day the money came
    usual = day.usual
    direct = ("direct_purchase", "employee", unit["DEMO-1"], [unit["DEMO-1"], unit["DEMO"]], "shop", "personal", "A")
    for order in (usual, day.late):
        rows = await story.rows(attributed, order=UUID(order["id"]))
        assert all(row == (*direct, True) for row in rows)
    box = usual["lines"][0]
    assert [origin["county"]["code"] for origin in box["origins"]] == ["140225", "620623", "610630"]
    assert sum(origin["paid_fen"] for origin in box["origins"]) == box["paid_fen"]
    assert sum(line["paid_fen"] for line in usual["lines"]) == usual["goods_fen"] - usual["discount_fen"]
    assert usual["paid_fen"] == usual["total_fen"] == sum(map(_net, [usual])) + usual["freight_fen"]
    credited = await entries(story, usual)
    assert {row[0]: row[1] for row in credited} == by_county(usual)
    assert sum(row[2] for row in credited) == sum(o["grams"] for line in usual["lines"] for o in line["origins"])
    assert {row[3].isoformat() for row in credited} | {row[4].isoformat() for row in credited} == {day.since}
    # who came by the bank's link: assisted sale of the bank itself
    rows = await story.rows(attributed, order=UUID(day.assisted["id"]))
    assert rows
    assert all(
        row == ("assisted_sale", "outside", unit["DEMO"], [unit["DEMO"]], "shop", "personal", "A", True) for row in rows
    )
    # a recognition that has ended: sold, paid, not counted, and it says why
    assert await one(
        story, "SELECT counted, not_counted_reason, amount_fen FROM credit_entry WHERE order_id = :order", day.uncounted
    ) == (False, "recognition_expired", day.uncounted["lines"][0]["paid_fen"])
    assert day.uncounted["lines"][0]["origins"][0]["not_counted_reason"] == "recognition_expired"


def _net(order: Json) -> int:
    return sum(line["paid_fen"] for line in order["lines"])


async def test_late_expired_and_refunded(story: Story) -> None:
    day = await played(story)
    # paid after it had expired: the goods were still there, so it settled, once, and counts
    states = await story.rows(
        "SELECT state FROM order_event WHERE order_id = :order ORDER BY at", order=UUID(day.late["id"])
    )
    assert [row[0] for row in states] == ["placed", "expired", "confirmed"]
    assert {row[0]: row[1] for row in await entries(story, day.late)} == by_county(day.late)
    # expired: no money, no credit, no piece moved, and what it held can be sold again
    gone = UUID(day.expired["id"])
    assert (day.expired["state"], day.expired["payment_state"], day.expired["paid_fen"]) == ("expired", "unpaid", 0)
    assert await entries(story, day.expired) == []
    assert await story.rows("SELECT DISTINCT state FROM stock_hold WHERE order_id = :order", order=gone) == [
        ("released",)
    ]
    assert await story.rows(f"SELECT id FROM stock_movement WHERE reference = 'order:{gone}'") == []
    sku, sold = day.assisted["lines"][0]["sku_id"], day.assisted["lines"][0]["quantity"] + 1  # and one of the late one
    card = await day.friend.ask("GET", f"/api/v1/products/{day.assisted['lines'][0]['product_id']}")
    in_stock = await story.rows("SELECT on_hand_pieces, held_pieces FROM stock_item WHERE sku_id = :sku", sku=UUID(sku))
    assert in_stock == [(500 - sold, 0)]
    assert card["available"] == 500 - sold
    # the refund: negative, on its own day, of one of two boxes, by origin
    refund = day.refund
    rows = await entries(story, day.usual, "refund")
    box = day.usual["lines"][0]
    assert [(row[3].isoformat() > day.since, row[5].isoformat()) for row in rows] == [(True, day.since)] * 3
    assert -sum(row[1] for row in rows) == refund["amount_fen"] == day.usual["refunded_fen"]
    assert 2 * refund["amount_fen"] - box["paid_fen"] in {-1, 0, 1}
    assert 2 * -sum(row[2] for row in rows) == sum(origin["grams"] for origin in box["origins"])
    assert box["paid_fen"] == sum(origin["paid_fen"] for origin in box["origins"]), "a refund changes no line"
    tomorrow = rows[0][3].isoformat()
    asked = {"from": day.since, "to": tomorrow}
    by_event = await day.staff.ask("GET", "/api/v1/reports/sales", params=asked)
    by_sale = await day.staff.ask("GET", "/api/v1/reports/sales", params=asked | {"view": "sale_day"})
    assert by_event["totals"]["refunded_fen"] == 0
    assert by_sale["totals"]["refunded_fen"] == refund["amount_fen"]
    assert by_event["totals"]["credited_fen"] - by_sale["totals"]["credited_fen"] == refund["amount_fen"]


async def test_the_report_says_what_the_orders_say(story: Story, database_url: str, schema: str) -> None:
    day = await played(story)
    unit = await units(story)
    asked = {"from": day.since, "to": day.until, "unit": str(unit["DEMO"])}
    counties = await report(day, asked | {"group_by": "county"})
    sold = by_county(day.usual, day.assisted, day.late)
    refunded = Counter({row[0]: -row[1] for row in await entries(story, day.usual, "refund")})
    expected = {code: sold[code] - refunded[code] for code in sold}
    assert {row["county"]["code"]: row["credited_fen"] for row in counties["rows"]} == expected
    totals = counties["totals"]
    assert totals["assisted_sale_fen"] == _net(day.assisted)
    assert totals["direct_purchase_fen"] == _net(day.usual) + _net(day.late) - day.refund["amount_fen"]
    for figure in FIGURES:
        assert totals[figure] == sum(row[figure] for row in counties["rows"]), figure
    assert counties["not_counted"] == [{"reason": "recognition_expired", "amount_fen": _net(day.uncounted)}]
    assert counties["recognised_fen"] == totals["credited_fen"] + _net(day.uncounted)
    assert (totals["orders"], totals["participants"]) == (3, None), "fewer than five persons are not told"
    # scope, of the bank and of its branch: the branch's own pairing never swells head office's figure
    pairings = await story.rows("SELECT u.code, p.county_code FROM pairing p JOIN unit u ON u.id = p.unit_id")
    bank = {county for code, county in pairings if code == "DEMO"}
    branch = bank | {county for code, county in pairings if code == "DEMO-1"}
    assert await scopes(day, asked) == _by_scope(expected, bank)
    of_branch = {code: by_county(day.usual, day.late)[code] - refunded[code] for code in by_county(day.usual, day.late)}
    assert await scopes(day, asked | {"unit": str(unit["DEMO-1"])}) == _by_scope(of_branch, branch)
    # the same figures as a sheet and from the command line
    sheet = (
        await story.http.get(
            "/api/v1/reports/sales",
            params=asked | {"group_by": "county", "format": "csv"},
            headers=dict(day.staff.headers),
        )
    ).content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(sheet)))
    column = lines[0].index("计入合计（元）")
    written = {line[2]: int(Decimal(line[column]) * 100) for line in lines[1 : 1 + len(expected)]}
    assert written == expected
    assert unstamped(json.loads(command(database_url, schema, asked))) == unstamped(counties)
    await story.proven()


def _by_scope(figures: dict[str, int], designated: set[str]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for code, fen in figures.items():
        sums["designated" if code in designated else "other_assisted"] += fen
    return sums


async def report(day: Day, asked: dict[str, str]) -> Json:
    document: Json = await day.staff.ask("GET", "/api/v1/reports/sales", params=asked)
    return document


async def scopes(day: Day, asked: dict[str, str]) -> dict[str, int]:
    document = await report(day, asked | {"group_by": "scope"})
    return {row["scope"]: row["credited_fen"] for row in document["rows"]}


def command(database_url: str, schema: str, asked: dict[str, str]) -> str:
    options = [part for name, value in asked.items() for part in (f"--{name}", value)]
    told = os.environ | {"SHOP_ENV": "development", "DATABASE_URL": database_url, "DATABASE_SCHEMA": schema}
    asked_for = ("report", "sales", *options, "--group-by", "county", "--json")
    done = run("shop.app.cli", *asked_for, folder=PROJECT, environment=told)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_money_stock_and_credit_agree_to_the_fen(story: Story) -> None:
    day = await played(story)
    found = await story.proven()
    orders = [order for caller in (day.employee, day.friend, day.colleague) for order in await caller.orders()]
    assert found["money"].right["payments"] == sum(order["paid_fen"] - order["refunded_fen"] for order in orders)
    assert found["money"].left["freight"] == sum(
        order["freight_fen"] for order in (day.usual, day.uncounted, day.assisted, day.late)
    )
    assert found["recognised"].left["not_counted"] == _net(day.uncounted)
    assert found["held"].left["held"] == 0
    assert clock.ahead() > clock.timedelta(0), "the day ended on a set clock"
