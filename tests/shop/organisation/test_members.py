"""Where somebody works, who introduced them, and where they have things sent."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError
from sqlalchemy import text

from orders.bulk.plan.schemas import SiteIn
from orders.canteen.schemas import ContractIn
from orders.checkout.facts import Buyer, buyer_of
from orders.checkout.schemas import AddressIn
from shop.access.contact import BadContact
from shop.core import clock
from shop.core.database import Database
from shop.organisation.address_book import (
    BadAddress,
    Destination,
    checked_address,
    list_addresses,
    remember_address,
)
from shop.organisation.members import AlreadyPlanned, IsEmployee, introduce, join_union, join_unit, leave
from shop.organisation.queries import unit_of_person
from shop.organisation.unions import UnionCodeTaken, add_union
from tests.make.people import somebody
from tests.make.units import unit

JANUARY, JULY, LATER = date(2026, 1, 1), date(2026, 7, 1), date(2026, 10, 1)
ONE_DAY = timedelta(days=1)
HOME = Destination("张三", "13800138000", "310101", "示例路 1 号", "200001")


async def works(database: Database, person_id: UUID, day: date) -> UUID | None:
    async with database.reading() as session:
        return await unit_of_person(session, person_id, day)


async def buys(database: Database, person_id: UUID, day: date) -> Buyer:
    """As the checkout sees him on a day."""
    async with database.hot.acquire() as connection:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=clock.SHANGHAI)
        return await buyer_of(connection, person_id=person_id, now=noon)


async def introduced(database: Database, person_id: UUID, day: date) -> UUID | None:
    found = await buys(database, person_id, day)
    return found.introduced_by.id if found.introduced_by and not found.works_at else None


@pytest.mark.anyio
async def test_a_person_works_at_one_unit_at_a_time(database: Database) -> None:
    ada, one, two = await somebody(database), await unit(database, "ONE"), await unit(database, "TWO")
    async with database.transaction() as session:
        for unit_id, day in ((one, JANUARY), (one, JULY), (two, JULY)):
            await join_unit(session, actor=None, person_id=ada.person_id, unit_id=unit_id, day=day, now=clock.now())
        await leave(session, actor=None, person_id=ada.person_id, day=LATER, now=clock.now())
    days = (JANUARY - ONE_DAY, JANUARY, JULY - ONE_DAY, JULY, LATER - ONE_DAY, LATER)
    assert [await works(database, ada.person_id, day) for day in days] == [None, one, one, two, two, None]


@pytest.mark.anyio
async def test_a_membership_does_not_run_into_a_planned_one(database: Database) -> None:
    ada, one, two = await somebody(database), await unit(database, "ONE"), await unit(database, "TWO")
    async with database.transaction() as session:
        await join_unit(session, actor=None, person_id=ada.person_id, unit_id=two, day=JULY, now=clock.now())
    with pytest.raises(AlreadyPlanned):
        async with database.transaction() as session:
            await join_unit(session, actor=None, person_id=ada.person_id, unit_id=one, day=JANUARY, now=clock.now())
    assert await works(database, ada.person_id, JANUARY) is None


@pytest.mark.anyio
async def test_an_employee_is_never_an_outside_buyer(database: Database) -> None:
    ada, one, two = await somebody(database), await unit(database, "ONE"), await unit(database, "TWO")
    async with database.transaction() as session:
        await introduce(session, actor=None, person_id=ada.person_id, unit_id=one, day=JANUARY, now=clock.now())
        await join_unit(session, actor=None, person_id=ada.person_id, unit_id=two, day=JULY, now=clock.now())
        await leave(session, actor=None, person_id=ada.person_id, day=LATER, now=clock.now())
    days = (JANUARY - ONE_DAY, JANUARY, JULY - ONE_DAY, JULY, LATER - ONE_DAY, LATER)
    assert [await introduced(database, ada.person_id, day) for day in days] == [None, one, one, None, None, one]
    with pytest.raises(IsEmployee):
        async with database.transaction() as session:
            await introduce(session, actor=None, person_id=ada.person_id, unit_id=two, day=JULY, now=clock.now())


@pytest.mark.anyio
async def test_the_last_introduction_counts_from_its_day_on(database: Database) -> None:
    bob, one, two = await somebody(database), await unit(database, "ONE"), await unit(database, "TWO")
    async with database.transaction() as session:
        for unit_id, day in ((one, JANUARY), (one, JULY), (two, JULY)):
            await introduce(session, actor=None, person_id=bob.person_id, unit_id=unit_id, day=day, now=clock.now())
    assert [await introduced(database, bob.person_id, day) for day in (JULY - ONE_DAY, JULY)] == [one, two]


@pytest.mark.anyio
async def test_somebody_may_belong_to_several_unions(database: Database) -> None:
    ada = await somebody(database)
    async with database.transaction() as session:
        unions = {await add_union(session, actor=None, code=code, name=code, now=clock.now()) for code in ("U1", "U2")}
        for union_id in [*unions, *unions]:
            await join_union(
                session, actor=None, person_id=ada.person_id, union_id=union_id, day=JANUARY, now=clock.now()
            )
    async with database.reading() as session:
        assert await session.scalar(text("SELECT count(*) FROM union_membership")) == 2
    with pytest.raises(UnionCodeTaken):
        async with database.transaction() as session:
            await add_union(session, actor=None, code="U1", name="U1", now=clock.now())


@pytest.mark.anyio
async def test_an_address_is_remembered_once_and_listed_to_its_owner_only(database: Database) -> None:
    ada, eve = await somebody(database), await somebody(database, "eve@example.com")
    office = Destination("张三", "13800138000", "110101", "示例街 2 号")
    now = clock.now()
    async with database.transaction() as session:
        first = await remember_address(session, person_id=ada.person_id, destination=HOME, now=now)
        await remember_address(session, person_id=ada.person_id, destination=office, kind="office", now=now + ONE_DAY)
        again = await remember_address(session, person_id=ada.person_id, destination=HOME, now=now + 2 * ONE_DAY)
        assert again == first
    async with database.reading() as session:
        streets = [address.street for address in await list_addresses(session, person_id=ada.person_id)]
        assert streets == ["示例路 1 号", "示例街 2 号"], "the last used first"
        assert await list_addresses(session, person_id=eve.person_id) == []


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("region_code", "31010"),
        ("region_code", "310000"),
        ("region_code", "990101"),
        ("region_code", "３１０１０１"),
        ("street", "  "),
        ("street", "-"),
        ("street", "……。、"),
        ("street", "路" * 121),
        ("street", "示例路\x00"),
        ("postcode", "2000"),
        ("phone", "12345"),
        ("name", ""),
    ],
)
def test_an_address_nobody_can_deliver_to(field: str, typed: str) -> None:
    good = {
        "name": "张三",
        "phone": "138 0013 8000",
        "region_code": "310101",
        "street": "示例路 1 号",
        "postcode": "200001",
    }
    assert checked_address(**good) == HOME
    with pytest.raises((BadAddress, BadContact)) as refused:
        checked_address(**good | {field: typed}, pointer="address")
    assert [error.pointer for error in refused.value.errors] == [f"/address/{field}"]


@pytest.mark.parametrize("model", [AddressIn, SiteIn, ContractIn])
def test_no_door_takes_a_street_that_names_no_place(model: type[BaseModel]) -> None:
    for street, refused in (("-", True), ("。……", True), ("8", False), ("示例路", False)):
        with pytest.raises(ValidationError) as wrong:  # all else is missing anyway
            model.model_validate({"street": street})
        assert (("street",) in [one["loc"] for one in wrong.value.errors()]) is refused, street
