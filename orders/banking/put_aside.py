"""A row of the bank is none of the shop's: one person says so and why, another confirms, and it waits no longer."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from orders.banking.match import AlreadyMatched
from orders.banking.visibility import transfers_locked
from shop.access.permissions import Actor, Permission
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.ids import new_id

_PROPOSE = text("""
WITH proposed AS (
    INSERT INTO match_proposal (id, transfer_id, state, remember_payer, reason, proposed_by, proposed_at)
    VALUES (:id, :transfer, 'proposed', false, :reason, :actor, :now) RETURNING transfer_id
)
UPDATE bank_transfer t SET state = 'proposed' FROM proposed p WHERE t.id = p.transfer_id
""")


async def propose_aside(session: WriteSession, *, actor: Actor, transfer_id: UUID, reason: str, now: datetime) -> UUID:
    """Propose that a row, of either sign, is for no share; returns the proposal, which `match.confirm` decides.

    Raises NotFound out of the actor's reach, AlreadyMatched where it does not wait.
    """
    (transfer,) = await transfers_locked(session, actor, Permission.BANK_IMPORT, [transfer_id], now)
    if transfer.state != "queued":
        raise AlreadyMatched("它已经匹配，或正等另一位同事确认。")
    proposal_id = new_id()
    facts = {"id": proposal_id, "transfer": transfer_id, "reason": reason, "actor": actor.user_id, "now": now}
    try:
        async with session.begin_nested():
            await session.execute(_PROPOSE, facts)
    except IntegrityError as error:
        raise AlreadyMatched("它正等另一位同事确认。") from error
    await record_change(
        session,
        actor_id=actor.user_id,
        action="bank.propose_aside",
        subject=f"bank_transfer:{transfer_id}",
        after={"proposal_id": str(proposal_id)},
        reason=reason,
        now=now,
    )
    return proposal_id
