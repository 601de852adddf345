"""Development's hands: what turns back can be made to happen over HTTP, through the shop's own webhook door."""

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from orders.checkout.open_payment import open_payment
from orders.switchboard import handle_inbox
from shop.core import clock
from shop.core.database import Database
from tests.make.caller import refused
from tests.make.identities import identities_hold
from tests.make.shop import buyer, placed, small_shop

pytestmark = pytest.mark.anyio


async def test_disputes_and_refunds_of_the_dashboard_by_hand(
    app: FastAPI, database: Database, client: AsyncClient
) -> None:
    shop = await small_shop(database)
    who = await buyer(database, works_at=shop.branch)
    order = await placed(database, who, {shop.skus[0]: 2})
    opened = await open_payment(
        database, app.state.gateway, actor=who, order_id=order.id, method="stripe", now=clock.now()
    )
    at = f"/sandbox/payments/{opened.payment_id}"
    refused(await client.post(f"{at}/dispute"), 409, "payment_ended")
    refused(await client.post("/sandbox/disputes/du_nothing/lose"), 409, "payment_ended")
    assert (await client.post(f"{at}/succeed")).status_code == 200
    back = (await client.post(f"{at}/refund", json={"amount_fen": 100})).json()["id"]
    assert (await client.post(f"/sandbox/refunds/{back}/fail")).json() == {"id": back}
    dispute = (await client.post(f"{at}/dispute", json={"reason": "fraudulent", "inquiry": True})).json()["id"]
    for end in ("withdraw", "lose", "lose", "reinstate", "win"):
        assert (await client.post(f"/sandbox/disputes/{dispute}/{end}")).json() == {"id": dispute}
    await handle_inbox(database, app.state.gateway, now=clock.now())
    async with database.reading() as session:
        assert await session.scalar(text("SELECT state FROM provider_refund")) == "failed"
        rows = (await session.execute(text("SELECT state, reason, reinstated FROM dispute"))).all()
        assert [tuple(row) for row in rows] == [("won", "fraudulent", True)]
    await identities_hold(database)
