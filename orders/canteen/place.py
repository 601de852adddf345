"""Order for a kitchen: deliver first, pay later. Confirmed and unpaid at once; goods are held until their day.

Quoted from the facts of this moment like any other order, with the canteen's unit as the one that is credited. Prices,
products and the contract are locked before the facts are read, so nothing changes between reading and writing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Date, DateTime, Uuid, bindparam, insert, text
from sqlalchemy.exc import IntegrityError

from catalog.campaign.entitled import asked_of
from catalog.stock import moving
from orders.canteen.amount import Amount, Measured, goods_of, measured
from orders.canteen.models import CanteenOrder
from orders.canteen.rows import Buying, Contract, order_rows
from orders.canteen.visibility import Kitchen, NoSuchCanteenOrder, kitchen_for
from orders.checkout.facts import Buyer, UnitFacts, together
from orders.checkout.facts import goods_of as facts_of_goods
from orders.checkout.place import AlreadyOrdered
from orders.checkout.problems import OutOfStock, trouble_of
from orders.checkout.quote import Quote, quote
from orders.order.write import driver_of, write
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.window import in_force
from shop.organisation.queries import unit_path

_CONTRACT: Final = text(f"""
SELECT id, payer_kind, payer_id, payer_name, invoice_title, tax_number, credit_days, contact_name, contact_phone,
    region_code, street
