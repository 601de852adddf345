"""The only way a purchase gets from one state to another: a guarded UPDATE and its event, together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text

from orders.bulk.problems import STATE_WORDS, ApprovalStale, NoticeOpen, WrongState
from orders.bulk.states import before, before_skipping
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id

_SKIP = text("""
INSERT INTO bulk_event (id, purchase_id, revision, state, actor_id, skipped_by_rule_id, reason, at)
SELECT :event, id, revision, :to, :actor, :rule, :reason, :now FROM bulk_purchase WHERE id = :purchase
""")
# An order waits for its notice and for every answer, whoever asks for it.
_MOVE = text("""
WITH moved AS (
    UPDATE bulk_purchase p SET state = :to, changed_at = :now
    WHERE p.id = :purchase AND p.revision = coalesce(CAST(:revision AS int), p.revision)
        AND (p.state = ANY(:before) OR (p.state = :skipping_from AND EXISTS (
            SELECT FROM bulk_event e WHERE e.purchase_id = p.id AND e.revision = p.revision AND e.state = :step
                AND e.skipped_by_rule_id IS NOT NULL)))
        AND (:to <> 'ordered' OR NOT EXISTS (
            SELECT FROM bulk_notice n WHERE n.purchase_id = p.id AND n.revision = p.revision
                AND (n.open_until > :today OR EXISTS (
                    SELECT FROM bulk_objection o WHERE o.notice_id = n.id AND o.answered_by IS NULL))))
    RETURNING p.id, p.revision
)
INSERT INTO bulk_event (id, purchase_id, revision, state, actor_id, reason, at)
SELECT :event, id, revision, :to, :actor, :reason, :now FROM moved RETURNING revision
""").bindparams(bindparam("before", type_=ARRAY(Text)))
_STANDS = text("""
SELECT p.state, p.revision, n.open_until FROM bulk_purchase p
LEFT JOIN bulk_notice n ON n.purchase_id = p.id AND n.revision = p.revision WHERE p.id = :purchase
""")


async def move_on(
    session: WriteSession,
    *,
    purchase_id: UUID,
    to: str,
    actor_id: UUID | None,
    now: datetime,
    reason: str | None = None,
    skipped_by_rule_id: UUID | None = None,
    revision: int | None = None,
) -> None:
    """Move to a state. With `skipped_by_rule_id`, note that a rule leaves this step out, which moves nothing yet.

    `revision`: the content that the caller looked at. Raises WrongState, NoticeOpen (before an order),
    ApprovalStale (another revision meanwhile), NotFound.
    """
    named = {"event": new_id(), "purchase": purchase_id, "to": to, "actor": actor_id, "reason": reason, "now": now}
    if skipped_by_rule_id is not None:
        await session.execute(_SKIP, named | {"rule": skipped_by_rule_id})
        return
    skipping_from, step = before_skipping(to)
    guards = {
        "before": list(before(to)),
        "skipping_from": skipping_from,
        "step": step,
        "revision": revision,
        "today": clock.business_day(now),
    }
    if await session.scalar(_MOVE, named | guards) is None:
        await _refuse(session, purchase_id, to, revision)


async def _refuse(session: WriteSession, purchase_id: UUID, to: str, revision: int | None) -> None:
    stands = (await session.execute(_STANDS, {"purchase": purchase_id})).one_or_none()
    if stands is None:
        raise NotFound("没有这个采购计划。")
    if revision is not None and stands.revision != revision:
        raise ApprovalStale("采购内容刚刚有改动，请重新打开，核对后再做。")
    if to == "ordered" and stands.state == "noticed":
        raise NoticeOpen(f"公示到 {stands.open_until} 前一日为止，且每条异议都要先答复，之后才能下单。")
    raise WrongState(
        f"采购现在是“{STATE_WORDS[stands.state]}”，不能直接变为“{STATE_WORDS[to]}”。", extra={"state": stands.state}
    )
