"""`shop import sales`: staged like every import, for somebody who confirms it."""

import pytest
from sqlalchemy import text

from catalog.upload.kind import KindUnknown
from shop.app.commands.imports import load, template
from shop.core.database import Database
from shop.sheet.refused import RowsRefused
from tests.make.intake import PLATFORM, Line, ours
from tests.make.shop import small_shop

pytestmark = pytest.mark.anyio


async def test_sales_wait_for_somebody_who_confirms_them(database: Database) -> None:
    await small_shop(database)
    data = ours([Line(more={"channel": "832 平台"})])
    done = await load(database, kind="sales", name="a.csv", content=data)
    assert (done["channel"], done["rows"], done["sales_fen"]) == (PLATFORM, 1, 10_000)
    assert (done["state"], "saved" in done) == ("waits_for_second_person", False)
    again = await load(database, kind="sales", name="b.csv", content=data, channel=PLATFORM)
    assert (again["batch_id"], again["repeated"], again["state"]) == (done["batch_id"], True, done["state"])
    with pytest.raises(RowsRefused):
        await load(database, kind="sales", name="a.csv", content=ours([Line(amount="-1")]), channel=PLATFORM)


def test_every_kind_has_a_template() -> None:
    header, example = template("sales").splitlines()
    assert header.startswith("渠道,外部单号")
    assert example.startswith("832 平台,")
    with pytest.raises(KindUnknown, match="sales"):
        template("nothing")


async def test_rows_set_aside_are_told(database: Database) -> None:
    shop = await small_shop(database)
    async with database.reading() as session:
        code = await session.scalar(text("SELECT code FROM sku WHERE id = :id"), {"id": shop.skus[0]})
    header, example = template("prices").splitlines()
    titles = header.split(",")
    row = dict(zip(titles, example.split(","), strict=True)) | {titles[0]: str(code)}
    total = ["合计" if n == 0 else row[title] if "价" in title else "" for n, title in enumerate(titles)]
    data = "\n".join([header, ",".join(row.values()), ",".join(total)]).encode()
    done = await load(database, kind="prices", name="a.csv", content=data)
    assert (done["rows_read"], done["rows"], done["saved"]) == (2, 1, True)
    assert [(one["row"], one["reason"]) for one in done["set_aside"]] == [(3, "total")]
