"""Imported sales stand in the ledger like any other: explained, proven better, corrected, reported, reserved."""

import pytest
from sqlalchemy import text

from orders.canteen.reserved_share import reserved_share_of
from orders.canteen.visibility import Kitchen
from tests.make.intake import BRANCH, PLATFORM, SALE_DAY, TODAY, IntakeDesk, Line, refund

pytestmark = pytest.mark.anyio


async def line_of(desk: IntakeDesk) -> tuple[str, str]:
    """(order line, component)"""
    async with desk.database.reading() as session:
        row = (await session.execute(text("SELECT order_line_id::text, id::text FROM attribution"))).one()
        return row[0], row[1]


async def test_a_line_is_explained(desk: IntakeDesk) -> None:
    await desk.imported([Line(), refund()])
    line, _ = await line_of(desk)
    async with desk.as_(desk.one) as caller:
        said = (await caller.get(f"/api/v1/credit/explain?order_line={line}")).json()
    assert (said["counted"], said["counted_fen"], said["why"]) == (True, 7_000, "计入")
    assert said["components"][0]["grades"] == {"D": 7_000}


async def test_a_typed_sale_is_corrected_by_request_and_second_person(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    line, _ = await line_of(desk)
    asked = {
        "order_line": line, "facts": {"credit_kind": "assisted_sale"}, "reason": "应为帮销",
        "document_sha256": await desk.photo(),
    }  # fmt: skip
    async with desk.as_(desk.one) as caller:
        made = await caller.post("/api/v1/credit/corrections", json=asked, headers={"idempotency-key": "c1"})
        assert made.status_code == 201, made.text
    async with desk.as_(desk.two) as caller:
        done = await caller.post(f"/api/v1/credit/corrections/{made.json()['id']}/approve")
        assert done.status_code == 200, done.text
    assert await desk.sums("credit_kind") == [("assisted_sale", 10_000)]
    await desk.imported([refund()])
    assert await desk.sums("credit_kind") == [("assisted_sale", 7_000)]


async def test_the_report_keeps_typed_sales_out_of_its_headline(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    await desk.imported([Line(number="N2", amount="50")], evidence_sha256=await desk.photo(), evidence_kind="document")
    async with desk.as_(desk.one) as caller:
        asked = {"from": str(SALE_DAY), "to": str(TODAY), "group_by": "channel"}
        report = (await caller.get("/api/v1/reports/sales", params=asked)).json()
    (row,) = report["rows"]
    assert (row["channel"], row["credited_fen"], row["unverified_fen"]) == (PLATFORM, 5_000, 10_000)
    assert row["participants"] == 0, "imports add nobody"


async def test_purchases_on_the_platform_fill_the_reserved_share(desk: IntakeDesk) -> None:
    async with desk.database.transaction() as session:
        await session.execute(
            text("""INSERT INTO reserved_share_duty (unit_id, fiscal_year, planned_fen, source)
                VALUES (:unit, :year, 100000, '示例')"""),
            {"unit": desk.shop.branch, "year": SALE_DAY.year},
        )
        await session.execute(
            text("""INSERT INTO reserved_share_rule (id, basis_points, valid_from, source)
                VALUES (gen_random_uuid(), 1000, '2020-01-01', '示例')""")
        )
    await desk.imported([Line(), Line(number="N2", fund_source="工会")])
    kitchen = Kitchen(desk.shop.branch, "食堂", desk.shop.branch, BRANCH, None)
    async with desk.database.reading() as session:
        share = await reserved_share_of(session, kitchen, SALE_DAY)
    assert share is not None
    assert share.bought_fen == 10_000
