"""Facts of a day are the same for whoever asks: checkout, a union's plan, a correction, an import, shelf and ledger."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from catalog.county.models import County
from catalog.county.succeed import succeed
from catalog.listing.facts import facts_of
from orders.bulk.plan.totals import plan_totals
from orders.checkout.facts import buyer_of, goods_of
from orders.correction.facts import _county as of_a_correction
from orders.explanation.explain import _designations as explained
from orders.intake.freeze import _COUNTIES, _by_day
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Membership
from shop.organisation.queries import unit_path
from tests.make.bulk import Plan, a_plan
from tests.make.people import somebody
from tests.make.units import SINCE, unit

pytestmark = pytest.mark.anyio
TREE = 27


async def divided(database: Database, code: str, *heirs: str, on: date) -> None:
    async with database.transaction() as session:
        session.add_all(
            County(code=heir, name=f"{heir}县（虚构）", province="示例省", valid_from=on, source="test")
            for heir in heirs
        )
        await session.flush()
        for heir in heirs:
            await succeed(
                session, actor_id=None, code=code, successor_code=heir, valid_from=on, source="test", now=clock.now()
            )


async def told(database: Database, plan: Plan, code: str, *, day: date) -> Mapping[str, Any]:
    """What each of them says of the first of the goods, which was grown under a code."""
    sku = plan.desk.shop.skus[0]
    async with database.hot.acquire() as connection:
        goods = await goods_of(connection, sku_ids=[sku], region_code="310101", now=clock.now())
    (bought,) = goods.skus[0].contents
    async with database.transaction() as session:
        purchase = (await session.execute(text("SELECT * FROM bulk_purchase WHERE id = :id"), {"id": plan.id})).one()
        planned = await plan_totals(session, purchase, day=day)
        corrected = await of_a_correction(session, code, day)
        imported = (await _by_day(session, _COUNTIES, {(code, str(day))}, "county_code", "asked"))[code, day]
        (shown,) = await facts_of(session, [bought.product_id], now=clock.now())
        assert bought.county_code is not None
        why = await explained(session, bought.county_code, day)
    assert shown.county is not None
    today = [one for one in why if one.valid_to is None or one.valid_to > day]
    return {
        "codes": {bought.county_code, corrected["county_code"], imported.code, shown.county.code},
        "designations": {
            tuple(bought.designations), tuple(corrected["designations"]), tuple(imported.designations),
            tuple(sorted({one.kind for one in shown.designations if one.in_force(day)})),
            tuple(sorted({one.kind for one in today})),
        },
        "pairings": {frozenset(map(str, found)) for found in (
            bought.pairing_unit_ids, corrected["pairing_unit_ids"], imported.pairing_unit_ids)},
        "assisted": planned.assisted_fen,
        "of": planned.total_fen,
    }  # fmt: skip


async def test_a_code_that_was_divided_and_its_heir_renumbered(database: Database) -> None:
    plan, day = await a_plan(database, members=2, state="draft"), clock.today()
    code = plan.desk.shop.counties[0]
    before = await told(database, plan, code, day=day)
    assert before["codes"] == {code}
    assert len(before["designations"]) == 1
    assert before["designations"] != {()}
    assert before["assisted"] > 0
    await divided(database, code, "522692", "522691", on=day)
    after = await told(database, plan, code, day=day)
    assert after == before | {"codes": {"522691"}}, "the lowest stands for it, with all that was said of it"


async def test_a_chain_of_codes_is_followed_to_its_end(database: Database) -> None:
    plan, day = await a_plan(database, members=2, state="draft"), clock.today()
    code = plan.desk.shop.counties[0]
    before = await told(database, plan, code, day=day)
    await divided(database, code, "522691", on=date(day.year - 1, 1, 1))
    await divided(database, "522691", "522692", on=day)
    assert await told(database, plan, code, day=day) == before | {"codes": {"522692"}}


async def test_a_deep_tree_has_one_top(database: Database) -> None:
    top = under = await unit(database, "TOP")
    for level in range(TREE - 1):
        under = await unit(database, f"LEVEL{level}", under=under)
    who = await somebody(database, "deep@shop.test")
    async with database.transaction() as session:
        session.add(Membership(id=new_id(), person_id=who.person_id, unit_id=under, valid_from=SINCE))
    async with database.hot.acquire() as connection:
        buyer = await buyer_of(connection, person_id=who.person_id, now=clock.now())
    async with database.reading() as session:
        path = await unit_path(session, under, clock.today())
    assert buyer.works_at is not None
    assert buyer.works_at.path == list(path)
    assert (len(path), path[-1]) == (TREE, top)
