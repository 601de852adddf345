"""Whose money waits at the desk keeps his account until it is settled."""

import pytest
from sqlalchemy import text

from shop.access.account.passwords import hash_password
from tests.make.caller import as_caller, refused
from tests.make.people import PASSWORD
from tests.orders.payment_desk.test_desk import WHY, Desk, desk

pytestmark = pytest.mark.anyio
__all__ = ["desk"]


async def test_an_account_is_not_erased_while_its_money_is_here(desk: Desk) -> None:
    payment = await desk.late(desk.who)
    async with desk.database.transaction() as session:
        known = text("UPDATE user_account SET password_hash = :hash WHERE id = :id")
        await session.execute(known, {"hash": await hash_password(PASSWORD), "id": desk.who.user_id})
    async with as_caller(desk.app, desk.who) as himself:
        blocked = refused(await himself.post("/api/v1/me/erasure", json={"password": PASSWORD}), 409, "erasure_blocked")
        assert "/money" in [one["pointer"] for one in blocked["errors"]], "held"
        for clerk in (desk.first, desk.second):
            await clerk.post(f"/api/v1/payments/{payment}/keep", json=WHY)
        blocked = refused(await himself.post("/api/v1/me/erasure", json={"password": PASSWORD}), 409, "erasure_blocked")
        assert "/money" in [one["pointer"] for one in blocked["errors"]], "kept as an advance"
