"""What nobody may spend any more returns to the union's budget: expired, withdrawn, or refunded after that."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from orders.budget.version import owner
from orders.budget.visibility import visible_union_ids
from orders.funds.post import Moved, post
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound
from shop.core.ids import new_id

# Held parts stay until their order is paid or over. An allowance that an order is just being paid with is skipped and
# comes with the next sweep, so nobody waits in a ring.
_LEFT = text("""
SELECT w.id, g.union_id, g.fiscal_year, g.id AS grant_id, a.balance_fen - a.held_fen AS fen
FROM account a JOIN allowance w ON w.id = CAST(a.owner AS uuid) JOIN allowance_grant g ON g.id = w.grant_id
WHERE a.kind = 'allowance' AND a.balance_fen > 0 AND a.balance_fen > a.held_fen
    AND (g.withdrawn_at IS NOT NULL OR g.expires_on <= CAST(:day AS date))
    AND (CAST(:grant_id AS uuid) IS NULL OR g.id = :grant_id)
ORDER BY a.id LIMIT :most FOR NO KEY UPDATE OF a SKIP LOCKED
""")
_GRANT = text("""
SELECT g.id, g.union_id, g.withdrawn_at FROM allowance_grant g WHERE g.id = :grant_id FOR NO KEY UPDATE
""")
_WITHDRAW = text("""
UPDATE allowance_grant SET withdrawn_at = :now, withdrawn_by = :by, withdrawn_reason = :reason
WHERE id = :grant_id AND withdrawn_at IS NULL
""")


async def give_back(
    session: WriteSession, *, day: date, now: datetime, grant_id: UUID | None = None, most: int = 5_000
) -> int:
    """Return what is left of expired and withdrawn allowances (of one batch) to the budget it came from.

    Returns of how many allowances. Doing it again returns only what came back meanwhile.
    """
    rows = (await session.execute(_LEFT, {"day": day, "grant_id": grant_id, "most": most})).all()
    moves = [
        Moved(
            key=f"allowance_returned:{row.id}:{new_id()}",
            kind="allowance_returned",
            debit=("budget", owner(row.union_id, row.fiscal_year)),
            credit=("allowance", str(row.id)),
            amount_fen=row.fen,
            reference=row.grant_id,
            occurred_on=clock.business_day(now),
        )
        for row in rows
    ]
    await post(session, moves, now=now)
    return len(moves)


async def withdraw(session: WriteSession, *, actor: Actor, grant_id: UUID, reason: str, now: datetime) -> UUID:
    """Reverse a batch as far as it is unspent; returns its union. Withdrawn before is success.

    What open orders hold stays theirs; when they end unpaid it returns too. Raises NotFound to strangers.
    """
    day = clock.business_day(now)
    grant = (await session.execute(_GRANT, {"grant_id": grant_id})).one_or_none()
    visible = await visible_union_ids(session, actor, Permission.ALLOWANCE_GRANT, day=day)
    if grant is None or grant.union_id not in visible:
        raise NotFound("没有这一批福利额度。")
    if grant.withdrawn_at is None:
        await session.execute(_WITHDRAW, {"grant_id": grant_id, "by": actor.user_id, "reason": reason, "now": now})
        await record_change(
            session,
            actor_id=actor.user_id,
            action="allowance_withdrawn",
            subject=f"allowance_grant:{grant_id}",
            after={"withdrawn": True},
            reason=reason,
            now=now,
        )
    await give_back(session, day=day, grant_id=grant_id, most=100_000, now=now)
    union_id: UUID = grant.union_id
    return union_id
