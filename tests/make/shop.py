"""A small shop, inserted as rows: one bank with a branch, two counties, two suppliers, goods and a gift box."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID

import msgspec
from sqlmodel import SQLModel

from catalog.county.models import County, Designation, Pairing
from catalog.price.models import FreightRate, Price
from catalog.producer.models import Producer, Supplier
from catalog.product.models import Product, Recognition, Sku, SkuContent
from catalog.stock.models import StockItem, StockMovement
from orders.checkout.place import place
from orders.checkout.schemas import AddressIn, LineIn, PlaceIn
from orders.credit.models import CountingRule
from orders.order.schemas import OrderOut
from shop.access.models import Person, RoleGrant, UserAccount
from shop.access.permissions import Actor, Grant, Role
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Introduction, Membership, Unit, UnitParent

LONG_AGO = date(2020, 1, 1)
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
ADDRESS = AddressIn(name="收货人甲", phone="13800138000", region_code="310101", street="示例路一号")


@dataclass(frozen=True)
class SmallShop:
    bank: UUID
    branch: UUID
    skus: tuple[UUID, ...]
    """Four plain SKUs at 10.00, 20.00, 30.00 and 40.00 yuan, 500 g each; the first two of one supplier and county."""
    box: UUID
    """A gift box of the first SKU twice and the third once, at 45.00 yuan."""
    suppliers: tuple[UUID, UUID]
    counties: tuple[str, str]


async def _add(database: Database, *steps: list[SQLModel]) -> None:
    async with database.transaction() as session:
        for rows in steps:
            session.add_all(rows)
            await session.flush()


async def small_shop(database: Database, *, pieces: int = 1_000) -> SmallShop:
    now = datetime.now(UTC)
    bank, branch = (
        Unit(id=new_id(), code=code, name=name, valid_from=LONG_AGO, created_at=now)
        for code, name in (("BANK", "示例银行（虚构）"), ("BRANCH", "示例银行一分行（虚构）"))
    )
    counties = [
        County(code="522633", name="从江县", province="贵州省", source="test"),
        County(code="140225", name="浑源县", province="山西省", source="test"),
        County(code="310101", name="黄浦区", province="上海市", source="test"),
    ]
    producers = [
        Producer(
            id=new_id(),
            name=f"示例合作社{n}（虚构）",
            kind="cooperative",
            county_code=c.code,
            source="test",
            created_at=now,
        )
        for n, c in enumerate(counties[:2])
    ]
    suppliers = [
        Supplier(id=new_id(), name=f"示例供应商{n}（虚构）", fictitious=True, created_at=now) for n in range(2)
    ]
    products = [
        Product(
            id=new_id(),
            code=f"P{n}",
            title=f"示例货{n}",
            category="杂粮",
            producer_id=producers[n // 2].id,
            supplier_id=suppliers[n // 2].id,
            origin_county_code=counties[n // 2].code,
            state="listed",
            vat_basis_points=900,
            source="test",
            created_at=now,
            changed_at=now,
        )
        for n in range(4)
    ]
    products.append(products[0].model_copy(update={"id": new_id(), "code": "BOX", "title": "示例礼盒"}))
    products[-1] = Product(**products[-1].model_dump())
    skus = [
        Sku(id=new_id(), product_id=p.id, code=f"S{n}", spec="500g/袋", net_grams=500)
        for n, p in enumerate(products[:4])
    ]
    box = Sku(id=new_id(), product_id=products[4].id, code="SBOX", spec="礼盒", net_grams=1_500)
    contents = [SkuContent(sku_id=s.id, stock_sku_id=s.id, position=1, pieces=1, allocation_fen=1) for s in skus] + [
        SkuContent(sku_id=box.id, stock_sku_id=skus[0].id, position=1, pieces=2, allocation_fen=1_000),
        SkuContent(sku_id=box.id, stock_sku_id=skus[2].id, position=2, pieces=1, allocation_fen=3_000),
    ]
    prices = [
        Price(id=new_id(), sku_id=s.id, fen=fen, valid_from=BEFORE)
        for s, fen in zip([*skus, box], (1_000, 2_000, 3_000, 4_000, 4_500), strict=True)
    ]
    await _add(
        database,
        [bank, branch, *counties, *suppliers],
        [
            UnitParent(id=new_id(), unit_id=branch.id, parent_id=bank.id, valid_from=LONG_AGO),
            *producers,
            *(Designation(id=new_id(), county_code=c.code, kind="lifted_out", source="test") for c in counties[:2]),
            Pairing(id=new_id(), unit_id=bank.id, county_code="522633", valid_from=LONG_AGO, source="test"),
            CountingRule(id=new_id(), version="test", valid_from=LONG_AGO, source="test"),
        ],
        list(products),
        [*skus, box],
        [
            *contents,
            *prices,
            *(StockItem(sku_id=s.id, on_hand_pieces=pieces) for s in skus),
            *(
                FreightRate(
                    id=new_id(),
                    supplier_id=s.id,
                    region="",
                    first_grams=1_000,
                    first_fen=600,
                    step_grams=1_000,
                    step_fen=200,
                    free_from_fen=9_900,
                    valid_from=LONG_AGO,
                )
                for s in suppliers
            ),
            *(
                Recognition(
                    id=new_id(),
                    product_id=p.id,
                    number=f"R{p.code}",
                    issuer="test",
                    valid_from=LONG_AGO,
                    valid_to=date(2099, 1, 1),
                    source="test",
                )
                for p in products
            ),
        ],
        [
            StockMovement(id=new_id(), sku_id=s.id, kind="received", pieces=pieces, reference="test", at=now)
            for s in skus
        ],
    )
    return SmallShop(
        bank=bank.id,
        branch=branch.id,
        skus=tuple(s.id for s in skus),
        box=box.id,
        suppliers=(suppliers[0].id, suppliers[1].id),
        counties=("522633", "140225"),
    )


async def buyer(database: Database, *, works_at: UUID | None = None, introduced_by: UUID | None = None) -> Actor:
    """An account that may buy: an employee of a unit, an outside buyer introduced by one, or neither."""
    now = datetime.now(UTC)
    person = Person(id=new_id(), name="购买人甲", phone="13800138000", created_at=now)
    user = UserAccount(
        id=new_id(),
        person_id=person.id,
        email=f"{person.id}@buyer.test",
        password_hash="-",
        created_at=now,
        email_verified_at=now,
    )
    role = Role.EMPLOYEE if works_at else Role.OUTSIDE_BUYER
    rows: list[SQLModel] = [
        RoleGrant(id=new_id(), user_id=user.id, role=role, scope_kind="all", scope_id="*", valid_from=LONG_AGO)
    ]
    if works_at:
        rows.append(Membership(id=new_id(), person_id=person.id, unit_id=works_at, valid_from=LONG_AGO))
    if introduced_by:
        rows.append(Introduction(id=new_id(), person_id=person.id, unit_id=introduced_by, valid_from=LONG_AGO))
    await _add(database, [person], [user], rows)
    return Actor(user.id, person.id, new_id(), (Grant(role, "all", "*"),))


def wanting(lines: dict[UUID, int], **more: object) -> PlaceIn:
    return PlaceIn.model_validate(
        {"lines": [LineIn(sku_id=s, quantity=n) for s, n in lines.items()], "address": ADDRESS.model_dump(), **more}
    )


async def placed(database: Database, actor: Actor, lines: dict[UUID, int], *, now: datetime | None = None) -> OrderOut:
    """An order through the real verb."""
    requested, key = wanting(lines), str(new_id())
    answer = await place(
        database,
        actor=actor,
        key=key,
        request_sha256=sha256(key.encode()).digest(),
        requested=requested,
        now=now or datetime.now(UTC),
    )
    return msgspec.json.decode(answer.answer, type=OrderOut)
