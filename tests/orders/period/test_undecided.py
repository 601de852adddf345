"""What a close lists as undecided is the unit's own: of two companies and of what counts for no unit."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from orders.month.models import SHOP
from orders.period.undecided import undecided
from orders.period.words import WAS_OPEN
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.evidence import worker
from tests.make.intake import IntakeDesk, Line, intake_desk
from tests.make.payments import Till, till
from tests.make.shop import buyer
from tests.make.units import unit

pytestmark = pytest.mark.anyio

LAST = clock.add_months(clock.month_of(clock.today()), -1)
THEN = datetime.combine(clock.first_of(LAST), datetime.min.time(), UTC) + timedelta(days=10)
_PLANTED = (
    """UPDATE payment SET state = 'held', succeeded_at = :then WHERE order_id = :order""",
    """INSERT INTO refund (id, payment_id, order_id, kind, amount_fen, reason, state, requested_at, check_at)
    SELECT gen_random_uuid(), id, order_id, 'amount', 1, '示例', 'requested', :then, now() FROM payment
    WHERE order_id = :order""",
    """INSERT INTO evidence_link (id, component_id, sha256, grade, note, state, proposed_by, proposed_at)
    SELECT gen_random_uuid(), id, :paper, 'B', '示例', 'proposed', :user, now() FROM share_component
    WHERE order_id = :order""",
    """INSERT INTO correction (id, order_line_id, facts, reason, document_sha256, state, requested_by, requested_at)
    SELECT :correction, line_id, '{}', '示例', :paper, 'requested', :user, now() FROM share_component
    WHERE order_id = :order""",
    """INSERT INTO correction_part (correction_id, component_id, corrects_id)
    SELECT :correction, id, id FROM share_component WHERE order_id = :order""",
    """INSERT INTO bank_statement (id, bank, file_sha256, file_name, unit_id, incoming, fresh, imported_by, imported_at)
    VALUES (CAST(:correction AS uuid), 'icbc', CAST(CAST(:correction AS uuid) AS text), '流水.csv', :unit, 1, 1, :user,
        now())""",
    """INSERT INTO bank_transfer (id, statement_id, row, bank, account_key, serial_number, day, amount_fen, matched_fen,
        payer_name, remark, state, imported_at)
    VALUES (gen_random_uuid(), CAST(:correction AS uuid), 1, 'icbc', 'desk:shop', CAST(
        CAST(:correction AS uuid) AS text), CAST(CAST(:then AS timestamptz) AS date), 1, 0, '甲（虚构）',
        '', 'queued', now())""",
    """INSERT INTO bank_statement (id, bank, file_sha256, file_name, unit_id, incoming, fresh, imported_by,
        imported_at, state)
    VALUES (CAST(:order AS uuid), 'icbc', CAST(CAST(:order AS uuid) AS text), '流水.csv', :unit, 1, 0, :user, now(),
        'imported')""",
    """INSERT INTO bank_statement_row (statement_id, id, row, refunded, account_key, serial_number, day, amount_fen,
        payer_name, remark)
    VALUES (CAST(:order AS uuid), gen_random_uuid(), 1, false, 'desk:shop', 'S9',
        CAST(CAST(:then AS timestamptz) AS date), 1, '甲（虚构）', '')""",
)


async def planted(counter: Till, who: Actor, sku: UUID, unit_id: UUID | None, paper: str) -> None:
    """One of each kind about an order of this buyer, of last month; a statement of his unit's desk."""
    order = await counter.paid(who, {sku: 1})
    facts: dict[str, Any] = {
        "order": order.id, "then": THEN, "paper": paper, "user": who.user_id, "unit": unit_id, "correction": new_id(),
    }  # fmt: skip
    async with counter.database.transaction() as session:
        for statement in _PLANTED:
            used = {name: value for name, value in facts.items() if f":{name}" in statement}
            await session.execute(text(statement), used)


async def claimed_by_both(desk: IntakeDesk) -> None:
    """The second company says that a sale of the bank's is its own."""
    one, two = [await worker(desk.database, Role.STAFF, "all", "*") for _ in range(2)]
    for line in (Line(), Line(unit="OTHER（虚构）")):
        await desk.confirm(await desk.staged([line], by=one), by=two)


async def counts(database: Database, unit_id: UUID, month: int = LAST) -> dict[str, int]:
    async with database.reading() as session:
        return await undecided(session, unit_id, month)


async def test_each_kind_is_counted_where_it_belongs(app: FastAPI, database: Database) -> None:
    desk = await intake_desk(app, database)
    other = await unit(database, "OTHER")
    paper = await desk.photo()
    nothing = dict.fromkeys(WAS_OPEN, 0)
    for owner in (desk.shop.bank, other, SHOP):
        assert await counts(database, owner) == nothing
    owners = {desk.shop.bank: desk.shop.branch, other: other, SHOP: None}
    async with till(database) as counter:
        for number, (owner, place) in enumerate(owners.items()):
            who = await buyer(database, works_at=place)
            await planted(counter, who, desk.shop.skus[0], place, paper)
            await planted(counter, who, desk.shop.skus[0], place, paper)
            expected = nothing | dict.fromkeys(nothing, 2) | {"filings_unsigned": 0, "claims_undecided": 0}
            assert await counts(database, owner) == expected
            for later in list(owners)[number + 1 :]:
                assert await counts(database, later) == nothing, "another one's affairs"
    earlier = await counts(database, other, clock.add_months(LAST, -1))
    assert (earlier["payments_held"], earlier["refunds_on_their_way"], earlier["transfers_unmatched"]) == (0, 0, 0)
    await claimed_by_both(desk)
    assert [(await counts(database, owner))["claims_undecided"] for owner in owners] == [1, 1, 0]
