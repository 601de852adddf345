"""A receipt does not stand: the bank took it back, or its match was wrong. One person says so, another one confirms."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.exc import IntegrityError

from orders.banking.come_back import arrived_after_all
from orders.banking.match import AlreadyMatched
from orders.banking.problems import SamePerson
from orders.banking.undo.propose_reversal import candidates_of
from orders.banking.undo.undo_reversal import named_by, stand_again
from orders.banking.undo.undo_transfer import Undone, undo_matches
from orders.banking.visibility import transfers_locked
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id


@dataclass(frozen=True, slots=True)
class _Meant:
    """What shall be undone. reversal_id: by this row of the bank; undoes_id: an undoing that was wrong itself."""

    receipt_id: UUID
    reversal_id: UUID | None = None
    undoes_id: UUID | None = None


_PROPOSE = text("""
WITH meant AS (
    INSERT INTO match_undoing (id, receipt_id, reversal_id, undoes_id, state, reason, settled_day, proposed_by,
        proposed_at)
    VALUES (:id, :receipt, CAST(:reversal AS uuid), CAST(:undoes AS uuid), 'proposed', :reason, :day, :actor, :now)
    RETURNING reversal_id
)
UPDATE bank_transfer t SET state = 'proposed' FROM meant m WHERE t.id = m.reversal_id
""")
_UNDOING = text("""
SELECT u.receipt_id, coalesce(u.reversal_id, wrong.reversal_id) FROM match_undoing u
LEFT JOIN match_undoing wrong ON wrong.id = u.undoes_id WHERE u.id = :undoing
""")
_OPEN = text("SELECT * FROM match_undoing WHERE id = :undoing AND state = 'proposed' FOR UPDATE")
_DECIDE = text("""
UPDATE match_undoing SET state = :state, decided_by = :actor, decided_at = :now
WHERE id = :undoing AND state = 'proposed'
""")
# Of what the bank took back in part, the rest waits to be matched again.
_RECEIPT = text("""
UPDATE bank_transfer SET matched_fen = 0, taken_back_fen = taken_back_fen + CAST(:fen AS bigint),
    state = CASE WHEN taken_back_fen + CAST(:fen AS bigint) = amount_fen THEN 'taken_back' ELSE 'queued' END,
    why_queued = CASE WHEN taken_back_fen + CAST(:fen AS bigint) = amount_fen THEN NULL
        WHEN CAST(:fen AS bigint) > 0 THEN 'part_taken_back' WHEN amount_fen < 0 THEN 'taken_back' ELSE 'undone' END
