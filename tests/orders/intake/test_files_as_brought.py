"""Marketplaces' files as people really bring them: what counts, what is set aside, what is refused by row."""

from typing import Any

import pytest

from tests.make.caller import refused
from tests.make.case import case
from tests.make.intake import BRANCH, MARKET, PLATFORM, SALE_DAY, IntakeDesk, Line, market, ours

pytestmark = pytest.mark.anyio
FACTS = {
    "UNIT": BRANCH, "COUNTY": "522633", "PRODUCER": "示例合作社0（虚构）", "SUPPLIER": "示例供应商0（虚构）",
    "PRODUCT": "示例货0",
}  # fmt: skip


async def staged(desk: IntakeDesk, name: str, channel: str = PLATFORM) -> dict[str, Any]:
    answer = await desk.upload(case(name, **FACTS), channel)
    assert answer.status_code == 201, answer.text
    done: dict[str, Any] = answer.json()
    assert done["rows_read"] == done["rows_taken"] + done["rows_set_aside"] + done["rows_refused"] == done["rows"]
    return done


async def test_closed_and_unpaid_orders_are_set_aside_and_listed(desk: IntakeDesk) -> None:
    done = await staged(desk, "i01_closed_orders.csv", MARKET)
    assert [(one["row"], one["reason"]) for one in done["set_aside"]] == [(3, "closed"), (4, "unpaid")]
    assert (done["sales"], done["sales_fen"]) == (1, 10_000)
    batch = await desk.batch(done["id"])
    assert [(one["row"], one["said"]) for one in batch["rows_aside"]] == [(3, "订单已关闭"), (4, "买家没有付款")]
    assert (batch["rows_taken"], batch["rows_set_aside"], batch["rows_refused"]) == (1, 2, 0)
    assert (await desk.confirm(done["id"])).status_code == 200
    assert await desk.sums("channel") == [(MARKET, 10_000)]


async def test_a_blank_inside_a_status_changes_nothing(desk: IntakeDesk) -> None:
    spaced = (
        case("i01_closed_orders.csv", **FACTS)
        .decode()
        .replace("交易成功", "交易 成功")
        .replace("交易关闭", "交易　关闭")
    )
    done = (await desk.upload(spaced.encode(), MARKET)).json()
    assert [(one["row"], one["reason"]) for one in done["set_aside"]] == [(3, "closed"), (4, "unpaid")]


async def test_a_sale_whose_refund_is_under_way_waits_for_a_later_export(desk: IntakeDesk) -> None:
    data = case("i01_closed_orders.csv", **FACTS).replace("交易关闭".encode(), "退款中".encode())
    done = (await desk.upload(data, MARKET)).json()
    assert [(one["row"], one["reason"]) for one in done["set_aside"]] == [(3, "pending"), (4, "unpaid")]


async def test_a_refund_that_was_closed_leaves_its_sale_standing(desk: IntakeDesk) -> None:
    lines = case("i01_closed_orders.csv", **FACTS).decode().splitlines()
    done = (await desk.upload("\n".join([lines[0], lines[1].replace("交易成功", "退款关闭")]).encode(), MARKET)).json()
    assert (done["rows_taken"], done["rows_set_aside"], done["sales_fen"]) == (1, 0, 10_000)


async def test_a_status_that_nobody_knows_is_an_error_of_its_row(desk: IntakeDesk) -> None:
    data = case("i01_closed_orders.csv", **FACTS).replace("交易关闭".encode(), "等待买家确认价格".encode())
    problem = refused(await desk.upload(data, MARKET), 422, "import_refused")
    assert [one["pointer"] for one in problem["errors"]] == ["/rows/3/status"]
    assert (problem["rows_read"], problem["rows_refused"], problem["rows_set_aside"]) == (3, 1, 1)


@pytest.mark.parametrize(
    "states", [("支付状态", "已支付", "状态", "交易关闭"), ("订单状态", "交易成功", "付款状态", "未付款")]
)
async def test_of_two_columns_of_states_both_are_read(desk: IntakeDesk, states: tuple[str, ...]) -> None:
    lines = case("i01_closed_orders.csv", **FACTS).decode().splitlines()
    title = next(one for one in lines[0].split(",") if "状态" in one)
    first, said, second, also = states
    rows = [lines[0].replace(title, f"{first},{second}"), lines[1].replace("交易成功", f"{said},{also}")]
    done = (await desk.upload("\n".join(rows).encode(), MARKET)).json()
    assert (done["rows_taken"], done["rows_set_aside"]) == (0, 1)


