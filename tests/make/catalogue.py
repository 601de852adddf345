"""Counties, sellers and products, made by the shop's own verbs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from catalog.county.designate import NewDesignation, designate
from catalog.county.save import NewCounty, save_counties
from catalog.price.change_price import NewPrice, change_prices
from catalog.producer.add_producer import NewProducer, add_producers
from catalog.producer.add_supplier import NewSupplier, add_suppliers
from catalog.product.add_product import NewProduct, add_products
from shop.core.database import Database, WriteSession

OPENED = datetime(2026, 1, 1, tzinfo=UTC)
SELLER = "测试合作社（虚构）"
COUNTY = NewCounty("620623", "天祝藏族自治县", "甘肃省", "test", "武威市")


def new_product(code: str = "T1", **more: Any) -> NewProduct:
    """A product of SELLER from COUNTY; `more` replaces any fact of it."""
    facts = {
        "code": code,
        "title": f"商品{code}",
        "category": "杂粮",
        "producer": SELLER,
        "supplier": SELLER,
        "spec": "500g/袋",
        "net_grams": 500,
        "vat_basis_points": 900,
        "source": "test",
        "origin_county_code": COUNTY.code,
    }
    return NewProduct(**facts | more)


async def add_county(session: WriteSession, county: NewCounty = COUNTY) -> None:
    await save_counties(session, [county])
    lifted = NewDesignation(county.code, "lifted_out", "test", confirmed=True)
    await designate(session, actor_id=None, designations=[lifted], now=OPENED)


async def stock_of_goods(
    database: Database, *products: NewProduct, fen: int = 3_800, price_list: Sequence[str] = ("retail",)
) -> None:
    """COUNTY, SELLER and these products as priced drafts."""
    async with database.transaction() as session:
        await add_county(session)
        await add_suppliers(session, suppliers=[NewSupplier(one.supplier) for one in products], now=OPENED)
        makers = [NewProducer(one.producer, "cooperative", COUNTY.code, "test") for one in products]
        await add_producers(session, producers=makers, now=OPENED)
        await add_products(session, actor=None, products=products, now=OPENED)
        prices = [NewPrice(one.code, fen, name) for one in products for name in price_list]
        if prices:
            await change_prices(session, actor=None, prices=prices, now=OPENED)


async def rows(database: Database, statement: str, **facts: Any) -> list[tuple[Any, ...]]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(statement), facts)]
