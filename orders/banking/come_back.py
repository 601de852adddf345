"""A refund or a pay-back of ours came back, since the bank could not deliver it: one person says so, another confirms.

Nothing is one-way: what it had done is undone, linked to it and to the bank's row, and its money can be sent again.
"""

from datetime import date, datetime, time
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from orders.aftersales.dispute import pursue
from orders.aftersales.fail import fail
from orders.aftersales.repeat import repeat
from orders.aftersales.succeed import Success, succeed
from orders.banking.match import AlreadyMatched, AmountsDiffer
from orders.banking.problems import SamePerson
from orders.banking.returned import RETURNED, Kind
from orders.banking.visibility import transfers_locked
from orders.funds.post import Moved, post
from orders.order.returnable import RETURNABLE
from orders.order.shares import ShareChange, pay_shares
from orders.payment.move_refund import free_number
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.clock import SHANGHAI
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.ids import new_id
from shop.organisation.queries import visible_unit_ids
from shop.ui.filters import yuan

CAME_BACK = "came_back"


class CannotComeBack(Problem):
    """It is undone already, went out later, or what comes for it is a payment like any other."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "cannot_come_back"
    title: ClassVar[str] = "这笔到账不能记为退汇"


_WHY = {
    "over": "这笔退款已经作废，或者没有转出过，请核对流水号。",
    "owes": "这张订单的付款方还欠款，请把这笔到账匹配到他的付款份额。",
}
_ROW = text("""
SELECT t.amount_fen - t.taken_back_fen AS left_fen,
    EXISTS (SELECT FROM match_undoing u WHERE u.receipt_id = t.id AND u.state = 'proposed') AS undoing
FROM bank_transfer t WHERE t.id = :transfer
""")
_RETURNED = text(f"SELECT * FROM ({RETURNED}) x WHERE kind = :kind AND id = :id")  # noqa: S608  # our own constant
_PROPOSE = text("""
WITH said AS (
    INSERT INTO came_back (id, transfer_id, refund_id, paid_back_id, state, reason, settled_day, proposed_by,
        proposed_at)
    VALUES (:id, :transfer, CAST(:refund AS uuid), CAST(:paid_back AS uuid), 'proposed', :reason, :day, :actor, :now)
    RETURNING transfer_id
)
UPDATE bank_transfer t SET state = 'proposed' FROM said s WHERE t.id = s.transfer_id
""")
_SAID = text("SELECT * FROM came_back WHERE id = :id AND transfer_id = :transfer")
_DECIDE = text("""
WITH decided AS (
    UPDATE came_back SET state = :state, decided_by = :actor, decided_at = :now WHERE id = :id AND state = 'proposed'
    RETURNING transfer_id
)
UPDATE bank_transfer t SET state = CAST(:row_state AS text),
    why_queued = CASE WHEN CAST(:row_state AS text) = 'queued' THEN t.why_queued END
