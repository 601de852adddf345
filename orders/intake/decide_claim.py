"""Two units say a sale is theirs: a second person decides whose it is, once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row, text

from orders.correction.facts import resolved
from orders.credit.repost import Corrected, repost
from orders.intake.confirm import give_back, hold_desk, row_of
from orders.intake.problems import AlreadyDecided, ChangedMeanwhile, SecondPersonNeeded
from orders.intake.row import SaleRow
from orders.intake.sort_out import Sale, take
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids

_CLAIM = text("""
SELECT c.*, s.unit_id AS standing_unit_id FROM intake_claim c JOIN outside_sale s ON s.id = c.sale_id WHERE c.id = :id
""")
_DECIDE = text("""
UPDATE intake_claim SET state = :state, decided_by = :actor, decided_at = :now, reason = :reason,
    first_unit_id = :first
WHERE id = :id AND state = 'open' AND claimed_by IS DISTINCT FROM :actor RETURNING id
""")
_HOLDS = text("""
SELECT a.* FROM attribution a WHERE coalesce(a.component_id, a.id) = :component
    AND NOT EXISTS (SELECT FROM attribution n WHERE n.corrects_id = a.id)
""")
_STATED = text("SELECT unit_id, credit_kind, fund_source FROM intake_row WHERE id = :id")
_MOVE = text("UPDATE outside_sale SET unit_id = :unit WHERE id = :id")
_SALE = text("SELECT * FROM outside_sale WHERE id = :id")
# Refunds of batches that were confirmed: those of others are sorted out when they are.
_WAITING = text("""
SELECT w.* FROM intake_row w JOIN intake_batch b ON b.id = w.batch_id AND b.state = 'confirmed'
WHERE w.claim_id = :id AND w.type = 'refund' AND w.state = 'held' ORDER BY w.day, w.number
""")
_STATES = text("""
UPDATE intake_row w SET state = r.state FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, state text)
WHERE w.id = r.id
""")


async def decide_claim(
    session: WriteSession, *, actor: Actor, claim_id: UUID, to: Literal["first", "later"], reason: str, now: datetime
) -> None:
    """For the first: nothing moves. For the later: what remains of the sale is reversed and posted again as the later
    unit's, in its month while that is open, else on the first open day with a link; refunds that waited are entered.

    Decided so before by the same person is success. Raises NotFound for who does not reach both units,
    SecondPersonNeeded for who handed the claim in, AlreadyDecided, and ChangedMeanwhile for a refund above what
    remains.
    """
    await hold_desk(session)
    claim = await _claim_for(session, actor, claim_id, now)
    first = claim.standing_unit_id
    named = {"id": claim_id, "state": to, "actor": actor.user_id, "now": now, "reason": reason, "first": first}
    if claim.state == "open" and claim.claimed_by == actor.user_id:
        raise SecondPersonNeeded("上传人不能裁定自己上传的重复主张。")
    if await session.scalar(_DECIDE, named) is None:
        if (claim.state, claim.decided_by) == (to, actor.user_id):
            return
        raise AlreadyDecided("请刷新页面查看结果。")
    changed: Mapping[str, Any] = {}
    if to == "later":
        changed = await _move(session, claim, now)
    waiting = [row_of(claim.channel_code, one) for one in await session.execute(_WAITING, {"id": claim_id})]
    if to == "later":
        await _give_back(session, claim, waiting, now)
    state = "entered" if to == "later" else "set_aside"
    await session.execute(_STATES, {"rows": as_rows({"id": str(row.id), "state": state} for row in waiting)})
    await record_change(
        session,
        actor_id=actor.user_id,
        action="intake.decide",
        subject=f"intake_claim:{claim_id}",
        before={"unit_id": str(first), "amount_fen": claim.amount_fen},
        after={"for": to, **{name: str(value) for name, value in changed.items()}},
        reason=reason,
        now=now,
    )


async def _claim_for(session: ReadSession, actor: Actor, claim_id: UUID, now: datetime) -> Row[Any]:
    claim = (await session.execute(_CLAIM, {"id": claim_id})).one_or_none()
    visible = await visible_unit_ids(session, actor, Permission.INTAKE_CONFIRM, clock.business_day(now))
    if claim is None or not (visible is None or {claim.unit_id, claim.standing_unit_id} <= visible):
        raise NotFound("没有这项重复主张，或者两个单位不都在您的范围内。")
    return claim


async def _move(session: WriteSession, claim: Row[Any], now: datetime) -> dict[str, Any]:
    """The facts that change: the unit's, how it was sold and from which purse, judged by the rule of that day."""
    before = dict((await session.execute(_HOLDS, {"component": claim.sale_id})).mappings().one())
    stated = (await session.execute(_STATED, {"id": claim.row_id})).one()
    purse = {"fund_source": stated.fund_source}
    requested = {"unit_id": stated.unit_id, "credit_kind": stated.credit_kind}
    facts = await resolved(session, before | purse, requested)
    facts |= {name: value for name, value in purse.items() if before[name] != value}
    await repost(
        session,
        [Corrected(claim.sale_id, before["id"], _as_json(facts))],
        cause_id=claim.id,
        evidence_sha256=None,
        now=now,
    )
    await session.execute(_MOVE, {"id": claim.sale_id, "unit": claim.unit_id})
    return facts


def _as_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [str(one) for one in value]
        if isinstance(value, list)
        else str(value)
        if isinstance(value, UUID)
        else value
        for name, value in facts.items()
    }


async def _give_back(session: WriteSession, claim: Row[Any], waiting: list[SaleRow], now: datetime) -> None:
    one = (await session.execute(_SALE, {"id": claim.sale_id})).one()
    sale = Sale(
        one.id, (one.channel_code, one.external_number, one.external_line), one.unit_id, one.day, one.amount_fen,
        one.amount_fen - one.refunded_fen, one.grams - one.refunded_grams, one.quantity_milli - one.refunded_milli,
    )  # fmt: skip
    for row in waiting:
        take(row, sale)
    details = [
        Detail(f"/refunds/{row.refund_number}", mistake.code, f"退款 {row.refund_number}：{mistake.said}")
        for row in waiting
        for mistake in row.mistakes
    ]
    if details:
        raise ChangedMeanwhile(f"{details[0].detail}。请裁定给先导入的单位，或先更正。", details)
    await give_back(session, claim.channel_code, [(row, sale.id, sale.day) for row in waiting], now)
