"""Into the window and out of it: `/api/v1/products/{id}/list` and `/withdraw`."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from catalog.producer.scope import NotYourSupplier, supplier_ids
from catalog.product.list_product import list_products
from catalog.product.withdraw_product import withdraw_product
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["products"])
Writer = Annotated[Actor, Depends(requires(Permission.PRODUCT_WRITE))]
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"description": "未登录"},
    403: {"description": "没有权限，或不是自己的供应商"},
    404: {"description": "没有这个商品"},
}


class Withdrawal(BaseModel):
    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]


@routes.post(
    "/products/{product_id}/list",
    status_code=204,
    responses={**_PROBLEMS, 422: {"description": "没有今天有效的产地县代码（origin_county_required）"}},
)
async def post_list(database: TheDatabase, actor: Writer, product_id: UUID) -> None:
    """Put a draft into the window. Who supplies it cannot: the author does not approve (DOMAIN rule 20)."""
    if supplier_ids(actor, Permission.PRODUCT_WRITE) is not None:
        raise NotYourSupplier("上架由平台审核，供应商不能自己上架。")
    async with database.transaction() as session:
        await list_products(session, actor_id=actor.user_id, product_ids=[product_id], now=clock.now())


@routes.post("/products/{product_id}/withdraw", status_code=204, responses={**_PROBLEMS})
async def post_withdraw(database: TheDatabase, actor: Writer, product_id: UUID, withdrawal: Withdrawal) -> None:
    """Take a product out of the window; a supplier only its own."""
    async with database.transaction() as session:
        await withdraw_product(session, actor=actor, product_id=product_id, reason=withdrawal.reason, now=clock.now())