FROM decided d WHERE t.id = d.transfer_id AND t.state = 'proposed' RETURNING t.id
""")
# An order before its shares, as everybody locks them.
_LOCK_ORDER = text("SELECT id FROM shop_order WHERE id = :order FOR UPDATE")
_CONFIRMED = text("SELECT * FROM came_back WHERE transfer_id = :transfer AND state = 'confirmed'")
_UNDO = text("UPDATE came_back SET state = 'undone' WHERE id = :id AND state = 'confirmed'")
_SENT_AGAIN = text("""
SELECT p.state <> 'succeeded' OR EXISTS (SELECT FROM refund n WHERE n.retries_id = r.id)
FROM refund r JOIN payment p ON p.id = r.payment_id WHERE r.id = :refund
""")
_RETURNABLE = text(f"""
SELECT back.fen FROM payer_share s JOIN shop_order o ON o.id = s.order_id, LATERAL ({RETURNABLE}) back
WHERE s.id = :share
""")  # noqa: S608  # our own constant


async def propose_come_back(
    session: WriteSession, *, actor: Actor, transfer_id: UUID, kind: Kind, returned_id: UUID, reason: str, now: datetime
) -> UUID:
    """Say that this row is the refund or pay-back `returned_id`, come back; returns what another person confirms.

    It counts on the bank's day, but never before what it undoes. Raises NotFound for rows and returns out of the
    actor's reach, AlreadyMatched where the row does not wait or the return came back before, AmountsDiffer,
    CannotComeBack.
    """
    (row,) = await transfers_locked(session, actor, Permission.BANK_IMPORT, [transfer_id], now)
    if row.amount_fen < 0 or row.state != "queued":
        raise AlreadyMatched("它已经匹配，或正等另一位同事确认。")
    left_fen = await _left(session, transfer_id)
    ours = _must_stand(await _returned(session, actor, Permission.BANK_IMPORT, kind, returned_id, now))
    if ours.fen != left_fen:
        raise AmountsDiffer(f"到账 {yuan(left_fen)}，而转出的是 {yuan(ours.fen)}，不是同一笔，或银行扣了费用。")
    if ours.went_from is not None and row.day < ours.went_from:
        raise CannotComeBack(f"它在 {ours.went_from} 以前没有转出，而这笔到账是 {row.day} 的。")
    said_id = new_id()
    facts = {
        "id": said_id,
        "transfer": transfer_id,
        "refund": returned_id if kind == "refund" else None,
        "paid_back": returned_id if kind == "pay_back" else None,
        "reason": reason,
        "day": max(row.day, ours.counted_on),
        "actor": actor.user_id,
        "now": now,
    }
    try:
        async with session.begin_nested():
            await session.execute(_PROPOSE, facts)
    except IntegrityError as error:
        raise AlreadyMatched("这笔到账或这笔退款已经指明过，或正等另一位同事确认。") from error
    after = {"came_back_id": str(said_id), kind: str(returned_id)}
    await _note(session, actor, "bank.propose_came_back", transfer_id, after, reason, now)
    return said_id


async def confirm_come_back(
    session: WriteSession, *, actor: Actor, transfer_id: UUID, came_back_id: UUID, now: datetime
) -> None:
    """The second person. Of a refund credit, claims and what may be refunded stand again, and the payments desk names
    it; of a pay-back the share's advance does.

    Raises NotFound, SamePerson, AlreadyMatched, CannotComeBack.
    """
    said = await _open(session, actor, transfer_id, came_back_id, now)
    await _left(session, transfer_id)
    kind: Kind = "refund" if said.refund_id else "pay_back"
    returned_id = said.refund_id or said.paid_back_id
    ours = await _returned(session, actor, Permission.BANK_CONFIRM, kind, returned_id, now)
    if said.proposed_by == actor.user_id:
        raise SamePerson("请另一位有确认权限的同事处理。")
    _must_stand(ours)
    await _decide(session, actor, came_back_id, "confirmed", "came_back", now)
    if kind == "refund":
        await fail(session, returned_id, CAME_BACK, provider_refund_id=None, now=now, day=said.settled_day)
        await pursue(session, ours.order_id, now=now)
    else:
        await _move_advance(session, ours, ours.fen, f"bank:came_back:{came_back_id}", said.settled_day, now)
    after = {"came_back_id": str(came_back_id), kind: str(returned_id), "amount_fen": ours.fen}
    await _note(session, actor, "bank.came_back", transfer_id, after, said.reason, now)


async def reject_come_back(
    session: WriteSession, *, actor: Actor, transfer_id: UUID, came_back_id: UUID, reason: str, now: datetime
) -> None:
    """The second person says no: the row waits again. Raises NotFound, SamePerson, AlreadyMatched."""
    said = await _open(session, actor, transfer_id, came_back_id, now)
    if said.proposed_by == actor.user_id:
        raise SamePerson("请另一位有确认权限的同事处理。")
    await _decide(session, actor, came_back_id, "rejected", "queued", now)
    after = {"came_back_id": str(came_back_id), "rejected": True}
    await _note(session, actor, "bank.reject", transfer_id, after, reason, now)


async def arrived_after_all(session: WriteSession, actor: Actor, *, receipt_id: UUID, day: date, now: datetime) -> None:
    """Two people say that this row was something else: what had come back with it has arrived, from `day` on.

    A refund is repeated, under the same bank's number, and has succeeded; a share's advance is gone again. Where
    nothing had come back with the row: nothing. The caller holds the row's lock. Raises NotFound out of the actor's
    reach, CannotComeBack where it was sent again or used meanwhile.
    """
    said = (await session.execute(_CONFIRMED, {"transfer": receipt_id})).one_or_none()
    if said is None:
        return
    kind: Kind = "refund" if said.refund_id else "pay_back"
    ours = await _returned(session, actor, Permission.BANK_CONFIRM, kind, said.refund_id or said.paid_back_id, now)
    await session.execute(_UNDO, {"id": said.id})
    if kind == "pay_back":
        returnable: int = (await session.execute(_RETURNABLE, {"share": ours.share_id})).scalar_one()
        if returnable < ours.fen:
            raise CannotComeBack(f"付款方的预收款只剩 {yuan(returnable)}：已经重新退回，或付了货款。")
        await _move_advance(session, ours, -ours.fen, f"bank:arrived:{said.id}", day, now)
        return
    if await session.scalar(_SENT_AGAIN, {"refund": ours.id}):
        raise CannotComeBack("这笔退款已经重新退过，或订单的付款已被冲回，不能再算已经送到。")
    again = await repeat(session, refund_id=ours.id, requested_by=actor.user_id, now=now)
    await free_number(session, ours.id)
    at = min(now, datetime.combine(day, time(12), SHANGHAI))
    await succeed(session, again, Success(f"bank:{ours.bank_reference}", ours.fen, at), now=now)


async def _left(session: WriteSession, transfer_id: UUID) -> int:
    """What stands of the locked row. Raises AlreadyMatched while somebody says that the bank took it back."""
    row = (await session.execute(_ROW, {"transfer": transfer_id})).one()
    if row.undoing:
        raise AlreadyMatched("有同事说银行冲回了它，请先确认或退回那个申请。")
    return int(row.left_fen)


async def _returned(
    session: WriteSession, actor: Actor, permission: Permission, kind: Kind, returned_id: UUID, now: datetime
) -> Row[Any]:
    """What went out, read under the lock of its order."""
    units = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    named = {"kind": kind, "id": returned_id}
    ours = (await session.execute(_RETURNED, named)).one_or_none()
    if ours is None or (units is not None and ours.unit_id not in units):
        raise NotFound("没有这笔退款或退回。")
    await session.execute(_LOCK_ORDER, {"order": ours.order_id})
    return (await session.execute(_RETURNED, named)).one()


def _must_stand(ours: Row[Any]) -> Row[Any]:
    if ours.why_not is not None:
        raise CannotComeBack(_WHY[ours.why_not])
    return ours


async def _open(session: WriteSession, actor: Actor, transfer_id: UUID, came_back_id: UUID, now: datetime) -> Row[Any]:
    """What was said and waits, its row locked: two who decide at once come one after the other."""
    await transfers_locked(session, actor, Permission.BANK_CONFIRM, [transfer_id], now)
    said = (await session.execute(_SAID, {"id": came_back_id, "transfer": transfer_id})).one_or_none()
    if said is None:
        raise NotFound("没有这个退汇申请。")
    if said.state != "proposed":
        raise AlreadyMatched("另一位同事刚刚处理过。")
    return said


async def _decide(
    session: WriteSession, actor: Actor, came_back_id: UUID, state: str, row_state: str, now: datetime
) -> None:
    facts = {"id": came_back_id, "state": state, "row_state": row_state, "actor": actor.user_id, "now": now}
    if await session.scalar(_DECIDE, facts) is None:
        raise AlreadyMatched("另一位同事刚刚处理过。")


async def _move_advance(session: WriteSession, ours: Row[Any], fen: int, key: str, day: date, now: datetime) -> None:
    """The reverse of what the pay-back had moved, or (fen < 0) that once more. The key names what was said, which names
    both the row and the pay-back.
    """
    await pay_shares(session, [ShareChange(ours.share_id, paid_fen=fen)])
    bank, advance = ("clearing", "bank"), ("advance", str(ours.share_id))
    moved = Moved(
        key=key,
        kind="undone" if fen > 0 else "advance_returned",
        debit=bank if fen > 0 else advance,
        credit=advance if fen > 0 else bank,
        amount_fen=abs(fen),
        reference=ours.order_id,
        occurred_on=day,
    )
    await post(session, [moved], now=now)


async def _note(
    session: WriteSession, actor: Actor, action: str, transfer_id: UUID, after: dict[str, Any], reason: str,
    now: datetime,
) -> None:  # fmt: skip
    await record_change(
        session,
        actor_id=actor.user_id,
        action=action,
        subject=f"bank_transfer:{transfer_id}",
        after=after,
        reason=reason,
        now=now,
    )
