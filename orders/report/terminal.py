"""The report in a terminal."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from orders.report import words
from orders.report.columns import COLUMNS
from orders.report.publish import code_of
from orders.report.question import Question
from orders.report.sales import SalesReport
from shop.sheet.write import yuan

NAME_WIDTH = 6
"""Cells of a name's column at the least: three signs a line."""
ROOM = 1_000
"""More than any table needs: to ask how little would do."""


def show(report: SalesReport, document: Mapping[str, Any], console: Console) -> None:
    """A table with totals, then what is not counted and why, and the stamps of the published document. In yuan.

    A figure is never cut: where room is short, headings and names are folded; shorter still, lines run on.
    """
    question = report.question
    table = Table(title=title(question, report.visibility.unit_name), title_justify="left", box=SIMPLE_HEAD)
    heads = [words.HEADS[key][0] for key in question.group_by]
    for head in heads or ["范围"]:
        table.add_column(head, overflow="fold", min_width=NAME_WIDTH)
    lines = [[words.label(key, row.keys[key]) for key in question.group_by] for row in report.rows] if heads else []
    # What is 0 in every row takes no room: an 80 column terminal holds the rest.
    shown = [one for one in COLUMNS if one.name == "credited_fen" or one.of(report.totals) != 0]
    figures = [[str(column.cell(row.figures)) for column in shown] for row in report.rows] if heads else []
    totals = [str(column.cell(report.totals)) for column in shown]
    for place, column in enumerate(shown):
        widest = max(cell_len(line[place]) for line in (*figures, totals))
        head = column.sheet_head if column.written == "grams" else column.head
        table.add_column(head, justify="right", min_width=widest, overflow="fold")
    for names, line in zip(lines, figures, strict=True):
        table.add_row(*names, *line)
    table.add_section()
    table.add_row("合计", *[""] * (len(heads) - 1), *totals)
    console.width = max(console.width, Measurement.get(console, console.options.update(width=ROOM), table).minimum)
    console.print(table)
    for reason, fen in report.not_counted.items():
        console.print(f"不计入 {yuan(fen):>14} 元  {words.REASONS[reason]}")
    console.print(f"认定总额 {yuan(report.recognised_fen)} 元 = 计入 + 待核实 + 不计入")
    for one in document.get("reopened", ()):
        whose = one["unit"]["name"] if one["unit"] else words.THE_SHOP
        console.print(f"曾关账后重新开账 {one['month']}  {whose}  {one['at']}  {one['reason']}", markup=False)
    asked = f"（所问 {document['known_at_asked']}）" if "known_at_asked" in document else ""
    console.print(f"知悉时间 {document['known_at']}{asked}  核对码 {code_of(document['digest'])}")


def title(question: Question, unit_name: str | None) -> str:
    return f"{unit_name or '全部单位'} 消费帮扶销售 {question.since} 至 {question.until}（不含） 单位：元"
