"""What the machine could not match: one person says what a transfer was for, another one confirms it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text
from sqlalchemy.exc import IntegrityError

from orders.banking.apply_matches import apply_matches
from orders.banking.find_shares import Found
from orders.banking.problems import SamePerson
from orders.banking.settle_transfer import Applied
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids
from shop.ui.filters import yuan


class AmountsDiffer(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "amounts_differ"
    title: ClassVar[str] = "分给各份额的金额加起来不等于到账金额"


class AlreadyMatched(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_matched"
    title: ClassVar[str] = "这笔到账已经有人处理"


@dataclass(frozen=True, slots=True)
class RequestedShare:
    """amount_fen None: the whole transfer; only where there is one share."""

    payer_share_id: UUID
    amount_fen: int | None = None


_TRANSFER = text("""
SELECT t.id, t.amount_fen, t.amount_fen - t.taken_back_fen AS left_fen, t.day, t.state, t.payer_name,
    t.payer_account_digest, s.file_sha256, s.unit_id,
    EXISTS (SELECT FROM transfer_unmatch u WHERE u.transfer_id = t.id) AS undone_before
FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
WHERE t.id = :transfer AND s.id = :statement FOR UPDATE OF t
""")
_SHARES = text("""
SELECT s.id, coalesce(s.unit_id, o.unit_id) AS unit_id FROM payer_share s JOIN shop_order o ON o.id = s.order_id
WHERE s.id = ANY(:shares)
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))
_PROPOSE = text("""
WITH proposed AS (
    INSERT INTO match_proposal (id, transfer_id, state, remember_payer, reason, proposed_by, proposed_at)
    VALUES (:id, :transfer, 'proposed', :remember, :reason, :actor, :now) RETURNING id, transfer_id
), waiting AS (
    UPDATE bank_transfer t SET state = 'proposed' FROM proposed p WHERE t.id = p.transfer_id
)
INSERT INTO match_proposal_share (proposal_id, payer_share_id, amount_fen)
SELECT p.id, r.share_id, r.fen FROM proposed p,
    jsonb_to_recordset(CAST(:shares AS jsonb)) AS r(share_id uuid, fen bigint)
""")
_PROPOSAL = text("""
SELECT id, state, proposed_by, remember_payer, reason FROM match_proposal
WHERE id = :proposal AND transfer_id = :transfer
""")
_TRANSFER_OF = text("SELECT transfer_id FROM match_proposal WHERE id = :proposal")
_DECIDE = text("""
WITH decided AS (
    UPDATE match_proposal SET state = :state, decided_by = :actor, decided_at = :now
    WHERE id = :proposal AND state = 'proposed' RETURNING transfer_id
)
UPDATE bank_transfer t SET state = 'queued' FROM decided d WHERE t.id = d.transfer_id RETURNING t.id
""")
_ASIDE = text(
    "UPDATE bank_transfer SET state = 'set_aside', why_queued = NULL WHERE id = :transfer AND state = 'queued'"
)
_PROPOSED = text("""
SELECT payer_share_id, amount_fen FROM match_proposal_share WHERE proposal_id = :proposal ORDER BY payer_share_id
""")
_REMEMBER = text("""
INSERT INTO known_payer (account_digest, plain_name, payer_kind, payer_id, proposal_id, remembered_at)
SELECT DISTINCT t.payer_account_digest, regexp_replace(normalize(t.payer_name, NFKC), '\\s+', '', 'g'), s.payer_kind,
    s.payer_id, CAST(:proposal AS uuid), CAST(:now AS timestamptz)
FROM bank_transfer t, match_proposal_share p JOIN payer_share s ON s.id = p.payer_share_id
WHERE t.id = :transfer AND p.proposal_id = :proposal AND s.payer_kind <> 'person' AND t.payer_account_digest IS NOT NULL
ON CONFLICT DO NOTHING
""")


async def propose(
    session: WriteSession,
    *,
    actor: Actor,
    statement_id: UUID,
    transfer_id: UUID,
    shares: Sequence[RequestedShare],
    remember_payer: bool,
    reason: str,
    now: datetime,
) -> UUID:
    """Say what a transfer was for; returns the proposal, which another person confirms or rejects.

    Raises NotFound for transfers and shares out of the actor's reach, AmountsDiffer, AlreadyMatched.
    """
    transfer = await _transfer(session, actor, Permission.BANK_IMPORT, statement_id, transfer_id, now)
    if transfer.amount_fen < 0:
        raise AlreadyMatched("这一行是银行冲回的，请指明它冲回的是哪一笔到账。")
    if transfer.state != "queued":
        raise AlreadyMatched("它已经匹配，或正等另一位同事确认。")
    units = await visible_unit_ids(session, actor, Permission.BANK_IMPORT, clock.business_day(now))
    known = {
        row.id: row.unit_id for row in await session.execute(_SHARES, {"shares": [s.payer_share_id for s in shares]})
    }
    for index, share in enumerate(shares):
        if share.payer_share_id not in known or (units is not None and known[share.payer_share_id] not in units):
            said = "没有这个付款份额，或不在您的范围内"
            raise NotFound(f"{said}。", [Detail(f"/shares/{index}/payer_share_id", "not_found", said)])
    alone = transfer.left_fen if len(shares) == 1 else 0
    fens = [share.amount_fen or alone for share in shares]
    requested = [{"share_id": s.payer_share_id, "fen": fen} for s, fen in zip(shares, fens, strict=True)]
    total = sum(fens)
    if total != transfer.left_fen or not all(fens) or len(known) < len(shares):
        raise AmountsDiffer(
            f"到账 {yuan(transfer.left_fen)}，分配合计 {yuan(total)}。多付的部分请记在其中一个份额上，作为预收款。"
        )
    facts = {"id": new_id(), "transfer": transfer_id, "remember": remember_payer, "reason": reason}
    try:
        async with session.begin_nested():
            await session.execute(_PROPOSE, facts | {"actor": actor.user_id, "now": now, "shares": as_rows(requested)})
    except IntegrityError as error:
        raise AlreadyMatched("它正等另一位同事确认。") from error
    proposal_id: UUID = facts["id"]  # type: ignore[assignment]
    await _note(session, actor, "bank.propose", transfer_id, {"proposal_id": str(proposal_id)}, reason, now)
    return proposal_id


