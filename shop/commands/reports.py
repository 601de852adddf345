"""`shop report sales`: the report of the API, for whoever operates the machine."""

import sys
from collections.abc import Mapping

import msgspec
from rich.console import Console

from orders.report import sheet, terminal
from orders.report.question import read_question
from orders.report.sales import sales
from shop.core import clock
from shop.core.database import open_database
from shop.core.settings import Settings


async def print_sales(asked: Mapping[str, str], *, as_json: bool) -> None:
    """A table; with `format=csv` a sheet, with as_json the very document that the API answers.

    No unit asked about: the whole shop. Raises what `read_question` and `sales` raise.
    """
    question = read_question(asked)
    database = await open_database(Settings())
    try:
        report = await sales(database, question, actor=None, now=clock.now())
    finally:
        await database.close()
    if as_json:
        sys.stdout.write(msgspec.json.encode(report.as_json()).decode() + "\n")
    elif question.format == "csv":
        sys.stdout.buffer.writelines(sheet.chunks(report))
    else:
        terminal.show(report, Console())