FROM canteen_contract WHERE canteen_id = :canteen AND {in_force("", ":day")}
FOR SHARE
""").bindparams(bindparam("canteen", type_=Uuid), bindparam("day", type_=Date))  # noqa: S608  # our own words
_LOCK_PRODUCTS: Final = text("""
SELECT p.id FROM product p WHERE p.id IN (SELECT s.product_id FROM sku s WHERE s.id = ANY(:skus))
ORDER BY p.id FOR SHARE
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)))
_LOCK_PRICES: Final = text(f"""
SELECT q.id FROM price q WHERE q.sku_id = ANY(:skus) AND {asked_of("canteen", "q", ":now")} ORDER BY q.id FOR SHARE OF q
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)), bindparam("now", type_=DateTime(timezone=True)))  # noqa: S608
_FROM_LIST: Final = text("""
SELECT l.sku_id, l.milli FROM canteen_list_line l JOIN canteen_list c ON c.id = l.list_id
WHERE c.id = :id AND c.canteen_id = :canteen ORDER BY l.position
""").bindparams(bindparam("id", type_=Uuid), bindparam("canteen", type_=Uuid))
_FROM_ORDER: Final = text("""
SELECT l.sku_id, coalesce(l.weighed_milli, l.quantity * 1000) AS milli FROM order_line l
JOIN canteen_order c ON c.order_id = l.order_id WHERE c.order_id = :id AND c.canteen_id = :canteen ORDER BY l.position
""").bindparams(bindparam("id", type_=Uuid), bindparam("canteen", type_=Uuid))
_OF_CANTEEN: Final = text("SELECT 1 FROM canteen_order WHERE order_id = :id AND canteen_id = :canteen").bindparams(
    bindparam("id", type_=Uuid), bindparam("canteen", type_=Uuid)
)


class NoContract(Problem):
    """Nobody said who pays for this canteen, under which title and within how many days."""

    status = 409
    code = "canteen_contract_missing"
    title = "这个食堂今天没有有效的采购合同"


class NothingOrdered(Problem):
    status = 422
    code = "canteen_order_empty"
    title = "订单里没有商品"


class DayPassed(Problem):
    status = 422
    code = "deliver_on_passed"
    title = "送货日期已经过去"


@dataclass(frozen=True, slots=True)
class Wish:
    """What to order: lines as written; else those of a list or of an earlier order. supplements_id: more of what that
    order brought.
    """

    deliver_on: date
    lines: Sequence[Amount] = ()
    list_id: UUID | None = None
    repeat_id: UUID | None = None
    supplements_id: UUID | None = None


async def place(session: WriteSession, *, actor: Actor, canteen_id: UUID, wish: Wish, key: str, now: datetime) -> UUID:
    """The order's id. The actor asks, so he cannot accept the goods.

    Raises NoSuchCanteen, NoContract, NothingOrdered, DayPassed, BadAmount, NoSuchCanteenOrder, OutOfStock, NotForSale,
    CannotArrive and their like, AlreadyOrdered.
    """
    day = clock.business_day(now)
    kitchen = await kitchen_for(session, actor, Permission.CANTEEN_BUY, canteen_id, day)
    if wish.deliver_on < day:
        raise DayPassed("请选今天或以后的一天。", [Detail("/deliver_on", DayPassed.code, "不能早于今天")])
    await _check_supplemented(session, kitchen, wish)
    contract = await _contract(session, kitchen, day)
    measured = await _measured(session, kitchen, wish)
    quoted = await _quote(session, kitchen, measured, contract, now)
    _check(quoted)
    buying = Buying(
        order_id=new_id(),
        kitchen=kitchen,
        contract=contract,
        quoted=quoted,
        deliver_on=wish.deliver_on,
        expires_at=datetime.combine(wish.deliver_on + timedelta(days=1), time(0), clock.SHANGHAI),
        list_id=wish.list_id,
        supplements_id=wish.supplements_id,
        actor=actor,
        key=key,
        now=now,
    )
    try:
        async with session.begin_nested():
            await write(session, order_rows(buying))
            await session.execute(insert(CanteenOrder).values(_canteen_order(buying)))
            await moving.hold(session, order_id=buying.order_id, pieces=_pieces(quoted))
    except (IntegrityError, asyncpg.UniqueViolationError) as error:
        raise _said(error) from error
    return buying.order_id


async def _check_supplemented(session: WriteSession, kitchen: Kitchen, wish: Wish) -> None:
    if wish.supplements_id and not await session.scalar(
        _OF_CANTEEN, {"id": wish.supplements_id, "canteen": kitchen.id}
    ):
        raise NoSuchCanteenOrder("补单要写明补的是本食堂的哪一张订单。")


async def _contract(session: WriteSession, kitchen: Kitchen, day: date) -> Contract:
    row = (await session.execute(_CONTRACT, {"canteen": kitchen.id, "day": day})).one_or_none()
    if row is None:
        raise NoContract("请联系管理员登记付款方、开票抬头和账期，再下单。")
    return Contract(*row)


async def _measured(session: WriteSession, kitchen: Kitchen, wish: Wish) -> list[Measured]:
    if wish.lines:
        return measured(wish.lines, await goods_of(session, [line.sku_id for line in wish.lines]))
    source, found = (_FROM_LIST, wish.list_id) if wish.list_id else (_FROM_ORDER, wish.repeat_id)
    rows = await session.execute(source, {"id": found, "canteen": kitchen.id}) if found else ()
    lines = [Measured(row.sku_id, row.milli) for row in rows]
    if not lines:
        raise NothingOrdered("请写明要订的商品，或选一个有商品的清单。")
    return lines


async def _quote(
    session: WriteSession, kitchen: Kitchen, measured: Sequence[Measured], contract: Contract, now: datetime
) -> Quote:
    sku_ids = [line.sku_id for line in measured]
    await session.execute(_LOCK_PRODUCTS, {"skus": sku_ids})
    await session.execute(_LOCK_PRICES, {"skus": sku_ids, "now": now})
    goods = await facts_of_goods(await driver_of(session), sku_ids=sku_ids, region_code=contract.region_code, now=now)
    path = await unit_path(session, kitchen.unit_id, clock.business_day(now))
    unit = UnitFacts(kitchen.unit_id, kitchen.unit_name, path)
    return quote(
        [(line.sku_id, line.pieces) for line in measured],
        together(goods, Buyer(works_at=unit, introduced_by=None)),
        now=now,
        weights={line.sku_id: line.milli for line in measured if line.milli % 1_000},
        fund_source="canteen",
        asking="canteen",
    )


def _check(quoted: Quote) -> None:
    if trouble := trouble_of(quoted):
        raise trouble


def _pieces(quoted: Quote) -> dict[UUID, int]:
    held: dict[UUID, int] = {}
    for line in quoted.lines:
        for piece in line.pieces:
            sku_id = piece.content.stock_sku_id
            held[sku_id] = held.get(sku_id, 0) + piece.content.pieces * line.quantity
    return held


def _canteen_order(buying: Buying) -> dict[str, object]:
    return {
        "order_id": buying.order_id,
        "canteen_id": buying.kitchen.id,
        "contract_id": buying.contract.id,
        "list_id": buying.list_id,
        "supplements_id": buying.supplements_id,
        "deliver_on": buying.deliver_on,
        "credit_days": buying.contract.credit_days,
    }


def _said(error: IntegrityError | asyncpg.UniqueViolationError) -> Exception:
    """The toolkit wraps what the driver says of its own statements, and not of rows that are copied."""
    driver = error.orig.__cause__ if isinstance(error, IntegrityError) and error.orig else error
    constraint = getattr(driver, "constraint_name", "") or ""
    if constraint == "ck_stock_item_never_promise_more_than_there_is":
        return OutOfStock("库存刚刚被别人订走，请减少数量再提交。")
    if constraint == "uq_shop_order_buyer_id_idempotency_key":
        return AlreadyOrdered("请在食堂的订单列表里查看。")
    return error
