"""What was paid too much goes back to its payer, by a bank transfer that somebody made and records here."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.aftersales.sent_transfer import must_be_possible, note_sent
from orders.funds.post import Moved, post
from orders.order.returnable import RETURNABLE
from orders.order.shares import ShareChange, pay_shares
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.ids import new_id
from shop.organisation.queries import visible_unit_ids
from shop.ui.filters import yuan


class NothingToReturn(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "nothing_to_return"
    title: ClassVar[str] = "没有这么多可以退回的款项"


_LOCK = text("""
SELECT o.id AS order_id, o.state, coalesce(s.unit_id, o.unit_id) AS unit_id, s.payer_kind FROM payer_share s
JOIN shop_order o ON o.id = s.order_id WHERE s.id = :share FOR UPDATE OF o
""")
_MOST = text(f"""
SELECT back.fen FROM payer_share s JOIN shop_order o ON o.id = s.order_id, LATERAL ({RETURNABLE}) back
WHERE s.id = :share FOR UPDATE OF s
""")  # noqa: S608  # composed of our own constants
_CAME = text("""
SELECT min(t.day) FROM transfer_match m JOIN bank_transfer t ON t.id = m.transfer_id
WHERE m.payer_share_id = :share
""")
_RETURN = text("""
INSERT INTO paid_back (id, payer_share_id, amount_fen, bank_reference, returned_on, reason, recorded_by, recorded_at)
VALUES (:id, :share, :fen, :reference, :day, :reason, :actor, :now)
""")


async def pay_back(
    session: WriteSession,
    *,
    actor: Actor,
    payer_share_id: UUID,
    amount_fen: int,
    bank_reference: str,
    returned_on: date,
    reason: str,
    now: datetime,
) -> UUID:
    """Record that `amount_fen` of a share's advance went back, proved by the bank's own serial number.

    Raises NotFound out of the actor's reach, NothingToReturn above what may go back, ReferenceUsed, Invalid for a day
    before the money came or after today.
    """
    share = (await session.execute(_LOCK, {"share": payer_share_id})).one_or_none()
    units = await visible_unit_ids(session, actor, Permission.BANK_CONFIRM, clock.business_day(now))
    if share is None or (units is not None and share.unit_id not in units):
        raise NotFound("没有这个付款份额。")
    most: int = (await session.execute(_MOST, {"share": payer_share_id})).scalar_one()
    if not 0 < amount_fen <= most:
        raise NothingToReturn(f"最多可以退回 {yuan(max(0, most))}。")
    today = clock.business_day(now)
    came: date = await session.scalar(_CAME, {"share": payer_share_id}) or today
    must_be_possible(returned_on, came=came, today=today)
    facts = {"id": new_id(), "share": payer_share_id, "fen": amount_fen, "reference": bank_reference, "now": now}
    await note_sent(
        session,
        unit_id=share.unit_id,
        day=returned_on,
        reference=bank_reference,
        subject=f"paid_back:{facts['id']}",
        actor=actor,
        now=now,
    )
    await session.execute(_RETURN, facts | {"day": returned_on, "reason": reason, "actor": actor.user_id})
    await pay_shares(session, [ShareChange(payer_share_id, paid_fen=-amount_fen)])
    returned = Moved(
        key=f"bank:returned:{facts['id']}",
        kind="advance_returned",
        debit=("advance", str(payer_share_id)),
        credit=("clearing", "bank"),
        amount_fen=amount_fen,
        reference=share.order_id,
        occurred_on=returned_on,
    )
    await post(session, [returned], now=now)
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bank.pay_back",
        subject=f"payer_share:{payer_share_id}",
        before={"returnable_fen": most},
        after={"returned_fen": amount_fen, "bank_reference": bank_reference},
        reason=reason,
        now=now,
    )
    return UUID(str(facts["id"]))
