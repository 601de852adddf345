"""Two decide one correction while goods come back and the proof gets better: nothing is lost, nothing doubled."""

import asyncio
from datetime import date

import pytest
from sqlalchemy import text

from orders.correction.decide import AlreadyDecided, decide_correction
from orders.correction.request import NothingRemains, request_correction
from orders.correction.schemas import CorrectionIn, FactsIn
from orders.credit.check import differences
from orders.credit.record import Recognised, record
from orders.credit.regrade import lift
from orders.credit.remaining import remaining_of
from shop.access.permissions import Actor, Role
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.credit import Sale, enter
from tests.make.evidence import worker
from tests.make.ledger_stage import PAPER, PLACES, begun, staged
from tests.make.ledger_steps import YEAR

pytestmark = pytest.mark.anyio

DAY = date(YEAR - 1, 10, 15)


async def decides(database: Database, actor: Actor, correction: object, state: str) -> bool:
    """Whether this one's word was the one that counted."""
    try:
        async with database.transaction() as session:
            await decide_correction(
                session,
                actor=actor,
                correction_id=correction,  # type: ignore[arg-type]
                state=state,  # type: ignore[arg-type]
                decision="见材料",
                now=clock.now(),
            )
    except (AlreadyDecided, NothingRemains):
        return False
    return True


@pytest.mark.parametrize("percent", [30, 100])
async def test_one_decision_holds_whatever_happens_meanwhile(database: Database, percent: int) -> None:
    stage = await staged(database)
    history = await begun(stage)
    third = await worker(database, Role.STAFF, "all", "*")
    for _ in range(12):
        sale = Sale(on=DAY, fen=1_000, grade="D", rule=history.rule.id, path=[history.units[0]])
        await enter(database, sale)
        requested = CorrectionIn(
            order_line=sale.order,
            facts=FactsIn(county_code=PLACES[1].code),
            reason="产地写错",
            document_sha256=PAPER,
        )
        async with database.transaction() as session:
            correction = await request_correction(session, actor=stage.first, requested=requested, now=clock.now())

        async def refund(sale: Sale = sale) -> None:
            async with database.transaction() as session:
                back = Recognised(
                    "refund", new_id(), sale.id, -10 * percent, -5 * percent, -10 * percent, clock.today(), DAY, "D"
                )
                await record(session, [back], now=clock.now())

        async def better(sale: Sale = sale) -> None:
            async with database.transaction() as session:
                await lift(
                    session,
                    component_ids=[sale.id],
                    to="B",
                    cause_id=new_id(),
                    evidence_sha256=PAPER,
                    occurred_on=clock.today(),
                    now=clock.now(),
                )

        approved, refused, *_ = await asyncio.gather(
            decides(database, stage.second, correction, "approved"),
            decides(database, third, correction, "refused"),
            refund(),
            better(),
        )
        assert not (approved and refused)
        assert approved or refused or percent == 100
        async with database.reading() as looking:
            left = await remaining_of(looking, [sale.id])
            pairs = await looking.scalar(
                text("SELECT count(*) FROM credit_entry WHERE component_id = :id AND kind IN ('reversal', 'repost')"),
                {"id": sale.id},
            )
        assert sum(one.amount_fen for one in left) == 1_000 - 10 * percent
        assert sum(one.grams for one in left) == 500 - 5 * percent
        if percent < 100:
            (one,) = left
            assert (one.grade, one.attribution_id != sale.id, pairs) == ("B", approved, 2 if approved else 0)
    async with database.reading() as looking:
        assert await differences(looking) == []
