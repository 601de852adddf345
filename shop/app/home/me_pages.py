"""`/me`: where somebody finds what is his own."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_waiting
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A page of one's own and what it is for."""

    address: str
    name: str
    about: str


PLACES: Final = (
    Place("/orders", "我的订单", "买了什么，到了哪一步"),
    Place("/me/year", "我的帮扶年度", "这一年帮了哪些县和合作社"),
    Place("/me/addresses", "我的地址", "结账时记下的地址，可以删"),
    Place("/me/phone", "我的手机号", "验证手机号，名册凭它找到您"),
    Place("/me/claims", "把我列入名册的单位", "别的单位的名册写了您，由您确认"),
    Place("/me/email", "登录邮箱", "确认或更换"),
    Place("/me/password", "修改密码", "其他设备会退出登录"),
    Place("/me/privacy", "个人信息", "看告知书，下载我的资料，注销账号"),
)


@routes.get("/me")
async def get_me(
    request: Request, actor: Annotated[Actor, Depends(requires(Permission.ME_READ))], database: TheDatabase
) -> HTMLResponse:
    """The pages, and how many lists wait for the caller's own word."""
    async with database.reading() as session:
        rows, _ = await claims_waiting(session, actor, now=clock.now())
    mine = sum(row.person_id == actor.person_id for row in rows)
    own = [one for one in PLACES if one.address != "/orders" or actor.may(Permission.ORDER_READ)]
    return render(request, "home/me.html", own_pages=own, waiting=mine)