WHERE id = :receipt
""")
_REVERSAL_DONE = text("UPDATE bank_transfer SET state = 'matched', matched_fen = amount_fen WHERE id = :reversal")
_REVERSAL_WAITS = text("UPDATE bank_transfer SET state = 'queued' WHERE id = :reversal AND state = 'proposed'")


async def propose_unmatch(
    session: WriteSession, *, actor: Actor, transfer_id: UUID, reason: str, now: datetime
) -> UUID:
    """A match was wrong, a row was put aside by mistake, or the bank's row was named for the wrong receipt (of either
    of the two): once another person confirms, it waits again; returns the undoing.

    Raises NotFound for a row out of the actor's reach, AlreadyMatched where nothing is matched or it is asked for.
    """
    (row,) = await transfers_locked(session, actor, Permission.BANK_IMPORT, [transfer_id], now)
    wrong = await named_by(session, row.id) if _takes_part_in_a_reversal(row) else None
    if wrong is None and row.state not in {"set_aside", "came_back"} and (row.state != "matched" or row.amount_fen < 0):
        raise AlreadyMatched("这笔到账没有匹配可以撤销。")
    meant = _Meant(wrong.receipt_id, undoes_id=wrong.id) if wrong else _Meant(row.id)
    return await _propose(session, actor, meant, reason, clock.business_day(now), now)


def _takes_part_in_a_reversal(row: Row[Any]) -> bool:
    return bool(row.state == "taken_back" or (row.state == "matched" and row.amount_fen < 0))


async def name_receipt(
    session: WriteSession, *, actor: Actor, reversal_id: UUID, receipt_id: UUID, reason: str, now: datetime
) -> UUID:
    """Say which receipt a negative row of the bank takes back; returns the undoing, which another person confirms.

    Raises NotFound out of the actor's reach, or where the row cannot mean this receipt (another account, less than it
    takes back, later than the row); AlreadyMatched.
    """
    rows = {
        one.id: one
        for one in await transfers_locked(session, actor, Permission.BANK_IMPORT, [reversal_id, receipt_id], now)
    }
    reversal = rows[reversal_id]
    if reversal.amount_fen > 0 or reversal.state != "queued":
        raise AlreadyMatched("这一行已经指明，或不是银行冲回。")
    meant = (await candidates_of(session, [reversal_id], every=True)).get(reversal_id, [])
    if receipt_id not in {one.id for one in meant}:
        raise NotFound("这一行冲回的不可能是这笔到账：账户或日期不符，金额不够，或者它正等另一位同事确认。")
    return await _propose(session, actor, _Meant(receipt_id, reversal_id), reason, reversal.day, now)


async def confirm_undoing(session: WriteSession, *, actor: Actor, undoing_id: UUID, now: datetime) -> list[Undone]:
    """The second person: the money leaves its shares now. Where the bank took only a part back, the rest of the receipt
    waits to be matched again; of a reversal named wrongly both rows do. Raises NotFound, SamePerson, AlreadyMatched.
    """
    undoing, locked = await _open(session, actor, undoing_id, now)
    rows = {one.id: one for one in locked}
    receipt = rows[undoing.receipt_id]
    if receipt.state == "proposed":
        raise AlreadyMatched("这笔到账还有一个匹配申请，请先确认或退回它。")
    await session.execute(_DECIDE, {"undoing": undoing_id, "state": "confirmed", "actor": actor.user_id, "now": now})
    undone = await undo_matches(
        session,
        receipt_id=undoing.receipt_id,
        undoing_id=undoing_id,
        day=undoing.settled_day,
        now=now,
        actor_id=actor.user_id,
    )
    await arrived_after_all(session, actor, receipt_id=undoing.receipt_id, day=undoing.settled_day, now=now)
    reversal_id = undoing.reversal_id
    taken_fen = -rows[reversal_id].amount_fen if reversal_id else 0
    if undoing.undoes_id:
        reversal_id = await stand_again(session, undoing.undoes_id)
        taken_fen = rows[reversal_id].amount_fen
    else:
        await session.execute(_RECEIPT, {"receipt": undoing.receipt_id, "fen": taken_fen})
    if undoing.reversal_id:
        await session.execute(_REVERSAL_DONE, {"reversal": undoing.reversal_id})
    after = {
        "undoing_id": str(undoing_id),
        "reversal_id": str(reversal_id) if reversal_id else None,
        "taken_back_fen": taken_fen,
        "shares": {str(one.payer_share_id): -one.fen for one in undone},
        "unpaid": [str(one.payer_share_id) for one in undone if one.unpaid],
    }
    await _note(session, actor, "bank.undo", undoing.receipt_id, after, undoing.reason, now)
    return undone


async def reject_undoing(session: WriteSession, *, actor: Actor, undoing_id: UUID, reason: str, now: datetime) -> None:
    """The second person says no: the receipt stands, a negative row waits again. Raises as `confirm_undoing`."""
    undoing, _ = await _open(session, actor, undoing_id, now)
    await session.execute(_DECIDE, {"undoing": undoing_id, "state": "rejected", "actor": actor.user_id, "now": now})
    await session.execute(_REVERSAL_WAITS, {"reversal": undoing.reversal_id})
    after = {"undoing_id": str(undoing_id), "rejected": True}
    await _note(session, actor, "bank.reject", undoing.receipt_id, after, reason, now)


async def _propose(
    session: WriteSession,
    actor: Actor,
    meant: _Meant,
    reason: str,
    day: date,
    now: datetime,
) -> UUID:
    undoing_id = new_id()
    rows = {"receipt": meant.receipt_id, "reversal": meant.reversal_id, "undoes": meant.undoes_id}
    facts = {"id": undoing_id, "reason": reason, "day": day} | rows
    try:
        async with session.begin_nested():
            await session.execute(_PROPOSE, facts | {"actor": actor.user_id, "now": now})
    except IntegrityError as error:
        raise AlreadyMatched("它正等另一位同事确认。") from error
    after = {
        "undoing_id": str(undoing_id),
        "reversal_id": str(meant.reversal_id) if meant.reversal_id else None,
        "undoes_id": str(meant.undoes_id) if meant.undoes_id else None,
    }
    await _note(session, actor, "bank.propose_undo", meant.receipt_id, after, reason, now)
    return undoing_id


async def _open(
    session: WriteSession, actor: Actor, undoing_id: UUID, now: datetime
) -> tuple[Row[Any], list[Row[Any]]]:
    """The locked undoing, and its rows, locked before it."""
    named = (await session.execute(_UNDOING, {"undoing": undoing_id})).one_or_none()
    if named is None:
        raise NotFound("没有这个撤销申请。")
    ids = [one for one in named if one is not None]
    locked = await transfers_locked(session, actor, Permission.BANK_CONFIRM, ids, now)
    undoing = (await session.execute(_OPEN, {"undoing": undoing_id})).one_or_none()
    if undoing is None:
        raise AlreadyMatched("另一位同事刚刚处理过。")
    if undoing.proposed_by == actor.user_id:
        raise SamePerson("请另一位有确认权限的同事处理。")
    return undoing, locked


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
