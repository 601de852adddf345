"""What the demo imports: a thousand rows of two channels, in a few seconds."""

import pytest
from fastapi import FastAPI

from shop.access.permissions import Role
from shop.app.demo.outside_sales import MARKET, PLATFORM, outside_sales
from shop.core import clock
from shop.core.database import Database
from tests.make.evidence import worker
from tests.make.intake import IntakeDesk, demo_goods

pytestmark = pytest.mark.anyio


@pytest.fixture
def template(shop_template: str) -> str:
    return shop_template


async def test_a_thousand_rows_of_two_channels(app: FastAPI, database: Database) -> None:
    one, two = [await worker(database, Role.STAFF, "all", "*") for _ in range(2)]
    desk = IntakeDesk(app, database, None, one, two, one)  # type: ignore[arg-type]
    goods = await demo_goods(database)
    files = outside_sales(goods, ["DEMO", "DEMO-1", "DEMO-2"], rows=1_000, until=clock.today())
    stated = {}
    for channel, data in files.items():
        answer = await desk.upload(data, channel)
        assert answer.status_code == 201, answer.text[:800]
        done = (await desk.confirm(answer.json()["id"])).json()
        assert (done["sales"], done["refunds"], done["held"], done["error_count"]) == (450, 50, 0, 0)
        stated[channel] = done["sales_fen"] - done["refunds_fen"]
    assert await desk.sums("channel") == [(PLATFORM, stated[PLATFORM]), (MARKET, stated[MARKET])]
    assert {counted for counted, _ in await desk.sums("counted")} >= {True}
