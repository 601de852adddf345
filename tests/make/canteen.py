"""A branch with a kitchen: potatoes by the half kilo, rice by the bag, somebody who orders and people who receive."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from orders.canteen.sign_contract import NewContract, sign_contract
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.core.sandbox_clock import set_clock
from shop.organisation.models import Canteen
from tests.make.people import somebody
from tests.make.shop import LONG_AGO, SmallShop, small_shop

CREDIT_DAYS = 20


@dataclass(frozen=True)
class KitchenShop:
    """potatoes: 10.00 yuan the 500 g, weighed; rice: 20.00 yuan a bag of 500 g."""

    shop: SmallShop
    canteen: UUID
    contract: UUID
    potatoes: UUID
    rice: UUID
    buyer: Actor
    receivers: tuple[Actor, Actor]


def contract_of(**changed: Any) -> NewContract:
    facts: dict[str, Any] = {
        "payer_kind": "canteen",
        "payer_name": "一分行食堂（虚构）",
        "invoice_title": "示例银行一分行（虚构）",
        "tax_number": "91110000000000000A",
        "credit_days": CREDIT_DAYS,
        "contact_name": "仓管（虚构）",
        "contact_phone": "13800138000",
        "region_code": "310101",
        "street": "示例路一号后门",
        "valid_from": LONG_AGO,
        "source": "采购合同 2020-1（虚构）",
    }
    return NewContract(**facts | changed)


async def signed(database: Database, canteen: UUID, **changed: Any) -> UUID:
    async with database.transaction() as session:
        return await sign_contract(
            session, actor=None, canteen_id=canteen, contract=contract_of(**changed), now=clock.now()
        )


async def worker_of(database: Database, role: Role, unit: UUID, name: str) -> Actor:
    grant = Grant(role, "unit", str(unit))
    made = await somebody(database, f"{new_id()}@kitchen.test", grant, name=name)
    return Actor(made.user_id, made.person_id, new_id(), (grant,))


async def days_later(database: Database, days: int) -> None:
    """The shop's clock, for this process and for whatever follows the database's row."""
    async with database.transaction() as session:
        await set_clock(session, timedelta(days=days))
    clock.set_ahead(timedelta(days=days))


async def kitchen_shop(database: Database, *, pieces: int = 1_000) -> KitchenShop:
    shop = await small_shop(database, pieces=pieces)
    canteen = new_id()
    async with database.transaction() as session:
        session.add(Canteen(id=canteen, unit_id=shop.branch, name="一分行食堂（虚构）", created_at=clock.now()))
        await session.execute(text("UPDATE sku SET weighed = true WHERE id = :sku"), {"sku": shop.skus[0]})
    return KitchenShop(
        shop=shop,
        canteen=canteen,
        contract=await signed(database, canteen),
        potatoes=shop.skus[0],
        rice=shop.skus[1],
        buyer=await worker_of(database, Role.CANTEEN_BUYER, shop.branch, "食堂采购（虚构）"),
        receivers=(
            await worker_of(database, Role.UNION_RECEIVER, shop.branch, "验收一（虚构）"),
            await worker_of(database, Role.UNION_RECEIVER, shop.bank, "验收二（虚构）"),
        ),
    )
