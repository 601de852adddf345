"""Whoever asks why something does not count is told which paper, and its days."""

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from shop.access.permissions import Grant, Role
from shop.core.database import Database
from tests.make.people import bearer, somebody
from tests.make.shop import buyer, placed, small_shop
from tests.make.units import unit

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("changes", "reason", "named", "last_days"),
    [
        (
            (
                "UPDATE recognition SET valid_from = '2023-07-01', valid_to = '2025-07-01'",
                """INSERT INTO recognition (id, product_id, number, issuer, valid_from, valid_to, source)
                SELECT gen_random_uuid(), product_id, 'OLD-' || number, '示例', '2021-01-01', '2023-01-01', '示例'
                FROM recognition""",
            ),
            "recognition_expired", "RP0", ("2023-07-01", "2025-06-30"),
        ),
        (
            (
                "UPDATE recognition SET valid_from = '2090-01-01', valid_to = '2091-01-01'",
                """INSERT INTO recognition (id, product_id, number, issuer, valid_from, valid_to, source)
                SELECT gen_random_uuid(), product_id, 'LATER-' || number, '示例', '2095-01-01', '2096-01-01', '示例'
                FROM recognition""",
            ),
            "recognition_not_yet_valid", "RP0", ("2090-01-01", "2090-12-31"),
        ),
        (
            ("UPDATE designation SET kind = 'emergency', valid_from = '2020-02-01', valid_to = '2021-01-01'",),
            "designation_expired", "应急滞销地区", ("2020-02-01", "2020-12-31"),
        ),
        (
            ("UPDATE designation SET valid_from = NULL, valid_to = '2025-01-01'",),
            "designation_expired", "脱贫县", ("起始日不详", "2024-12-31"),
        ),
    ],
)  # fmt: skip
async def test_the_paper_that_did_not_hold_is_named_with_its_days(
    database: Database,
    client: AsyncClient,
    changes: tuple[str, ...],
    reason: str,
    named: str,
    last_days: tuple[str, str],
) -> None:
    shop = await small_shop(database)
    async with database.transaction() as session:
        for change in ("DELETE FROM pairing", *changes):
            await session.execute(text(change))
    order = await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1, shop.skus[1]: 1})
    other = await unit(database, "OTHER")
    await somebody(database, "staff@shop.test", Grant(Role.STAFF, "unit", str(shop.bank)))
    await somebody(database, "far@shop.test", Grant(Role.STAFF, "unit", str(other)))
    headers, far = await bearer(client, "staff@shop.test"), await bearer(client, "far@shop.test")
    line = next(one.id for one in order.lines if one.sku_id == shop.skus[0])
    found = (await client.get(f"/api/v1/credit/explain?order_line={line}", headers=headers)).json()
    (component,) = found["components"]
    assert component["not_counted_reason"] == reason
    for words in (named, *last_days):
        assert words in component["why"], component["why"]
        assert words in found["why"]
    assert "OLD-" not in found["why"]
    assert "LATER-" not in found["why"]
    if reason.startswith("recognition"):
        assert component["recognition"]["number"] == named
        assert component["recognition"]["valid_from"] == last_days[0]
    page = await client.get(f"/staff/explain/{line}", headers=headers)
    assert page.status_code == 200
    for words in (named, *last_days):
        assert words in page.text
    if component["recognition"]:
        assert component["recognition"]["valid_to"] not in page.text, "the first day without it is no day of the paper"
    assert (await client.get(f"/api/v1/credit/explain?order_line={line}", headers=far)).status_code == 404
