"""`shop import sales`: staged like every import, for somebody who confirms it."""

import pytest

from catalog.upload.kind import KindUnknown
from shop.commands.imports import load, template
from shop.core.database import Database
from shop.sheet.refused import RowsRefused
from tests.make.intake import PLATFORM, Line, ours
from tests.make.shop import small_shop

pytestmark = pytest.mark.anyio


async def test_sales_wait_for_somebody_who_confirms_them(database: Database) -> None:
    await small_shop(database)
    data = ours([Line(more={"channel": "832 平台"})])
    done = await load(database, kind="sales", name="a.csv", content=data)
    assert (done["channel"], done["rows"], done["sales_fen"], done["saved"]) == (PLATFORM, 1, 10_000, True)
    again = await load(database, kind="sales", name="b.csv", content=data, channel=PLATFORM)
    assert (again["batch_id"], again["repeated"], again["saved"]) == (done["batch_id"], True, False)
    with pytest.raises(RowsRefused):
        await load(database, kind="sales", name="a.csv", content=ours([Line(amount="-1")]), channel=PLATFORM)


def test_every_kind_has_a_template() -> None:
    header, example = template("sales").splitlines()
    assert header.startswith("渠道,外部单号")
    assert example.startswith("832 平台,")
    with pytest.raises(KindUnknown):
        template("nothing")
