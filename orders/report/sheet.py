"""The report as CSV for a spreadsheet: the same figures, in yuan and kilograms, under Chinese heads."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orders.report import words
from orders.report.columns import COLUMNS, Figures
from orders.report.publish import code_of
from orders.report.sales import SalesReport
from shop.sheet.write import Cell, csv_chunks, yuan


def lines(report: SalesReport, document: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    """Head, rows, total, then what is not counted and why, then the stamps; an empty line between them.

    document: the report as it was published, for its digest.
    """
    group_by = report.question.group_by
    yield [*(words.heads(group_by) or ["范围"]), *(column.sheet_head for column in COLUMNS)]
    width = len(words.heads(group_by)) or 1
    if group_by:
        for row in report.rows:
            yield [*words.row_cells(row.keys), *figures(row.figures)]  # type: ignore[arg-type]
    yield ["合计", *[""] * (width - 1), *figures(report.totals)]
    yield []
    yield ["不计入原因", "代码", "金额（元）"]
    for reason, fen in report.not_counted.items():
        yield [words.REASONS[reason], reason, yuan(fen)]
    yield ["不计入合计", "", yuan(sum(report.not_counted.values()))]
    yield ["认定总额（计入＋待核实＋不计入）", "", yuan(report.recognised_fen)]
    yield []
    yield ["知悉时间", document["known_at"]]
    if "known_at_asked" in document:
        yield ["所问时间", document["known_at_asked"]]
    yield ["账目核对至", document["balanced_as_of"] or "尚未核对"]
    yield ["所依据的封存", f"第 {document['seal']['number']} 号" if document["seal"] else "尚未封存"]
    for one in document.get("reopened", ()):
        whose = one["unit"]["name"] if one["unit"] else words.THE_SHOP
        yield ["曾关账后重新开账的月份", one["month"], whose, one["at"], one["reason"]]
    yield ["核对码", code_of(document["digest"])]
    yield ["摘要 SHA-256", document["digest"]]


def chunks(report: SalesReport, document: Mapping[str, Any]) -> Iterator[bytes]:
    """As a csv, some rows at a time."""
    return csv_chunks(lines(report, document))


def figures(of: Figures) -> list[Cell]:
    """One cell for each of COLUMNS."""
    return [column.cell(of) for column in COLUMNS]


def file_name(report: SalesReport) -> str:
    return f"sales-{report.question.since}-{report.question.until}.csv"