async def test_a_sale_that_counts_and_is_closed_later_is_asked_about(desk: IntakeDesk) -> None:
    first = await staged(desk, "i01_closed_orders.csv", MARKET)
    await desk.confirm(first["id"])
    later = case("i01_closed_orders.csv", **FACTS).replace("交易成功".encode(), "交易关闭".encode())
    answer = (await desk.upload(later, MARKET)).json()
    assert answer["rows_set_aside"] == 3
    assert [(one["pointer"], one["code"]) for one in answer["asked"]] == [("/rows/2/status", "closed_after_sale")]
    assert [(one["row"], one["code"]) for one in (await desk.batch(answer["id"]))["asked"]] == [
        (2, "closed_after_sale")
    ]


async def test_every_merged_range_below_the_title_refuses_by_its_address(desk: IntakeDesk) -> None:
    problem = refused(await desk.upload(case("i02_merged_no_title.xlsx", **FACTS)), 422, "file_has_merged_cells")
    assert problem["merged_cells"] == ["B2:B4", "D2:D4"]


async def test_a_long_number_is_read_from_csv_and_refused_from_a_number_cell(desk: IntakeDesk) -> None:
    done = await staged(desk, "i03_number16.csv")
    assert (await desk.batch(done["id"]))["items"][0]["number"] == "2026112800000031"
    problem = refused(await desk.upload(case("i03_number16.xlsx", **FACTS)), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2/number", "digits_lost")]


async def test_a_comma_that_moves_cells_is_refused_by_row(desk: IntakeDesk) -> None:
    problem = refused(await desk.upload(case("i04_comma.csv", **FACTS)), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2", "row_too_long")]
    kept = await desk.batch(problem["batch_id"])
    assert [(one["row"], one["column"], one["code"]) for one in kept["errors"]] == [(2, "整行", "row_too_long")]


async def test_an_apostrophe_or_a_sign_nobody_sees_makes_no_second_sale(desk: IntakeDesk) -> None:
    first = await staged(desk, "i05_apostrophe_a.csv")
    await desk.confirm(first["id"])
    again = await staged(desk, "i05_apostrophe_b.csv")
    assert (again["known"], again["sales"]) == (1, 0)
    hidden = case("i05_apostrophe_a.csv", **FACTS).decode().replace("PT2026", "\u200bPT\u20602026")
    assert (await desk.upload(hidden.encode(), PLATFORM)).json()["known"] == 1


async def test_a_number_is_read_at_15_digits_and_a_unit_in_a_cell_is_refused(desk: IntakeDesk) -> None:
    assert (await staged(desk, "i06_float.xlsx"))["sales_fen"] == 5_970
    assert [one["reason"] for one in (await staged(desk, "i09_footer.csv"))["set_aside"]] == ["total"]
    problem = refused(await desk.upload(case("i10_wan.csv", **FACTS)), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2/amount", "unit_in_cell")]


async def test_an_unknown_column_is_shown_and_its_acknowledgement_is_kept_for_the_second_person(
    desk: IntakeDesk,
) -> None:
    lines = market([Line()]).decode("gb18030").replace("付款时间", "付款时间,退款状态")
    data = lines.replace(f",{SALE_DAY}", f",{SALE_DAY},退款成功").encode("gb18030")
    problem = refused(await desk.upload(data, MARKET), 422, "columns_unknown")
    assert problem["unknown_columns"] == ["退款状态"]
    answer = await desk.upload(data, MARKET, acknowledged_columns=["退款状态"])
    assert answer.status_code == 201, answer.text
    assert (await desk.batch(answer.json()["id"]))["acknowledged_columns"] == ["退款状态"]


async def test_text_is_text_whatever_it_begins_with(desk: IntakeDesk) -> None:
    done = await desk.upload(ours([Line(product="=1+1"), Line(number="N2", product="-2+3+cmd|' /C calc'!A0")]))
    assert done.status_code == 201, done.text
    items = (await desk.batch(done.json()["id"]))["items"]
    assert [one["cells"]["product"] for one in items] == ["=1+1", "-2+3+cmd|' /C calc'!A0"]


async def test_a_file_parted_by_bars_is_read_and_kept_like_any_other(desk: IntakeDesk) -> None:
    data = ours([Line()]).decode("utf-8-sig").replace(",", "|").encode()
    answer = await desk.upload(data)
    assert (answer.status_code, answer.json()["sales_fen"]) == (201, 10_000), answer.text
