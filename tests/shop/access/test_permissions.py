"""Every role's permissions, written out once more: a change must be meant twice."""

from uuid import uuid4

import pytest
from fastapi import FastAPI

from shop.access.models import ROLES
from shop.access.permissions import ROLE_PERMISSIONS, Actor, Grant, Permission, Role
from shop.core.database import Database
from tests.make.people import bearer, client_of, somebody

BUYS = {"me:read", "cart:write", "order:place", "order:read", "order:cancel", "payment:open"}
UNION = BUYS | {"bulk:read", "evidence:read", "evidence:write", "invoice:read", "rule:read"}
RECORDS = {
    "report:read", "credit:read", "bulk:read", "evidence:read", "invoice:read", "rule:read", "balance:read",
    "flag:read", "audit:read",
}  # fmt: skip
MATRIX = {
    "employee": BUYS,
    "outside_buyer": BUYS,
    "union_buyer": UNION | {"bulk:write", "roster:import", "roll:write", "allowance:grant", "invoice:write"},
    "union_approver": UNION | {"bulk:approve"},
    "union_receiver": UNION | {"acceptance:write", "roll:write"},
    "canteen_buyer": BUYS | {"canteen:buy", "evidence:read", "evidence:write", "invoice:read"},
    "staff": BUYS
    | RECORDS
    | {"refund:request", "product:write", "evidence:write", "evidence:check", "invoice:write"}
    | {"bank:import", "bank:confirm", "correction:request", "correction:approve", "period:close", "filing:write"}
    | {"intake:write", "intake:confirm", "flag:clear", "payment:desk"},
    "county_reviewer": {"me:read"},
    "supplier": {"me:read", "order:read", "refund:request", "product:write", "invoice:read", "invoice:write"},
    "auditor": {"me:read"} | RECORDS,
    "administrator": {"me:read", "user:administer", "product:write", "rule:read", "rule:write", "evidence:write"},
}


def test_the_table_of_roles() -> None:
    assert {role.value: {str(p) for p in allowed} for role, allowed in ROLE_PERMISSIONS.items()} == MATRIX
    assert set(ROLES) == set(MATRIX), "the database knows the same roles"


def test_an_auditor_writes_nothing() -> None:
    assert {p.value.split(":")[1] for p in ROLE_PERMISSIONS[Role.AUDITOR]} == {"read"}


@pytest.mark.parametrize("role", Role)
@pytest.mark.anyio
async def test_each_role_at_the_door(app: FastAPI, database: Database, role: Role) -> None:
    await somebody(database, "ada@example.com", Grant(role, "all", "*"))
    async with client_of(app) as client:
        who = await bearer(client, "ada@example.com")
        buys = (await client.get("/basket", headers=who)).status_code
        assert (await client.get("/api/v1/me", headers=who)).json()["roles"][0]["role"] == role
    assert buys == (200 if "order:place" in MATRIX[role] else 403)


def test_a_permission_is_used_only_where_its_grant_holds() -> None:
    unit = str(uuid4())
    grants = (Grant(Role.EMPLOYEE, "all", "*"), Grant(Role.STAFF, "unit", unit))
    actor = Actor(uuid4(), uuid4(), uuid4(), grants)
    assert actor.scopes(Permission.REPORT_READ) == (grants[1],)
    assert actor.scopes(Permission.ORDER_PLACE) == grants
    assert not actor.may(Permission.USER_ADMINISTER)
