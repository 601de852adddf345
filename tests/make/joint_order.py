"""A union's purchase that was approved, as rows: branches with members, packages, payers, sites or homes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import SQLModel

from orders.acceptance.accept import accept
from orders.acceptance.rules import Counted
from orders.banking.settle_transfer import Applied, settle_transfers
from orders.bulk.joint.place import place
from orders.bulk.models import (
    BulkApproval,
    BulkMember,
    BulkPackage,
    BulkPackageLine,
    BulkPayer,
    BulkPurchase,
    BulkRecipient,
    BulkSite,
)
from orders.bulk.plan.content import content_hash
from shop.access.models import Person, RoleGrant, UserAccount
from shop.access.permissions import Actor, Grant, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from shop.organisation.models import Union, Unit, UnitParent
from tests.make.shop import LONG_AGO, SmallShop, small_shop

PRICES = (1_000, 2_000, 3_000, 4_000)
_STATEMENT = text("""
INSERT INTO bank_statement (id, bank, file_sha256, file_name, incoming, fresh, imported_by, imported_at)
SELECT :id, 'test', :sha256, 'test.csv', :incoming, :incoming, id, :now FROM user_account ORDER BY id LIMIT 1
""")
_TRANSFER = text("""
WITH arrived AS (
    INSERT INTO bank_transfer (id, statement_id, row, bank, account_key, serial_number, day, amount_fen, matched_fen,
        payer_name, remark, state, imported_at)
    SELECT CAST(:id AS uuid), id, 1, 'test', 'desk:shop', CAST(CAST(:id AS uuid) AS text), :day, :fen, :fen,
        '示例付款人（虚构）', '', 'matched', :now
    FROM bank_statement ORDER BY imported_at DESC LIMIT 1 RETURNING id
)
INSERT INTO transfer_match (transfer_id, payer_share_id, amount_fen, how, matched_at)
SELECT id, :share, :fen, 'code', :now FROM arrived
""")


@dataclass(frozen=True)
class Joint:
    """packages[0] is the default. payers[i] pays for branches[i]; the last payer is the bank's where it owns spares."""

    shop: SmallShop
    purchase_id: UUID
    union_id: UUID
    branches: tuple[UUID, ...]
    payers: tuple[UUID, ...]
    packages: tuple[UUID, ...]
    requester: Actor
    approver: Actor
    receiver: Actor
    witness: Actor


async def _add(database: Database, *steps: Sequence[SQLModel]) -> None:
    async with database.transaction() as session:
        for rows in steps:
            session.add_all(rows)
            await session.flush()


async def official(database: Database, role: Role, scope: UUID) -> Actor:
    """An account with a role in a unit and below it."""
    now = datetime.now(UTC)
    person = Person(id=new_id(), name="工会干部甲", created_at=now)
    user = UserAccount(
        id=new_id(),
        person_id=person.id,
        email=f"{person.id}@union.test",
        password_hash="-",
        created_at=now,
        email_verified_at=now,
    )
    grant = RoleGrant(
        id=new_id(), user_id=user.id, role=role, scope_kind="unit", scope_id=str(scope), valid_from=LONG_AGO
    )
    await _add(database, [person], [user], [grant])
    return Actor(user.id, person.id, new_id(), (Grant(role, "unit", str(scope)),))


