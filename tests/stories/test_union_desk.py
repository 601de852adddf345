"""The union's festival gift, from the roster to the archive, each step by whoever does it, over HTTP."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from shop.app.demo.caller import Json
from shop.core import clock
from tests.make.caller import refused
from tests.make.story import Story
from tests.make.union_day import BASE, ROSTER, UnionDay, union_day
from tests.make.union_steps import (
    CHEAPER_FEN,
    DISCOUNT_FEN,
    ORIGINS,
    approved,
    archived,
    chosen,
    delivered,
    distributed,
    goods,
    invoiced,
    lines_of,
    noticed,
    paid,
    placed,
    plan,
    red_letter,
    refunded,
    shares,
    spare_moved,
)

pytestmark = pytest.mark.anyio

"""Of the boxes' supplier, for an order of that size."""


@pytest.fixture
async def day(story: Story) -> UnionDay:
    """Yesterday's roster with everybody, today's without the one who left; a budget; a union that asks for much."""
    made = await union_day(story)
    await made.bring_roster(ROSTER, clock.today() - timedelta(days=1))
    today = await made.bring_roster([row for row in ROSTER if not row.startswith("A0006")], clock.today())
    assert {what: people for what, people in today["counts"].items() if people} == {"left": 1}
    await made.budget(5_000_000)
    await made.rule(code="DEMO-TIER", kind="tier", title="两人审批", from_fen=0, approvers=2, quotes=3, notice_days=2)
    return made


@pytest.mark.paper
async def test_a_festival_gift_from_the_roster_to_the_archive(day: UnionDay) -> None:
    until = clock.now() + timedelta(days=1)
    purchase = await plan(day, choose_until=until.isoformat())
    assert (purchase["state"], purchase["members"]) == ("draft", 12)
    await chosen(day, purchase)
    await approved(day, purchase)
    await noticed(day, purchase)
    order_id = await placed(day, purchase)
    await day.story.proven()
    await delivered(day, purchase)
    await spare_moved(day, purchase)
    await paid(day, purchase)
    taken = await invoiced(day, order_id)
    back_fen = await refunded(day, purchase, order_id)
    of = await shares(day, purchase)
    await red_letter(day, of["DEMO-4"]["id"], back_fen)
    assert len(taken) == 7, "five shares of boxes, two of the other goods"
    await distributed(day, purchase)
    await archived(day, purchase)
    await the_report_says_so(day, of)
    await strangers_see_nothing(day, purchase, order_id)
    budget = await day.left_of_budget()
    assert (budget["encumbered_fen"], budget["available_fen"] + budget["spent_fen"]) == (0, 5_000_000)


