"""`shop report sales`: the report of the API, for whoever operates the machine."""

import sys
from collections.abc import Mapping
from typing import Final

from rich.console import Console

from orders.report import sheet, terminal
from orders.report.publish import publish
from orders.report.question import read_question
from orders.report.sales import sales
from orders.seal.canonical import canonical
from orders.seal.key import seal_key
from shop.core import clock
from shop.core.database import Database
from shop.core.settings import Settings

WIDE: Final = 1_000
"""Columns of a table that no terminal shows: whoever reads the pipe gets each row on one line."""


async def print_sales(database: Database, asked: Mapping[str, str], *, as_json: bool) -> None:
    """A table; with `format=csv` a sheet, with as_json the very document that the API answers.

    No unit asked about: the whole shop. Raises what `read_question` and `sales` raise.
    """
    question = read_question(asked)
    report = await sales(database, question, actor=None, now=clock.now())
    document = await publish(database, report, seal_key(Settings()), by=None, now=clock.now())
    if as_json:
        sys.stdout.write(canonical(document).decode() + "\n")
    elif question.format == "csv":
        sys.stdout.buffer.writelines(sheet.chunks(report, document))
    else:
        terminal.show(report, document, Console(width=None if sys.stdout.isatty() else WIDE))
