"""The books side by side, for staff and auditors: `/staff/balance`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.responses import RedirectResponse, Response

from orders.balance.queries import balance_of
from orders.balance.rules import NAMES, OWNERS, PARTS
from orders.balance.run import run_balance
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.stripe.gateway import PaymentGateway
from shop.core import clock
from shop.core.errors import Invalid
from shop.core.paging import Cursor
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

ADDRESS = "/staff/balance"
Reader = Annotated[Actor, Depends(requires(Permission.BALANCE_READ))]
Runner = Annotated[Actor, Depends(requires(Permission.BALANCE_READ, everywhere=True))]


@routes.get(ADDRESS)
async def get_balance(
    request: Request, actor: Reader, database: TheDatabase, state: str = "open", cursor: Cursor = None
) -> HTMLResponse:
    """Each identity with its two sides, and below what differs, whose it is and why."""
    if state not in {"open", "closed"}:
        raise Invalid("请选择未平或已平。")
    async with database.reading() as session:
        found = await balance_of(
            session,
            actor,
            day=clock.today(),
            limit=50,
            cursor=cursor,
            state="open" if state == "open" else "closed",
        )
    return render(
        request, "balance/balance.html", found=found, state=state, names=NAMES, parts=PARTS, owners=OWNERS,
        address=ADDRESS, may_run=actor.may_everywhere(Permission.BALANCE_READ),
    )  # fmt: skip


@routes.post(ADDRESS)
async def post_run(request: Request, actor: Runner, database: TheDatabase) -> Response:
    """Compare now."""
    gateway: PaymentGateway = request.app.state.gateway
    await run_balance(database, gateway, now=clock.now(), requested_by=actor.user_id)
    return RedirectResponse(ADDRESS, 303)
