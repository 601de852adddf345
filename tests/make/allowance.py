"""An approved plan of a union, and allowances granted from it."""

from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from orders.allowance.schemas import GrantIn
from orders.bulk.models import BulkMember, BulkPackage, BulkPackageLine, BulkPurchase
from orders.bulk.plan.grant_allowances import grant_allowances
from orders.checkout.place import place
from orders.order.schemas import OrderOut
from orders.spending.models import SpendingDecision, SpendingTake
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.ids import new_id
from tests.make.budget import YEAR, UnionDesk
from tests.make.shop import wanting

UNTIL = date(2027, 1, 1)


async def plan(
    database: Database,
    desk: UnionDesk,
    skus: Sequence[UUID],
    people: Sequence[Actor],
    *,
    budget_fen: int = 50_000,
    state: str = "approved",
    each_fen: int | None = None,
) -> UUID:
    """As the bulk room leaves it when it is approved: one package of these SKUs, these members.

    each_fen: what the decision counted for each of them; all of the budget, where nobody says.
    """
    now, plan_id = clock.now(), new_id()
    purchase = BulkPurchase(
        id=plan_id,
        number=str(plan_id),
        title="年节福利额度（虚构）",
        union_id=desk.union,
        unit_id=desk.unit,
        requester_id=desk.clerk.user_id,
        idempotency_key=str(plan_id),
        purpose="allowance",
        fiscal_year=YEAR,
        budget_fen=budget_fen,
        members_as_of=clock.today(),
        ship_on=UNTIL,
        state=state,
        created_at=now,
        changed_at=now,
    )
    package = BulkPackage(id=new_id(), purchase_id=plan_id, position=1, name="可选商品", is_default=True)
    async with database.transaction() as session:
        session.add(purchase)
        await session.flush()
        session.add(package)
        await session.flush()
        session.add_all(BulkPackageLine(package_id=package.id, sku_id=s, pieces=1, unit_price_fen=1) for s in skus)
        session.add_all(
            BulkMember(purchase_id=plan_id, person_id=one.person_id, position=i, unit_id=desk.unit, department="一部")
            for i, one in enumerate(people)
        )
        await session.flush()
        await _decided(session, desk.union, plan_id, people, each_fen or budget_fen, now)
    return plan_id


async def _decided(
    session: WriteSession, union_id: UUID, plan_id: UUID, people: Sequence[Actor], each_fen: int, now: datetime
) -> None:
    """No rule was asked; each one's part is counted."""
    portions = [[str(one.person_id), 0, 0, each_fen, 0] for one in people]
    decision = SpendingDecision(
        id=new_id(), purchase_id=plan_id, union_id=union_id, allowed=True, inputs={"portions": portions}, rule_ids=[],
        rules_sha256="0" * 64, result={}, decided_at=now,
    )  # fmt: skip
    session.add(decision)
    await session.flush()
    session.add(SpendingTake(decision_id=decision.id, purchase_id=plan_id, taken_at=now))


async def granted(
    database: Database, desk: UnionDesk, plan_id: UUID, amount_fen: int, *, number: str = "2026-01", **more: Any
) -> UUID:
    requested = GrantIn.model_validate(
        {"batch_number": number, "plan_id": plan_id, "amount_fen": amount_fen, "expires_on": UNTIL, **more}
    )
    async with database.transaction() as session:
        return (await grant_allowances(session, actor=desk.clerk, requested=requested, now=clock.now())).grant_id


async def bought(
    database: Database, actor: Actor, lines: dict[UUID, int], allowance_fen: int, *, key: str | None = None
) -> OrderOut:
    """An order with an allowance, through the real verb."""
    key = key or str(new_id())
    answer = await place(
        database,
        actor=actor,
        key=key,
        request_sha256=sha256(key.encode()).digest(),
        requested=wanting(lines, allowance_fen=allowance_fen),
        now=clock.now(),
    )
    return msgspec.json.decode(answer.answer, type=OrderOut)
