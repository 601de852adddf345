"""A sale is known however its numbers are written; what is no yuan, or was swallowed by a quote, is refused by row."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.make.caller import refused
from tests.make.formats import formatted, row_of, styled, texts
from tests.make.intake import _TITLES, BANK, MARKET, PLATFORM, IntakeDesk, Line, market, ours, refund
from tests.make.workbook import sheet_of, workbook

pytestmark = pytest.mark.anyio


async def again(desk: IntakeDesk, data: bytes, channel: str = PLATFORM, **form: Any) -> dict[str, Any]:
    """Staged and confirmed."""
    answer = await desk.upload(data, channel, **form)
    assert answer.status_code == 201, answer.text
    confirmed = await desk.confirm(answer.json()["id"])
    assert confirmed.status_code == 200, confirmed.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("number", "line"),
    [("N1", ""), ("N1", "01"), ("N1", "１"), ("N1", "001"), ("n1", "1"), ("Ｎ1", "1"), ("00N1", "1"), ("n1", "001")],
)
async def test_a_sale_counts_once_however_its_number_and_line_are_written(
    desk: IntakeDesk, number: str, line: str
) -> None:
    await again(desk, ours([Line(number="N1", line="1")]))
    done = await again(desk, ours([Line(number=number, line=line), Line(number="N2", amount="1.00")]))
    assert (done["known"], done["sales"]) == (1, 1)
    assert await desk.sums("channel") == [(PLATFORM, 10_100)]


@pytest.mark.parametrize(("first", "later"), [("", "88001"), ("88001", ""), ("-", "2")])
async def test_an_order_counts_as_a_whole_or_by_its_lines(desk: IntakeDesk, first: str, later: str) -> None:
    await again(desk, ours([Line(number="N1", line=first)]))
    problem = refused(await desk.upload(ours([Line(number="n1", line=later)])), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2/line", "order_contradicts")]
    # Of another unit it is a claim, which people decide.
    assert (await again(desk, ours([Line(number="N1", line=later, unit=BANK)])))["held"] == 1
    both = ours([Line(number="N2", line=first), Line(number="N2", line=later)])
    refused(await desk.upload(both), 422, "import_refused")
    assert await desk.sums("channel") == [(PLATFORM, 10_000)]


async def test_lines_of_one_order_may_come_in_several_files(desk: IntakeDesk) -> None:
    for line in ("1", "2", "88001"):
        assert (await again(desk, ours([Line(number="N1", line=line)])))["sales"] == 1
    assert await desk.sums("channel") == [(PLATFORM, 30_000)]


async def test_two_spellings_in_one_file_and_before_the_rule_are_one_sale(desk: IntakeDesk) -> None:
    done = await again(desk, ours([Line(number="a1", line="01"), Line(number="A1", line="1")]))
    assert (done["known"], done["sales"]) == (1, 1)
    assert (await again(desk, ours([Line(number="A1", line="1"), Line(number="B1")])))["known"] == 1
    problem = refused(await desk.upload(ours([Line(number="A1", line="1", amount="7.00")])), 422, "import_refused")
    assert [one["code"] for one in problem["errors"]] == ["row_contradicts"]
    assert await desk.sums("channel") == [(PLATFORM, 20_000)]


async def test_zeros_that_a_spreadsheet_lost_make_no_second_sale(desk: IntakeDesk) -> None:
    await again(desk, ours([Line(number="0012345")]))
    line = Line(number="0012345")
    row = [12345 if name == "number" else line.cell(name) for name in _TITLES]
    done = await again(desk, workbook(sheet_of([list(_TITLES.values()), row])))
    assert (done["known"], done["sales"]) == (1, 0)


async def test_a_refund_counts_once_however_its_number_is_written(desk: IntakeDesk) -> None:
    await again(desk, ours([Line(number="N1")]))
    await again(desk, ours([refund("N1", "30.00", of="R1")]))
    for number, of in (("N1", "r1"), ("n1", "R1"), ("N1", "0R1"), ("n1", "ｒ1")):
        assert (await again(desk, ours([refund(number, "30.00", of=of)])))["known"] == 1
    assert await desk.sums("channel") == [(PLATFORM, 7_000)]


async def test_another_unit_s_claim_is_held_however_it_writes_the_number(desk: IntakeDesk) -> None:
    await again(desk, ours([Line(number="N1")]))
    for number in ("n1", "N1"):
        done = await again(desk, ours([Line(number=number, unit="示例银行（虚构）")]))
    assert done["held"] == 0, "the claim is known"
    assert len(await desk.claims()) == 1
    assert await desk.sums("channel") == [(PLATFORM, 10_000)]


async def test_a_number_that_became_a_day_is_none(desk: IntakeDesk) -> None:
    head = row_of(1, texts(1, list(_TITLES.values())))
    line = Line()
    cells = texts(2, [line.cell(name) for name in _TITLES])
    cells[list(_TITLES).index("number")] = formatted("B2", 46346)
    problem = refused(await desk.upload(styled(head + row_of(2, cells), "yyyy-mm-dd")), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [("/rows/2/number", "digits_lost")]


async def test_long_numbers_that_all_end_in_zeros_are_none(desk: IntakeDesk) -> None:
    numbers = [f"2026112800000{n}0000" for n in (11, 12)]
    problem = refused(await desk.upload(ours([Line(number=one) for one in numbers])), 422, "import_refused")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        (f"/rows/{row}/number", "digits_lost") for row in (2, 3)
    ]
    done = await again(desk, ours([Line(number=one) for one in (*numbers, "2026112800000131234")]))
    assert done["sales"] == 3


async def test_a_currency_that_is_no_yuan_is_refused_whoever_acknowledged_its_column(desk: IntakeDesk) -> None:
    lines = market([Line(number="M1")]).decode("gb18030").split("\r\n")
    lines[1] += ",币种"
    for currency, good in (("USD", False), ("美元", False), ("人民币", True)):
        data = "\r\n".join([*lines[:2], f"{lines[2]},{currency}", ""]).encode("gb18030")
        refused(await desk.upload(data, MARKET), 422, "columns_unknown")
        answer = await desk.upload(data, MARKET, acknowledged_columns=["币种"])
        assert answer.status_code == (201 if good else 422), answer.text
        if not good:
            assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [("/rows/3", "currency_other")]
    lines[0] = "示例商城订单导出（单位：万元）"
    refused(await desk.upload("\r\n".join(lines).encode("gb18030"), MARKET), 422, "unit_other")
    lines[0] = "币种：港币"
    refused(await desk.upload("\r\n".join(lines).encode("gb18030"), MARKET), 422, "currency_other")


async def test_rows_that_an_open_quote_swallowed_are_not_lost(desk: IntakeDesk) -> None:
    rows = ours([Line(number=f"N{n}") for n in range(4)]).decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    at = rows[0].split(",").index("品类")
    for row, cell in ((1, '"粮油'), (3, '粮油"')):
        cells = rows[row].split(",")
        cells[at] = cell
        rows[row] = ",".join(cells)
    problem = refused(await desk.upload("\n".join(rows).encode()), 422, "import_refused")
    assert [one["code"] for one in problem["errors"]] == ["row_swallowed"]


@pytest.mark.parametrize("state", ["部分退款", "已退款（￥30.00）"])
async def test_a_sale_of_which_a_part_was_given_back_counts_and_is_asked_about(desk: IntakeDesk, state: str) -> None:
    answer = await desk.upload(ours([Line(more={"status": state})]))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["sales"], [one["code"] for one in answer.json()["asked"]]) == (1, ["part_refunded"])


async def test_the_database_finds_a_sale_by_any_spelling_with_its_index(desk: IntakeDesk) -> None:
    async with desk.database.reading() as session:
        names = await session.scalars(text("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'ix_%_same'"))
        assert sorted(names) == ["ix_intake_claim_same", "ix_outside_sale_same"]
