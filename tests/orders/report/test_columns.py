"""A figure of the report is told everywhere or nowhere."""

from orders.report.columns import COLUMNS, Figures
from orders.report.schemas import FiguresOut


def test_json_says_of_each_figure_what_it_is() -> None:
    assert list(FiguresOut.model_fields) == [column.name for column in COLUMNS]
    assert list(Figures().as_json()) == list(FiguresOut.model_fields)


def test_few_people_are_not_told_anywhere() -> None:
    few = Figures(orders=3, participants=2)
    cells = {column.name: column.cell(few) for column in COLUMNS}
    assert (few.as_json()["participants"], cells["participants"], cells["orders"]) == (None, "<5", 3)
