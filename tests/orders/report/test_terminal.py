"""The report in a terminal: a figure is never cut, however little room there is; headings fold."""

from io import StringIO

import pytest
from rich.console import Console

from orders.report import terminal
from orders.report.question import read_question
from orders.report.sales import sales
from shop.core import clock
from shop.core.database import Database
from tests.make.credit import Sale, enter
from tests.make.units import unit

pytestmark = pytest.mark.anyio
YEAR = {"from": f"{clock.today().year}-01-01", "to": f"{clock.today().year + 1}-01-01"}
STAMPS = {"known_at": "2026-11-30T00:00:00Z", "digest": "0" * 64}


@pytest.mark.parametrize("columns", [40, 80, 1_000])
async def test_money_stands_whole(database: Database, columns: int) -> None:
    bank = await unit(database, "BANK")
    await enter(database, Sale(on=clock.today(), fen=1_234_567_89, path=[bank]))
    question = read_question(YEAR | {"group_by": "county,channel"})
    report = await sales(database, question, actor=None, now=clock.now())
    out = StringIO()
    terminal.show(report, STAMPS, Console(file=out, width=columns))
    assert "…" not in out.getvalue()
    assert out.getvalue().count("1,234,567.89") + out.getvalue().count("1234567.89") >= 4, out.getvalue()
