"""Who leaves a company holds nothing in it a second later: by a list, or when another company's claim is confirmed."""

import anyio
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from shop.access.permissions import Grant, Role
from shop.core import clock
from shop.core.database import Database
from tests.make.browser import browser_of
from tests.make.catalogue import rows
from tests.make.claims import Two, actor_of, decide, employee, hand_in, two_companies, waiting
from tests.make.people import bearer
from tests.make.roster import DAY_ONE, DAY_TWO, Desk, listed, union

pytestmark = pytest.mark.anyio

LIN, WANG = "A1,林一,13900000001,B1,信贷部,在职", "A2,王二,13900000002,B1,信贷部,在职"
HELD = """
SELECT g.role, g.scope_kind, u.code FROM role_grant g LEFT JOIN unit u ON u.id::text = g.scope_id
JOIN user_account a ON a.id = g.user_id
WHERE a.email = :email AND (g.valid_to IS NULL OR g.valid_to > :today) ORDER BY 1, 2, 3
"""


@pytest.fixture
async def two(app: FastAPI, database: Database) -> Two:
    return await two_companies(database)


async def held(database: Database, email: str) -> list[tuple[object, ...]]:
    return await rows(database, HELD, email=email, today=clock.today())


async def test_a_list_without_somebody_ends_his_rights_within_a_second(
    app: FastAPI, client: AsyncClient, database: Database, two: Two
) -> None:
    """In the whole company, but not in another one, nor what he holds over everything."""
    mine = (
        Grant(Role.EMPLOYEE, "unit", str(two.ours.branch)),
        Grant(Role.STAFF, "unit", str(two.ours.bank)),
        Grant(Role.CANTEEN_BUYER, "unit", str(two.theirs.bank)),
        Grant(Role.ADMINISTRATOR, "all", "*"),
    )
    lin = await employee(database, two.ours.branch, "林一", "13900000001", *mine, email="lin@example.com")
    wang = await employee(database, two.ours.branch, "王二", "13900000002", mine[1], email="wang@example.com")
    await hand_in(app, two.ours, listed(LIN, WANG))
    tokens = [await bearer(client, one.email) for one in (lin, wang)]
    pages = [await browser_of(app, database, actor_of(one, *mine)) for one in (lin, wang)]

    async def allowed(path: str = "/staff/reports") -> list[tuple[int, int]]:
        api = [(await client.get("/api/v1/me", headers=one)).status_code for one in tokens]
        return list(zip(api, [(await one.client.get(path)).status_code for one in pages], strict=True))

    assert await allowed() == [(200, 200), (200, 200)]
    answer = await hand_in(app, two.ours, listed(WANG), DAY_TWO)
    assert answer.json()["counts"]["left"] == 1
    await anyio.sleep(1)
    assert await allowed() == [(401, 403), (200, 200)]
    assert await held(database, lin.email) == [("administrator", "all", None), ("canteen_buyer", "unit", "O")]
    assert await held(database, wang.email) == [("staff", "unit", "B")]
    for one in pages:
        await one.close()


async def test_who_moves_within_the_company_keeps_what_he_holds(app: FastAPI, database: Database, two: Two) -> None:
    roles = (Grant(Role.EMPLOYEE, "unit", str(two.ours.branch)), Grant(Role.STAFF, "unit", str(two.ours.bank)))
    lin = await employee(database, two.ours.branch, "林一", "13900000001", *roles, since=DAY_ONE)
    await hand_in(app, two.ours, listed(LIN, WANG))
    await hand_in(app, two.ours, listed(LIN.replace(",B1,", ",B,"), WANG), DAY_TWO)
    assert await held(database, lin.email) == [("employee", "unit", "B1"), ("staff", "unit", "B")]


async def test_who_goes_to_another_company_goes_as_an_employee(app: FastAPI, database: Database, two: Two) -> None:
    roles = (Grant(Role.EMPLOYEE, "unit", str(two.theirs.branch)), Grant(Role.STAFF, "unit", str(two.theirs.bank)))
    lin = await employee(database, two.theirs.branch, "林一", "13900000001", *roles)
    await hand_in(app, two.ours, listed(LIN))
    (claim,) = await waiting(app, two.theirs.buyer)
    assert await held(database, lin.email) == [("employee", "unit", "O1"), ("staff", "unit", "O")]
    assert (await decide(app, two.theirs.buyer, claim["id"])).status_code == 200
    assert await held(database, lin.email) == [("employee", "unit", "B1")]
    said = "SELECT action, after ->> 'valid_to' IS NOT NULL FROM audit_event WHERE action LIKE 'role.%' ORDER BY id"
    noted = await rows(database, said)
    assert noted[-3:] == [("role.revoked", True), ("role.revoked", True), ("role.granted", False)]


async def test_another_union_of_the_unit_that_lists_him_says_that_he_works_there(
    app: FastAPI, database: Database, two: Two
) -> None:
    other = Desk(await union(database, "U2", two.ours.branch), two.ours.bank, two.ours.branch, two.ours.buyer, "")
    await hand_in(app, two.ours, listed(LIN, WANG))
    await hand_in(app, other, listed("Z1,林一,13900000001,B1,信贷部,在职"))
    await hand_in(app, two.ours, listed(WANG), DAY_TWO)
    assert await rows(database, "SELECT count(*)::int FROM membership WHERE valid_to IS NULL") == [(2,)]
    assert await rows(database, "SELECT count(*)::int FROM union_membership WHERE valid_to IS NULL") == [(2,)]
