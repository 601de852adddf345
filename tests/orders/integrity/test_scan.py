"""What is worth a look is raised, once, with its figures; what is usual is not. Nobody is stopped from buying."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from orders.integrity.thresholds import NoSuchThreshold, ThresholdTaken, set_threshold, thresholds
from shop.access.permissions import Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import derived_id, new_id
from shop.core.postgres import embedded
from tests.make.credit import CONGJIANG, HUNYUAN, Given, Sale, enter
from tests.make.flag import flags, scanned
from tests.make.joint_order import accepted, expected, joint_purchase, official, placed_joint
from tests.make.shop import SmallShop, buyer, placed, small_shop
from tests.make.superuser import planted
from tests.make.units import unit

pytestmark = pytest.mark.anyio

TODAY = clock.today()


async def done(database: Database, statement: str, **values: Any) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), values)


async def tier(database: Database, shop: SmallShop, name: str, value: int, kind: str = "split_below_tier") -> None:
    admin = await official(database, Role.ADMINISTRATOR, shop.bank)
    async with database.transaction() as session:
        await set_threshold(
            session,
            actor_id=admin.user_id,
            kind=kind,
            name=name,
            value=value,
            valid_from=TODAY,
            source="测试",
            now=clock.now(),
        )


async def test_an_ordinary_day_raises_nothing(database: Database) -> None:
    shop = await small_shop(database)
    for _ in range(3):
        await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1, shop.box: 1})
    await placed_joint(database, await joint_purchase(database, shop=shop))
    assert await scanned(database) == {}


async def two_purchases(database: Database, owner_url: str, schema: str) -> tuple[SmallShop, set[str]]:
    """Of one union, each of 9,000 fen from one supplier."""
    shop = await small_shop(database)
    orders = set()
    for _ in range(2):
        joint = await joint_purchase(database, shop=shop, members=((0,) * 9,), packages=({0: 1},))
        orders.add(str(await placed_joint(database, joint)))
    one_union = "UPDATE attribution SET union_id = (SELECT id FROM labour_union ORDER BY id LIMIT 1)"
    assert await planted(owner_url, schema, one_union) == 2
    return shop, orders


@pytest.fixture
def owner_url(postgres: Path, database_name: str) -> str:
    return embedded.url(postgres, database_name, embedded.OWNER_ROLE)


async def test_purchases_split_just_under_a_tier(database: Database, owner_url: str, schema: str) -> None:
    shop, orders = await two_purchases(database, owner_url, schema)
    assert await scanned(database) == {}, "9,000 fen are far from any tier"
    await tier(database, shop, "tier_1_fen", 10_000)
    assert await scanned(database) == {"split_below_tier": 2}
    found = await flags(database)
    assert {subject.split(":")[1] for _, subject, *_ in found} == orders
    assert all((facts["fen"], facts["others"], facts["together_fen"]) == (9_000, 1, 18_000) for *_, facts, _ in found)
    assert all(lines == 1 for *_, lines in found)
    assert await scanned(database) == {}, "once"


async def test_two_purchases_far_apart_are_no_split(database: Database, owner_url: str, schema: str) -> None:
    shop, orders = await two_purchases(database, owner_url, schema)
    await tier(database, shop, "tier_1_fen", 10_000)
    earlier = "UPDATE shop_order SET placed_at = placed_at - interval '40 days' WHERE id = :id"
    await done(database, earlier, id=UUID(min(orders)))
    assert await scanned(database) == {}


@pytest.mark.parametrize("how", ["person", "phone", "legal_representative"])
async def test_who_buys_is_related_to_who_sells(database: Database, how: str) -> None:
    shop = await small_shop(database)
    joint = await joint_purchase(database, shop=shop, members=((0,),), packages=({0: 1},))
    seller = await official(database, Role.SUPPLIER, shop.suppliers[0])
    await done(database, "UPDATE role_grant SET scope_kind = 'supplier' WHERE user_id = :id", id=seller.user_id)
    await done(database, "UPDATE person SET phone = '13900000001' WHERE id = :id", id=seller.person_id)
    if how == "person":
        await done(
            database,
            "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, valid_from) VALUES (:id, :user,"
            " 'supplier', 'supplier', :supplier, '2020-01-01')",
            id=new_id(),
            user=joint.requester.user_id,
            supplier=str(shop.suppliers[0]),
        )
    elif how == "phone":
        await done(database, "UPDATE person SET phone = '13900000001' WHERE id = :id", id=joint.approver.person_id)
    order_id = await placed_joint(database, joint)
    if how == "legal_representative":
        await done(database, "UPDATE person SET name = '法人甲' WHERE id = :id", id=joint.requester.person_id)
        await done(
            database,
            "INSERT INTO bulk_quote (id, purchase_id, supplier_id, supplier_name, credit_code, legal_representative,"
            " bank_account, total_fen, quoted_on, is_chosen, created_at) VALUES (:id, :purchase, :supplier, 'x',"
            " 'x', '法人甲', 'x', 1, :day, true, now())",
            id=new_id(),
            purchase=joint.purchase_id,
            supplier=shop.suppliers[0],
            day=TODAY,
        )
    assert await scanned(database) == {"related_buyer": 1}
    ((_, subject, unit_id, facts, lines),) = await flags(database)
    assert (subject, facts["how"], lines) == (f"order:{order_id}:{shop.suppliers[0]}", [how], 1)
    assert unit_id == shop.bank
    assert "法人甲" not in str(facts)


async def test_a_december_that_was_given_back(database: Database) -> None:
    bank, steady = await unit(database, "BANK"), await unit(database, "STEADY")
    year = TODAY.year - 1
    back = Given(on=date(year + 1, 1, 9), fen=900_000)
    await enter(
        database,
        Sale(on=date(year, 5, 5), fen=300_000, path=[bank]),
        Sale(on=date(year, 12, 28), fen=2_000_000, path=[bank], given=[back]),
        Sale(on=date(year, 12, 29), fen=1_000_000, path=[bank]),
        *(Sale(on=date(year, month, 5), fen=3_000_000, path=[steady]) for month in range(1, 12)),
        Sale(on=date(year, 12, 28), fen=3_000_000, path=[steady], given=[replace(back, id=new_id(), fen=1_000_000)]),
    )
    assert await scanned(database, now=datetime(year + 1, 2, 1, tzinfo=UTC)) == {"spike_refunded": 1}
    ((_, subject, unit_id, facts, lines),) = await flags(database)
    assert (subject, unit_id, lines) == (f"unit:{bank}:{year}", bank, 1)
    assert (facts["december_fen"], facts["refunded_fen"]) == (3_000_000, 900_000)


async def test_a_price_that_rose_before_the_campaign(database: Database) -> None:
    shop = await small_shop(database)
    campaign = new_id()
    await done(
        database,
        "INSERT INTO campaign (id, name, position, valid_from, valid_to) VALUES (:id, '年货节', 0, :since, :until)",
        id=campaign,
        since=TODAY,
        until=TODAY + timedelta(days=20),
    )
    await done(
        database,
        "INSERT INTO campaign_product (campaign_id, product_id) SELECT :id, product_id FROM sku"
        " WHERE code IN ('S0', 'S1')",
        id=campaign,
    )
    raised_at = datetime.now(UTC) - timedelta(days=10)
    for sku, fen in ((shop.skus[0], 1_300), (shop.skus[1], 2_100)):  # by 30 and by 5 per cent
        await done(database, "UPDATE price SET valid_to = :at WHERE sku_id = :sku", at=raised_at, sku=sku)
        await done(
            database,
            "INSERT INTO price (id, sku_id, list, min_quantity, fen, valid_from)"
            " VALUES (:id, :sku, 'retail', 1, :fen, :at)",
            id=new_id(),
            sku=sku,
            fen=fen,
            at=raised_at,
        )
    assert await scanned(database) == {"price_jump": 1}, "before anybody bought"
    person = await buyer(database, works_at=shop.branch)
    for _ in range(2):
        await placed(database, person, {shop.skus[0]: 1, shop.skus[1]: 1})
        await scanned(database)
    found = [
        (facts["old_fen"], facts["new_fen"], unit_id, lines) for _, _, unit_id, facts, lines in await flags(database)
    ]
    assert sorted(found, key=str) == sorted([(1_000, 1_300, None, 0), (1_000, 1_300, shop.branch, 2)], key=str)


async def test_one_phone_for_many_people_and_no_phone_in_the_flag(database: Database) -> None:
    shop = await small_shop(database)
    await done(database, "UPDATE person SET phone = NULL")
    orders = []
    for _ in range(5):
        person = await buyer(database, works_at=shop.branch)
        await done(database, "UPDATE person SET phone = NULL")
        assert await scanned(database) == {}
        orders.append((await placed(database, person, {shop.skus[0]: 1})).id)
    assert await scanned(database) == {"shared_phone": 1}
    ((_, subject, unit_id, facts, lines),) = await flags(database)
    assert (subject, unit_id, facts, lines) == (f"order:{orders[0]}", shop.branch, {"people": 5, "orders": 5}, 5)
    await placed(database, person, {shop.skus[0]: 1})
    assert await scanned(database) == {}
    assert (await flags(database))[0][-1] == 6, "what belongs to an undecided flag comes to it"


async def test_imports_of_round_figures(database: Database) -> None:
    bank = await unit(database, "BANK")
    await enter(
        database,
        *(Sale(on=TODAY, fen=100_000 * n, path=[bank], channel="platform_832") for n in range(1, 5)),
        Sale(on=TODAY, fen=12_345, path=[bank], channel="platform_832"),
        *(Sale(on=TODAY, fen=12_345 + n, path=[bank], channel="fair") for n in range(6)),
        *(Sale(on=TODAY, fen=100_000, path=[bank]) for _ in range(6)),
    )
    assert await scanned(database) == {"round_numbers": 1}
    ((_, _, unit_id, facts, lines),) = await flags(database)
    assert (unit_id, facts["channel"], facts["rows"], facts["round"], lines) == (bank, "platform_832", 5, 4, 4)


async def test_an_origin_far_from_where_the_supplier_is_registered(database: Database) -> None:
    bank = await unit(database, "BANK")
    await done(
        database,
        "INSERT INTO supplier (id, name, credit_code, fictitious, created_at)"
        " VALUES (:id, '示例供应商（虚构）', '91522633MA00000000', true, now())",
        id=derived_id("示例供应商（虚构）"),
    )
    await enter(
        database,
        Sale(on=TODAY, fen=100, path=[bank], place=CONGJIANG),
        Sale(on=TODAY, fen=200, path=[bank], place=HUNYUAN),
    )
    assert await scanned(database) == {"far_origin": 1}
    ((_, _, unit_id, facts, lines),) = await flags(database)
    assert (unit_id, facts["county_code"], facts["registered_in"], lines) == (bank, "140225", "522633", 1)


async def test_a_roll_that_nobody_signed(database: Database) -> None:
    joint = await joint_purchase(database, members=((0, 0),), packages=({0: 1},))
    order_id = await placed_joint(database, joint)
    one = (await expected(database, order_id))[0]
    await accepted(database, joint, order_id, one.delivery_id)
    await done(database, "UPDATE bulk_purchase SET state = 'accepted'")
    await done(
        database,
        "INSERT INTO roll_row (purchase_id, person_id, page, line, unit_id, department, outcome, recorded_at)"
        " SELECT purchase_id, person_id, 1, position, unit_id, department, CASE WHEN position = 0 THEN 'self' END,"
        " CASE WHEN position = 0 THEN now() END FROM bulk_member",
    )
    assert await scanned(database) == {}, "there is time to sign"
    later = datetime.now(UTC) + timedelta(days=31)
    assert await scanned(database, now=later) == {"roll_unsigned": 1}
    ((_, subject, unit_id, facts, lines),) = await flags(database)
    assert (subject, unit_id, lines) == (f"purchase:{joint.purchase_id}", joint.shop.bank, 1)
    assert (facts["unsigned"], facts["rows"]) == (1, 2)


async def test_thresholds_are_dated_and_named(database: Database) -> None:
    shop = await small_shop(database)
    admin = await official(database, Role.ADMINISTRATOR, shop.bank)

    async def set_(name: str, day: date) -> None:
        async with database.transaction() as session:
            await set_threshold(
                session,
                actor_id=admin.user_id,
                kind="shared_phone",
                name=name,
                value=3,
                valid_from=day,
                source="来函",
                now=clock.now(),
            )

    tomorrow = TODAY + timedelta(days=1)
    await set_("people", tomorrow)
    with pytest.raises(ThresholdTaken):
        await set_("people", tomorrow)
    with pytest.raises(NoSuchThreshold):
        await set_("persons", tomorrow)
    async with database.reading() as session:
        assert (await thresholds(session, TODAY))["shared_phone"]["people"] == 5
        assert (await thresholds(session, tomorrow))["shared_phone"]["people"] == 3
        assert await session.scalar(text("SELECT count(*) FROM audit_event WHERE action = 'flag_threshold.set'")) == 1


async def test_one_invoice_for_two_sales(database: Database) -> None:
    """Twice elsewhere, or once elsewhere and once here; several lines of one sale are none."""
    bank, two = await unit(database, "BANK"), await unit(database, "TWO")
    sales = [Sale(on=TODAY, fen=111 + n, path=[bank if n < 3 else two], channel="platform_832") for n in range(4)]
    await enter(database, *sales)
    batch = new_id()
    await done(
        database,
        "INSERT INTO intake_batch (id, channel_code, origin, state, file_name, file_sha256, rows, errors, uploaded_at)"
        " VALUES (:id, 'platform_832', 'file', 'staged', 'a.csv', 'x', 4, 0, now())",
        id=batch,
    )
    for n, (sale, (number, order)) in enumerate(
        zip(sales, [("INV1", "A"), ("INV1", "A"), ("INV2", "B"), ("INV2", "C")], strict=True)
    ):
        row = new_id()
        await done(
            database,
            "INSERT INTO intake_row (id, batch_id, number, state, cells, errors, day, unit_id)"
            " VALUES (:id, :batch, :n, 'entered', '{}', '[]', :day, :unit)",
            id=row, batch=batch, n=n, day=TODAY, unit=sale.path[0],
        )  # fmt: skip
        await done(
            database,
            "INSERT INTO outside_sale (id, row_id, channel_code, external_number, external_line, unit_id,"
            " invoice_number, day, amount_fen, grams, quantity_milli, refunded_fen, refunded_grams, refunded_milli)"
            " VALUES (:id, :row, 'platform_832', :order, :n, :unit, :number, :day, 100, 1, 1, 0, 0, 0)",
            id=sale.id, row=row, order=order, n=str(n), unit=sale.path[0], number=number, day=TODAY,
        )  # fmt: skip
    assert await scanned(database) == {"invoice_repeated": 1}
    ((_, subject, _, facts, lines),) = await flags(database)
    assert (subject, facts["sales"], facts["units"], lines) == ("invoice:INV2", 2, 2, 2)