async def the_report_says_so(day: UnionDay, of: dict[str, Json]) -> None:
    """12 boxes, less one damaged, one short and one refunded, at the lower price; four bags of the other goods."""
    *_, other_fen = await goods(day)
    await day.story.fold()
    asked = {
        "from": str(clock.today() - timedelta(days=30)), "to": str(clock.today() + timedelta(days=1)),
        "unit": str(day.unit_ids["DEMO"]),
    }  # fmt: skip
    counties = await day.get(day.staff, "/api/v1/reports/sales", **asked, group_by="county")
    found = {row["county"]["code"]: row["credited_fen"] for row in counties["rows"]}
    assert found.pop("610825") == 4 * other_fen
    assert set(found) == {"140225", "620623", "610630"}
    boxes = sum(line["paid_fen"] - line["refunded_fen"] for one in of.values() for line in lines_of(one))
    assert sum(found.values()) == boxes
    assert abs(boxes - 9 * CHEAPER_FEN + DISCOUNT_FEN * 9 // 12) <= 3 * ORIGINS
    parts = await day.story.rows(
        "SELECT p.origin_county_code, sum(c.net_fen - c.refunded_fen)::bigint FROM share_component c"
        " JOIN sku s ON s.id = c.stock_sku_id JOIN product p ON p.id = s.product_id GROUP BY 1"
    )
    assert {code: fen for code, fen in parts if code != "610825"} == found
    by_unit = await day.get(day.staff, "/api/v1/reports/sales", **asked, group_by="unit")
    sums: Counter[str] = Counter()
    for row in by_unit["rows"]:
        sums[row["unit"]["id"]] += row["credited_fen"]
    assert sums == {str(day.unit_ids[code]): share["goods_fen"] for code, share in of.items()}


async def strangers_see_nothing(day: UnionDay, purchase: Json, order_id: str) -> None:
    """A branch sees its own share, another union and another bank nothing at all."""
    assert list(await shares(day, purchase, day.leader)) == ["DEMO-2"]
    for path in ("", "/shares", "/roll", "/archive", "/archive/checklist", "/choices", "/contract"):
        answer = await day.http.get(f"{BASE}/{purchase['id']}{path}", headers=dict(day.stranger.headers))
        refused(answer, 404, "not_found")
    answer = await day.http.get(f"/api/v1/orders/{order_id}", headers=dict(day.stranger.headers))
    assert answer.status_code == 404, answer.text
    [(statement, *_), *_] = await day.story.rows("SELECT id FROM bank_statement")
    answer = await day.http.get(f"/api/v1/bank-statements/{statement}", headers=dict(day.other_bank.headers))
    refused(answer, 404, "not_found")


async def test_a_directed_purchase_sent_to_homes(day: UnionDay) -> None:
    """Reason, minutes and a reference price instead of quotes; recipients by csv; accepted on waybills."""
    minutes = await day.keep(day.clerk)
    box, box_fen, *_ = await goods(day)
    directed = {
        "procurement": "directed", "directed_reason": "结对县的礼包只此一家（虚构）",
        "directed_minutes_sha256": minutes, "reference_price_fen": box_fen + 1,
    }  # fmt: skip
    purchase = await plan(
        day, **directed, deliver_to="homes", spare_pieces=0, sites=[],
        packages=[{"name": "年货礼包", "lines": [{"sku_id": box, "pieces": 1}]}],
    )  # fmt: skip
    path = f"/{purchase['id']}"
    refused(await day.post(day.clerk, f"{path}/submit"), 422, "plan_invalid")
    lines = ["收件人,手机,省市县,详细地址,工号,单位编号,套餐,份数"]
    members = [row.split(",") for row in ROSTER if row[:5] not in {"A0006", "A0014"}]
    lines += [f"{m[1]},{m[2] or 13700137000 + n},310101,示例路{n}号,{m[0]},,,1" for n, m in enumerate(members)]
    too_few = "\n".join(lines[:-1])
    refused(await recipients(day, path, too_few), 422, "recipients_refused")
    whole = "\n".join(lines)
    tried = await recipients(day, path, whole, dry_run="true")
    assert tried.status_code == 200, tried.text
    assert tried.json()["saved"] is False
    assert (await recipients(day, path, whole)).json()["saved"] is True
    assert (await recipients(day, path, whole)).json()["repeated"] is True
    sha = (await day.done(day.clerk, f"{path}/submit"))["content_sha256"]
    await day.done(day.approver, f"{path}/approve", {"content_sha256": sha})
    await day.done(day.second, f"{path}/approve", {"content_sha256": sha, "minutes_sha256": minutes})
    await day.done(day.clerk, f"{path}/notice")
    await day.days_later(2)
    await placed(day, purchase)
    of = await shares(day, purchase)
    witness = {"witness_id": str(day.ids["receiver.second@demo.test"])}
    home = {**witness, "payer_share_id": of["DEMO-2"]["id"]}
    refused(await day.post(day.receiver, f"{path}/acceptances", home), 409, "waybill_missing")
    parcels = [parcel for share in of.values() for one in share["deliveries"] for parcel in one["parcels"]]
    assert len(parcels) == len(set(parcels)) == 12
    sent = [{"parcel_id": one, "carrier": "SF", "waybill": f"SF{n:04}"} for n, one in enumerate(parcels)]
    assert (await day.done(day.staff, f"{path}/ship", {"parcels": sent})) == {"state": "shipped"}
    for share in of.values():
        body = {**witness, "payer_share_id": share["id"]}
        await day.done(day.receiver, f"{path}/acceptances", body, status=201)
    assert (await day.get(day.clerk, f"{BASE}{path}"))["state"] == "accepted"
    found = await day.story.proven()
    assert sum(found["recognised"].left.values()) == 12 * box_fen - DISCOUNT_FEN


async def recipients(day: UnionDay, path: str, written: str, **params: str) -> Any:
    return await day.http.put(
        f"{BASE}{path}/recipients", content=written.encode("gb18030"), params=params,
        headers={**day.clerk.headers, "content-type": "text/csv"},
    )  # fmt: skip
