"""A statement of another channel: staged, confirmed by a second person, and then part of the figure."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.make.caller import refused
from tests.make.intake import BANK, MARKET, PLATFORM, SALE_DAY, TODAY, IntakeDesk, Line, market, ours, refund

pytestmark = pytest.mark.anyio


async def test_a_second_person_confirms_and_only_then_it_counts(desk: IntakeDesk) -> None:
    batch = await desk.staged([Line(), Line(number="N2", amount="1,250.50")])
    assert await desk.sums("channel") == []
    refused(await desk.confirm(batch, by=desk.one), 409, "second_person_needed")
    assert await desk.sums("channel") == []
    done = (await desk.confirm(batch)).json()
    assert (done["state"], done["sales"], done["sales_fen"], done["grade"]) == ("confirmed", 2, 135_050, "D")
    assert await desk.sums("channel", "grade", "counted") == [(PLATFORM, "D", True, 135_050)]
    assert (await desk.confirm(batch)).status_code == 200, "the same person again is the same answer"
    assert await desk.sums("occurred_on", "fund_source", "county_code", "person_id") == [
        (SALE_DAY, "canteen", "522633", None, 135_050)
    ]


async def test_the_facts_are_those_of_the_sale_s_day(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    async with desk.database.reading() as session:
        facts = (await session.execute(text("SELECT * FROM attribution"))).one()
    assert facts.unit_path == [desk.shop.branch, desk.shop.bank]
    assert facts.pairing_unit_ids == [desk.shop.bank]
    assert (facts.designations, facts.recognition_number) == (["lifted_out"], "RP0")
    assert (facts.credit_kind, facts.buyer_kind, facts.placed_on) == ("direct_purchase", "canteen", SALE_DAY)
    assert (facts.producer_name, facts.supplier_name) == ("示例合作社0（虚构）", "示例供应商0（虚构）")


async def test_goods_without_recognition_do_not_count_and_say_why(desk: IntakeDesk) -> None:
    await desk.imported([Line(product="只在平台卖的货"), Line(number="N2")])
    assert await desk.sums("counted", "not_counted_reason") == [
        (False, "recognition_missing", 10_000),
        (True, None, 10_000),
    ]


async def test_a_marketplace_s_own_columns_in_gbk_are_read(desk: IntakeDesk) -> None:
    answer = await desk.upload(market([Line(amount="１，２３４．５０"), refund(amount="-34.50")]), MARKET)
    assert answer.status_code == 201, answer.text
    assert (await desk.confirm(answer.json()["id"])).status_code == 200
    assert await desk.sums("channel", "credit_kind", "fund_source", "kind") == [
        (MARKET, "assisted_sale", "personal", "refund", -3_450),
        (MARKET, "assisted_sale", "personal", "sale", 123_450),
    ]


@pytest.mark.parametrize(
    ("kind", "grade"), [("bank_record", "A"), ("e_invoice", "B"), ("document", "C")], ids=["bank", "invoice", "photo"]
)
async def test_a_paper_lifts_the_grade_when_the_second_person_has_looked(
    desk: IntakeDesk, kind: str, grade: str
) -> None:
    photo = await desk.photo()
    done = await desk.imported([Line()], evidence_sha256=photo, evidence_kind=kind)
    assert done["grade"] == grade
    assert await desk.sums("grade", "evidence_sha256") == [(grade, photo, 10_000)]


async def test_the_same_sale_twice_is_one_entry(desk: IntakeDesk) -> None:
    first = await desk.staged([Line(), Line(number="N2")])
    again = (await desk.upload(ours([Line(), Line(number="N2")]))).json()
    assert (again["id"], again["repeated"]) == (first, True)
    await desk.confirm(first)
    overlapping = await desk.imported([Line(number="N2"), Line(number="N3"), Line(number="N3")])
    assert (overlapping["sales"], overlapping["repeated"], overlapping["sales_fen"]) == (1, 2, 10_000)
    assert await desk.sums("channel") == [(PLATFORM, 30_000)]


async def test_the_same_number_with_another_amount_is_refused(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    problem = refused(await desk.upload(ours([Line(amount="99.00")])), 422, "import_refused")
    assert "第 2 行" in problem["detail"]
    assert "以前导入的是" in problem["detail"]
    assert await desk.sums("channel") == [(PLATFORM, 10_000)]


async def test_a_refused_file_is_kept_with_its_mistakes_and_can_be_handed_in_again(desk: IntakeDesk) -> None:
    wrong = [
        Line(),
        Line(number="N2", amount="1,23.00"),
        Line(number="N3", day="2026-02-31"),
        Line(number="N4", unit="?"),
    ]
    problem = refused(await desk.upload(ours(wrong)), 422, "import_refused")
    assert problem["error_count"] == 3
    assert [one["pointer"] for one in problem["errors"]] == ["/rows/3/amount", "/rows/4/day", "/rows/5/unit"]
    kept = await desk.batch(problem["batch_id"])
    assert (kept["state"], kept["rows"], kept["error_count"]) == ("refused", 4, 3)
    assert [(one["row"], one["column"]) for one in kept["errors"]] == [
        (3, "成交金额（元）"),
        (4, "成交日期"),
        (5, "采购单位"),
    ]
    assert kept["items"][1]["cells"]["amount"] == "1,23.00"
    refused(await desk.confirm(problem["batch_id"]), 409, "batch_has_errors")
    refused(await desk.upload(ours(wrong)), 422, "import_refused")
    assert await desk.sums("channel") == []


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (Line(amount="-5.00"), "amount", "sale_negative"),
        (Line(amount="0"), "amount", "cell_wrong"),
        (Line(amount="12.345"), "amount", "cell_wrong"),
        (Line(quantity="100,000,000,000,000,000,000,000,000,000"), "quantity", "cell_wrong"),
        (Line(kg="999,999,999,999,999,999,999,999,999.5"), "kg", "cell_wrong"),
        (Line(amount="100,000,000,000,000,000,000,000,000,000"), "amount", "cell_wrong"),
        (Line(day=str(TODAY + timedelta(days=1))), "day", "cell_wrong"),
        (Line(county="没有县"), "county", "county_unknown"),
        (Line(province=""), "province", "county_unclear"),
        (Line(county="浑源县", province="山西省"), "county", "cell_wrong"),
        (Line(producer="没有这家"), "producer", "producer_unknown"),
        (Line(supplier="没有这家"), "supplier", "supplier_unknown"),
        (Line(unit="别的银行"), "unit", "unit_unknown"),
        (Line(credit_kind="赠送"), "credit_kind", "cell_wrong"),
        (Line(fund_source=""), "fund_source", "cell_blank"),
        (Line(number="1.2E+17"), "number", "digits_lost"),
        (refund(), "number", "refund_before_sale"),
        (refund(of=""), "refund_number", "cell_blank"),
        (Line(more={"recognition_number": "X1"}), "recognition_number", "recognition_unknown"),
    ],
)
async def test_a_row_that_cannot_be_is_named_by_row_and_column(
    desk: IntakeDesk, line: Line, column: str, code: str
) -> None:
    problem = refused(await desk.upload(ours([line])), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [(f"/rows/2/{column}", code)]
    assert await desk.sums("channel") == []


@pytest.mark.parametrize(
    "day", ["{0:%Y-%m-%d}", "{0.year}/{0.month}/{0.day}", "{0.year}年{0.month}月{0.day}日", "{0:%Y%m%d}",
        "{0:%Y-%m-%d} 9:30:00"],
)  # fmt: skip
async def test_a_day_may_be_written_in_several_forms(desk: IntakeDesk, day: str) -> None:
    await desk.imported([Line(day=day.format(SALE_DAY))])
    assert await desk.sums("occurred_on") == [(SALE_DAY, 10_000)]


async def test_another_channel_s_statement_is_refused_by_name(desk: IntakeDesk) -> None:
    problem = refused(await desk.upload(market([Line()]), PLATFORM), 422, "wrong_channel")
    assert "零售商电商平台" in problem["detail"]
    assert problem["looks_like"] == MARKET
    problem = refused(await desk.upload(ours([Line(more={"channel": "展销会"})]), PLATFORM), 422, "wrong_channel")
    assert problem["looks_like"] == "fair"
    stated = await desk.upload(ours([Line(more={"channel": "832 平台"})]), None)
    assert stated.json()["channel"] == PLATFORM
    refused(await desk.upload(ours([Line()]), "nowhere"), 422, "channel_unknown")


async def test_bad_files_are_refused_as_a_whole(desk: IntakeDesk) -> None:
    refused(await desk.upload(b"\xff\xfea\0"), 422, "file_not_a_table")
    refused(await desk.upload("甲,乙\n1,2\n".encode()), 422, "file_header_wrong")
    refused(await desk.upload(ours([])), 422, "file_header_wrong")


async def test_refunds_are_as_the_channel_states_them_and_never_above_what_remains(desk: IntakeDesk) -> None:
    await desk.imported([refund(amount="30.00"), Line()])
    assert await desk.sums("kind", "occurred_on") == [("refund", TODAY, -3_000), ("sale", SALE_DAY, 10_000)]
    problem = refused(await desk.upload(ours([refund(amount="70.01", of="R2")])), 422, "import_refused")
    assert "还剩的 ¥70.00" in problem["detail"]
    again = await desk.imported([refund(amount="30.00"), refund(amount="70.00", of="R2")])
    assert (again["refunds"], again["repeated"]) == (1, 1)
    assert await desk.sums("channel") == []


async def test_two_batches_never_give_back_more_than_there_is(desk: IntakeDesk) -> None:
    await desk.imported([Line()])
    one = await desk.staged([refund(amount="60.00")])
    two = await desk.staged([refund(amount="60.00", of="R2")])
    assert (await desk.confirm(one)).status_code == 200
    problem = refused(await desk.confirm(two), 409, "changed_meanwhile")
    assert "还剩的 ¥40.00" in problem["detail"]
    assert await desk.sums("channel") == [(PLATFORM, 4_000)]
    assert (await desk.batch(two))["state"] == "staged"
    async with desk.as_(desk.two) as caller:
        answer = await caller.post(f"/api/v1/intake/batches/{two}/reject", json={"reason": "超额"})
    assert answer.json()["state"] == "rejected"


async def test_strangers_see_nothing(desk: IntakeDesk) -> None:
    batch = await desk.staged([Line(unit=BANK)])
    async with desk.as_(desk.local) as caller:
        refused(await caller.get(f"/api/v1/intake/batches/{batch}"), 404, "not_found")
        refused(await caller.post(f"/api/v1/intake/batches/{batch}/confirm"), 404, "not_found")
        assert (await caller.get("/api/v1/intake/batches")).json()["items"] == []
    refused(await desk.upload(ours([Line(unit=BANK)]), by=desk.local), 422, "import_refused")
    assert await desk.sums("channel") == []


async def test_a_dry_run_keeps_nothing(desk: IntakeDesk) -> None:
    async with desk.as_(desk.one) as caller:
        answer = await caller.post(
            "/api/v1/intake/batches?dry_run=true", data={"channel": PLATFORM}, files={"file": ("a.csv", ours([Line()]))}
        )
        assert (answer.json()["id"], answer.json()["sales_fen"]) == (None, 10_000)
        assert (await caller.get("/api/v1/intake/batches")).json()["items"] == []


async def test_an_offline_sale_needs_a_photo_and_two_people(desk: IntakeDesk) -> None:
    photo = await desk.photo()
    sale = {
        "channel": "fair", "number": "Z1", "credit_kind": "帮销", "unit": "BRANCH", "county": "522633",
        "producer": "示例合作社0（虚构）", "product": "S0", "quantity": "4", "amount": "40", "day": str(SALE_DAY),
        "evidence_sha256": photo,
    }  # fmt: skip
    async with desk.as_(desk.one) as caller:
        path, key = "/api/v1/intake/offline-sales", {"idempotency-key": "k1"}
        refused(await caller.post(path, json=sale | {"evidence_sha256": "0" * 64}, headers=key), 404, "not_found")
        made = await caller.post(path, json=sale, headers=key)
        assert made.status_code == 201, made.text
        assert (await caller.post(path, json=sale, headers=key)).json() == made.json()
        refused(await caller.post(path, json=sale, headers={"idempotency-key": "k2"}), 409, "entered_before")
    refused(await desk.confirm(made.json()["id"], by=desk.one), 409, "second_person_needed")
    assert (await desk.confirm(made.json()["id"])).status_code == 200
    assert await desk.sums("channel", "credit_kind", "grade", "grams") == [("fair", "assisted_sale", "C", 2_000, 4_000)]


async def test_a_sale_of_a_closed_month_lands_in_the_open_one(desk: IntakeDesk) -> None:
    before = TODAY.replace(day=1) - timedelta(days=1)
    async with desk.as_(desk.one) as caller:
        assert (await caller.post(f"/api/v1/periods/{before:%Y-%m}/close")).status_code == 200
    await desk.imported([Line(day=str(before))])
    assert await desk.sums("occurred_on", "sale_on", "late_for") == [(TODAY.replace(day=1), before, before, 10_000)]