async def confirm(session: WriteSession, *, actor: Actor, statement_id: UUID, proposal_id: UUID, now: datetime) -> None:
    """The second person: the money reaches its shares now, or without shares the row is put aside.

    Raises NotFound, SamePerson, AlreadyMatched.
    """
    transfer, proposal = await _open(session, actor, statement_id, proposal_id, now)
    await _decide(session, actor, proposal_id, "confirmed", now)
    shares = (await session.execute(_PROPOSED, {"proposal": proposal_id})).all()
    again = proposal_id if transfer.undone_before else None
    applied = [
        Applied(transfer.id, row.payer_share_id, row.amount_fen, transfer.day, transfer.file_sha256, again)
        for row in shares
    ]
    found = {transfer.id: Found(tuple((row.payer_share_id, row.amount_fen) for row in shares), "by_hand")}
    await apply_matches(session, applied, found, proposal_id=proposal_id, now=now)
    if not shares:
        await session.execute(_ASIDE, {"transfer": transfer.id})
    if proposal.remember_payer:
        await session.execute(_REMEMBER, {"transfer": transfer.id, "proposal": proposal_id, "now": now})
    after = {"proposal_id": str(proposal_id), "shares": {str(r.payer_share_id): r.amount_fen for r in shares}}
    await _note(session, actor, "bank.confirm", transfer.id, after, proposal.reason, now)


async def reject(
    session: WriteSession, *, actor: Actor, statement_id: UUID, proposal_id: UUID, reason: str, now: datetime
) -> None:
    """The second person says no: the transfer waits again. Raises NotFound, SamePerson, AlreadyMatched."""
    transfer, _ = await _open(session, actor, statement_id, proposal_id, now)
    await _decide(session, actor, proposal_id, "rejected", now)
    await _note(session, actor, "bank.reject", transfer.id, {"proposal_id": str(proposal_id)}, reason, now)


async def transfer_of(session: ReadSession, proposal_id: UUID) -> UUID:
    found: UUID | None = await session.scalar(_TRANSFER_OF, {"proposal": proposal_id})
    if found is None:
        raise NotFound("没有这个匹配申请。")
    return found


async def _transfer(
    session: WriteSession, actor: Actor, permission: Permission, statement_id: UUID, transfer_id: UUID, now: datetime
) -> Row[Any]:
    """The locked transfer. Raises NotFound for one of a statement that this actor's desk did not import."""
    units = await visible_unit_ids(session, actor, permission, clock.business_day(now))
    found = await session.execute(_TRANSFER, {"transfer": transfer_id, "statement": statement_id})
    transfer = found.one_or_none()
    if transfer is None or (units is not None and transfer.unit_id not in units):
        raise NotFound("没有这笔到账。")
    return transfer


async def _open(
    session: WriteSession, actor: Actor, statement_id: UUID, proposal_id: UUID, now: datetime
) -> tuple[Row[Any], Row[Any]]:
    transfer_id = await transfer_of(session, proposal_id)
    transfer = await _transfer(session, actor, Permission.BANK_CONFIRM, statement_id, transfer_id, now)
    proposal = (await session.execute(_PROPOSAL, {"proposal": proposal_id, "transfer": transfer_id})).one()
    if proposal.state != "proposed":
        raise AlreadyMatched("另一位同事刚刚处理过。")
    if proposal.proposed_by == actor.user_id:
        raise SamePerson("请另一位有确认权限的同事处理。")
    return transfer, proposal


async def _decide(session: WriteSession, actor: Actor, proposal_id: UUID, state: str, now: datetime) -> None:
    decided = await session.scalar(
        _DECIDE, {"proposal": proposal_id, "state": state, "actor": actor.user_id, "now": now}
    )
    if decided is None:
        raise AlreadyMatched("另一位同事刚刚处理过。")


async def _note(
    session: WriteSession,
    actor: Actor,
    action: str,
    transfer_id: UUID,
    after: dict[str, Any],
    reason: str,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=action,
        subject=f"bank_transfer:{transfer_id}",
        after=after,
        reason=reason,
        now=now,
    )
