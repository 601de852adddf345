"""The rows of an order are its tables' columns: a fact that is added to one and not to the other is found here."""

import inspect
from typing import Final

import msgspec
import pytest
from sqlmodel import SQLModel

from orders.order import write
from orders.order.rows import LineRow
from shop.app.migrate import import_tables

import_tables()
LATER: Final[dict[str, set[str]]] = {
    "delivery": {"erased_at"},
    "payer_share": {"extended_on"},
    "attribution": {"component_id", "corrects_id"},
}
"""Columns that something later writes; an order is written without them."""
BEGINNINGS: Final = frozenset(
    {
        "refunded_freight_fen", "refunded_quantity", "refunded_fen", "refunded_grams", "refunded_milli",
        "paid_fen", "unproven_fen",
    }
)  # fmt: skip
"""What every order begins with, and the only fields that a writer may leave out."""


@pytest.mark.parametrize("table", write._ROWS)
def test_a_row_has_every_column_of_its_table(table: str) -> None:
    columns = {column.name for column in SQLModel.metadata.tables[table].columns}
    assert set(write._ROWS[table].__struct_fields__) == columns - LATER.get(table, set())


@pytest.mark.parametrize("table", write._ROWS)
def test_no_fact_has_a_default(table: str) -> None:
    given = {name for name, one in inspect.signature(write._ROWS[table]).parameters.items() if one.default is one.empty}
    assert set(write._ROWS[table].__struct_fields__) - given <= BEGINNINGS


def test_a_fact_that_is_left_out_is_an_error() -> None:
    """Planted: a line that does not say how it was weighed."""
    whole = dict.fromkeys(LineRow.__struct_fields__)
    assert isinstance(LineRow(**whole), msgspec.Struct)  # type: ignore[arg-type]
    del whole["weighed_milli"]
    with pytest.raises(TypeError, match="weighed_milli"):
        LineRow(**whole)  # type: ignore[arg-type]