async def joint_purchase(
    database: Database,
    *,
    members: Sequence[Sequence[int]] = ((0, 0, 1), (0, 1), (1, 1), (0,)),
    packages: Sequence[Mapping[int, int]] = ({0: 1, 4: 1}, {1: 2, 2: 1}),
    prices: Sequence[int] = PRICES,
    box_fen: int = 4_500,
    spares: int = 0,
    shared_by: str = "packages",
    weights: Sequence[int] = (),
    deliver_to: str = "sites",
    terms: str = "after_acceptance",
    state: str = "noticed",
    ship_on: date | None = None,
    pieces: int = 100_000,
    shop: SmallShop | None = None,
) -> Joint:
    """members: per branch, which package each member gets. packages: SKU number (4 is the box) → pieces."""
    shop = shop or await small_shop(database, pieces=pieces)
    now = datetime.now(UTC)
    union = Union(id=new_id(), code=f"U{new_id().hex}", name="示例工会（虚构）", created_at=now)
    branches = [
        Unit(id=new_id(), code=f"B{new_id().hex}", name=f"示例支行{n}（虚构）", valid_from=LONG_AGO, created_at=now)
        for n in range(len(members))
    ]
    await _add(
        database,
        [union, *branches],
        [UnitParent(id=new_id(), unit_id=b.id, parent_id=shop.bank, valid_from=LONG_AGO) for b in branches],
    )
    requester = await official(database, Role.UNION_BUYER, shop.bank)
    approver = await official(database, Role.UNION_APPROVER, shop.bank)
    receiver = await official(database, Role.UNION_RECEIVER, shop.bank)
    witness = await official(database, Role.UNION_RECEIVER, shop.bank)
    purchase = BulkPurchase(
        id=new_id(), number=f"BP{new_id().hex}", title="中秋慰问（虚构）", union_id=union.id, unit_id=shop.bank,
        requester_id=requester.user_id, idempotency_key=new_id().hex, purpose="festival", festival="mid_autumn",
        fiscal_year=now.year, budget_fen=10**12, members_as_of=clock.business_day(now), terms=terms,
        deliver_to=deliver_to, shared_by=shared_by, spare_pieces=spares,
        ship_on=ship_on or clock.business_day(now) + timedelta(days=14), state=state, created_at=now, changed_at=now,
    )  # fmt: skip
    boxes = [
        BulkPackage(id=new_id(), purchase_id=purchase.id, position=n, name=f"套餐{n}", is_default=n == 0)
        for n in range(len(packages))
    ]
    skus, fen = [*shop.skus, shop.box], [*prices, box_fen]
    lines = [
        BulkPackageLine(package_id=box.id, sku_id=skus[number], pieces=count, unit_price_fen=fen[number])
        for box, inside in zip(boxes, packages, strict=True)
        for number, count in inside.items()
    ]
    owners = [*branches] if not spares else [*branches, None]
    payers = [
        BulkPayer(
            id=new_id(), purchase_id=purchase.id, position=n, payer_kind="union", payer_id=union.id,
            payer_name=f"分工会{n}（虚构）", unit_id=owner.id if owner else shop.bank, invoice_title=f"分工会{n}",
            weight=weights[n] if n < len(weights) else 0, owns_spares=owner is None,
        )
        for n, owner in enumerate(owners)
    ]  # fmt: skip
    sites = [
        BulkSite(
            id=new_id(), purchase_id=purchase.id, unit_id=owner.id if owner else shop.bank, name=f"收货点{n:03}",
            contact_name="收货人甲", contact_phone="13800138000", region_code="310101", street=f"示例路{n}号",
        )
        for n, owner in enumerate(owners)
    ]  # fmt: skip
    people = [(branch, package) for branch, chosen in zip(branches, members, strict=True) for package in chosen]
    persons = [Person(id=new_id(), name=f"会员{n}", created_at=now) for n in range(len(people))]
    rows: list[SQLModel] = [
        BulkMember(
            purchase_id=purchase.id, person_id=person.id, position=n, name=person.name, unit_id=branch.id,
            department="综合部", package_id=boxes[package].id if package else None,
        )
        for n, (person, (branch, package)) in enumerate(zip(persons, people, strict=True))
    ]  # fmt: skip
    if deliver_to == "homes":
        rows += [
            BulkRecipient(
                id=new_id(), purchase_id=purchase.id, row=n + 2, person_id=person.id, name=person.name,
                phone=f"138{n:08}", region_code="310101", street=f"示例路{n}号", unit_id=branch.id,
                package_id=boxes[package].id, quantity=1,
            )
            for n, (person, (branch, package)) in enumerate(zip(persons, people, strict=True))
        ]  # fmt: skip
    await _add(database, [purchase], [*boxes, *payers, *sites, *persons], [*lines, *rows])
    await approve(database, purchase.id, requester, approver)
    return Joint(
        shop, purchase.id, union.id, tuple(b.id for b in branches), tuple(p.id for p in payers),
        tuple(b.id for b in boxes), requester, approver, receiver, witness,
    )  # fmt: skip


