"""What became of a file's rows, as every import answers it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Form
from pydantic import BaseModel, Field

from shop.core.errors import Detail
from shop.sheet.refused import COLUMNS_MAX, ERRORS_SHOWN_MAX
from shop.sheet.table import SetAside

TitleSaid = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
"""The title of a column, as somebody writes it who says that nobody need read it."""
Acknowledged = Annotated[Sequence[TitleSaid], Form(max_length=COLUMNS_MAX)]
"""Field `acknowledged_columns` of a form that brings a file."""


class SetAsideOut(BaseModel):
    """row: as the file counts; reason: for programs; said: in Chinese."""

    row: int
    reason: str
    said: str


class SheetAskedOut(BaseModel):
    """A cell that was kept and that somebody should look at."""

    pointer: str
    code: str
    detail: str


class RowsOut(BaseModel):
    """rows_read = rows_taken + rows_set_aside + rows_refused; of an answer without an error none is refused.

    set_aside and asked: the first 200.
    """

    rows_read: int = 0
    rows_taken: int = 0
    rows_set_aside: int = 0
    rows_refused: int = 0
    set_aside: list[SetAsideOut] = []
    asked: list[SheetAskedOut] = []


def rows_out(taken: int, set_aside: Sequence[SetAside], asked: Sequence[Detail] = ()) -> dict[str, Any]:
    """The fields of `RowsOut`."""
    return {
        "rows_read": taken + len(set_aside),
        "rows_taken": taken,
        "rows_set_aside": len(set_aside),
        "rows_refused": 0,
        "set_aside": [
            SetAsideOut(row=one.row, reason=one.reason, said=one.said) for one in set_aside[:ERRORS_SHOWN_MAX]
        ],
        "asked": [
            SheetAskedOut(pointer=one.pointer, code=one.code, detail=one.detail) for one in asked[:ERRORS_SHOWN_MAX]
        ],
    }


def columns_asked(unknown: Sequence[str], acknowledged: Sequence[str]) -> list[tuple[str, bool]]:
    """(title, ticked) for the tick boxes of a page: what was acknowledged stays ticked, what is asked about is not."""
    ticked = [(title, True) for title in dict.fromkeys(acknowledged) if title not in unknown]
    return [*ticked, *((title, False) for title in unknown)]