async def approve(database: Database, purchase_id: UUID, requester: Actor, approver: Actor, *, step: int = 1) -> None:
    """Somebody else approved the content as it is."""
    async with database.transaction() as session:
        content = await content_hash(session, purchase_id)
        await session.execute(
            text("UPDATE bulk_purchase SET content_sha256 = :content WHERE id = :id"),
            {"content": content, "id": purchase_id},
        )
        session.add(
            BulkApproval(
                id=new_id(), purchase_id=purchase_id, revision=1, step=step, requester_id=requester.user_id,
                approver_id=approver.user_id, decision="approved", content_sha256=content, at=datetime.now(UTC),
            )
        )  # fmt: skip


async def placed_joint(database: Database, joint: Joint, *, now: datetime | None = None) -> UUID:
    """Through the real verb; returns the order's id."""
    async with database.transaction() as session:
        return await place(session, actor=joint.requester, purchase_id=joint.purchase_id, now=now or datetime.now(UTC))


@dataclass(frozen=True)
class Expected:
    """One payer's part of a line in a delivery."""

    delivery_id: UUID
    line_id: UUID
    payer_share_id: UUID
    pieces: int
    title: str


async def expected(database: Database, order_id: UUID) -> list[Expected]:
    async with database.reading() as session:
        rows = await session.execute(
            text("""
SELECT a.delivery_id, a.line_id, a.payer_share_id, a.pieces, l.title FROM allocation a
JOIN delivery d ON d.id = a.delivery_id JOIN order_line l ON l.id = a.line_id
JOIN payer_share y ON y.id = a.payer_share_id WHERE d.order_id = :order ORDER BY d.position, l.position, y.position"""),
            {"order": order_id},
        )
        return [Expected(*row) for row in rows]


async def accepted(
    database: Database,
    joint: Joint,
    order_id: UUID,
    delivery_id: UUID,
    *,
    short: Mapping[tuple[UUID, UUID], int] | None = None,
    now: datetime | None = None,
) -> UUID:
    """Accept a delivery; `short`: (line, payer share) → pieces that did not come."""
    missing, now = short or {}, now or datetime.now(UTC)
    lines = [
        Counted(
            one.line_id, one.payer_share_id,
            accepted_milli=(one.pieces - missing.get((one.line_id, one.payer_share_id), 0)) * 1_000,
            short_milli=missing.get((one.line_id, one.payer_share_id), 0) * 1_000,
        )
        for one in await expected(database, order_id)
        if one.delivery_id == delivery_id
    ]  # fmt: skip
    async with database.transaction() as session:
        return await accept(
            session, actor=joint.receiver, kind="bulk", order_id=order_id, delivery_id=delivery_id,
            witness_id=joint.witness.user_id, lines=lines, accepted_on=clock.business_day(now), key=str(delivery_id),
            now=now,
        )  # fmt: skip


async def accept_as(
    database: Database, receiver: Actor, witness: Actor, order_id: UUID, delivery_id: UUID, *, key: str
) -> UUID:
    """Everything of a delivery came."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        return await accept(
            session, actor=receiver, kind="bulk", order_id=order_id, delivery_id=delivery_id,
            witness_id=witness.user_id, lines=None, accepted_on=clock.business_day(now), key=key, now=now,
        )  # fmt: skip


async def paid_by_transfer(database: Database) -> None:
    """A bank transfer came for everything that every share owes."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        shares = (await session.execute(text("SELECT id, due_fen FROM payer_share WHERE due_fen > paid_fen"))).all()
        applied = [Applied(new_id(), share.id, share.due_fen, clock.business_day(now), None) for share in shares]
        await session.execute(
            _STATEMENT, {"id": new_id(), "sha256": new_id().hex * 2, "incoming": len(applied), "now": now}
        )
        for one in applied:
            named = {"id": one.transfer_id, "share": one.payer_share_id, "fen": one.amount_fen, "day": one.day}
            await session.execute(_TRANSFER, named | {"now": now})
        await settle_transfers(session, applied, now=now)
