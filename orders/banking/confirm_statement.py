"""Another person says that a statement is the bank's: its rows are kept, and what is clear finds its shares.

Or that it is not: nothing of it is kept but the file, and the same file may be brought again.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from orders.banking.apply_matches import apply_matches
from orders.banking.plan_statement import StatementPlan, plan_statement
from orders.banking.problems import SamePerson
from orders.banking.prove_transfer import prove_by_export
from orders.banking.settle_transfer import Applied
from orders.banking.statement.known_rows import ROWS
from orders.banking.undo.propose_reversal import propose_reversals
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import NotFound, Problem
from shop.core.locks import Lock
from shop.core.rows import as_rows
from shop.organisation.queries import visible_unit_ids
from shop.sheet.table import SetAside


class StatementDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "statement_decided"
    title: ClassVar[str] = "这份流水已经有人处理"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """rows = fresh + known; fresh = matched + queued. known: what an earlier file had brought; proven: those of them of
    which this file, brought by another person, is the second export. conflicts, taken_back: wait for a person.
    """

    statement_id: UUID
    incoming: int
    fresh: int
    known: int
    matched: int
    queued: int
    conflicts: int
    taken_back: int
    proven: int
    set_aside: tuple[SetAside, ...]


# Statements are confirmed one after the other: what one knows of earlier rows holds until it has written.
_DESK = text(f"SELECT pg_advisory_xact_lock({Lock.BANK_STATEMENTS})")
_STATEMENT = text("""
SELECT id, bank, file_sha256, unit_id, imported_by, state, set_aside::text AS set_aside
FROM bank_statement WHERE id = :statement FOR UPDATE
""")
_DECIDE = text("""
UPDATE bank_statement SET state = :state, decided_by = :actor, decided_at = :now, decided_reason = :reason
WHERE id = :statement AND state = 'imported'
""")
_TRANSFERS = text(f"""
INSERT INTO bank_transfer (id, statement_id, row, bank, account_key, account_last4, conflicts_with_id, serial_number,
    day, amount_fen, matched_fen, payer_name, payer_account_digest, payer_account_last4, remark, state, why_queued,
    imported_at)
SELECT r.id, :statement, r.row, :bank, r.account_key, r.account_last4, c.first_id, r.serial_number,
    r.day, r.amount_fen, 0, r.payer_name, r.payer_account_digest, r.payer_account_last4, r.remark, 'queued',
    CASE WHEN c.id IS NOT NULL THEN 'serial_conflict' WHEN r.amount_fen < 0 THEN 'taken_back' END, :now
FROM {ROWS}
LEFT JOIN jsonb_to_recordset(CAST(:conflicts AS jsonb)) AS c(id uuid, first_id uuid) ON c.id = r.id
ORDER BY (c.id IS NOT NULL), r.serial_number, r.row
""")  # noqa: S608  # our own constant
_COUNTED = text("""
UPDATE bank_statement SET incoming = :incoming, fresh = :fresh, set_aside = CAST(:set_aside AS jsonb)
WHERE id = :statement
""")
# A whole account that a later file says of a row whose own file did not.
_LEARN = text("""
UPDATE bank_transfer t SET account_key = r.account_key, account_last4 = r.account_last4
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, account_key text, account_last4 text)
WHERE t.id = r.id AND t.account_key LIKE 'desk:%' AND NOT EXISTS (SELECT FROM bank_transfer o
    WHERE o.account_key = r.account_key AND o.day = t.day AND o.serial_number = t.serial_number)
""")
_STAGED_GONE = text("DELETE FROM bank_statement_row WHERE statement_id = :statement")
_WHY = text("""
UPDATE bank_transfer t SET why_queued = r.why
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, why text) WHERE t.id = r.id AND t.state = 'queued'
""")


async def confirm_statement(session: WriteSession, *, actor: Actor, statement_id: UUID, now: datetime) -> Confirmed:
    """Keep its new rows, match what is clear, let the bank's reversals wait for a person; all in this transaction.

    Of an overlapping file only new rows count. A row under the name of a known one, with another amount or payer,
    waits. Raises NotFound out of the actor's reach, SamePerson, StatementDecided.
    """
    statement = await _open(session, actor, statement_id, now)
    if statement.imported_by == actor.user_id:
        raise SamePerson("流水要由导入人以外、有确认权限的同事确认。")
    await _decide(session, actor, statement_id, "confirmed", None, now)
    plan = await plan_statement(session, statement, day=clock.business_day(now))
    await _keep(session, statement, plan, now)
    days = {row["id"]: row["day"] for row in plan.sorted.fresh}
    applied = [
        Applied(transfer_id, share_id, fen, days[transfer_id], statement.file_sha256)
        for transfer_id, match in plan.found.items()
        for share_id, fen in match.shares
    ]
    await apply_matches(session, applied, plan.found, proposal_id=None, now=now)
    why = [{"id": transfer_id, "why": match.why} for transfer_id, match in plan.found.items() if match.why]
    await session.execute(_WHY, {"rows": as_rows(why)})
    taken_back = [row["id"] for row in plan.sorted.fresh if row["amount_fen"] < 0]
    await propose_reversals(session, taken_back, actor_id=statement.imported_by, now=now)
    proven = await prove_by_export(session, statement, _said_here(plan), now=now)
    await session.execute(_LEARN, {"rows": as_rows(plan.sorted.learnt)})
    matched = sum(1 for match in plan.found.values() if match.shares)
    done = Confirmed(
        statement_id,
        incoming=len(plan.rows),
        fresh=len(plan.sorted.fresh),
        known=len(plan.sorted.known),
        matched=matched,
        queued=len(plan.sorted.fresh) - matched,
        conflicts=len(plan.sorted.conflicts),
        taken_back=len(taken_back),
        proven=proven,
        set_aside=tuple(plan.set_aside),
    )
    after = asdict(done) | {"set_aside": len(done.set_aside)}
    after.pop("statement_id")
    await _note(session, actor, "bank.confirm_statement", statement, after, None, now)
    return done


async def refuse_statement(
    session: WriteSession, *, actor: Actor, statement_id: UUID, reason: str, now: datetime
) -> None:
    """It is not the bank's, or not ours: nothing of it is kept but the file. Who brought it may take it back himself.

    Raises NotFound out of the actor's reach, StatementDecided.
    """
    statement = await _open(session, actor, statement_id, now)
    await _decide(session, actor, statement_id, "refused", reason, now)
    await session.execute(_STAGED_GONE, {"statement": statement_id})
    await _note(session, actor, "bank.refuse_statement", statement, {"refused": True}, reason, now)


async def _open(session: WriteSession, actor: Actor, statement_id: UUID, now: datetime) -> Row[Any]:
    await session.execute(_DESK)
    units = await visible_unit_ids(session, actor, Permission.BANK_CONFIRM, clock.business_day(now))
    statement = (await session.execute(_STATEMENT, {"statement": statement_id})).one_or_none()
    if statement is None or (units is not None and statement.unit_id not in units):
        raise NotFound("没有这份流水。")
    if statement.state != "imported":
        raise StatementDecided("它已经确认或退回，请刷新页面。")
    return statement


async def _decide(
    session: WriteSession, actor: Actor, statement_id: UUID, state: str, reason: str | None, now: datetime
) -> None:
    facts = {"statement": statement_id, "state": state, "reason": reason, "actor": actor.user_id, "now": now}
    await session.execute(_DECIDE, facts)


async def _keep(session: WriteSession, statement: Row[Any], plan: StatementPlan, now: datetime) -> None:
    """The rows that no earlier file had brought become transfers."""
    conflicts = [{"id": id_, "first_id": first_id} for id_, first_id in plan.sorted.conflicts.items()]
    facts = {
        "rows": as_rows(plan.sorted.fresh),
        "conflicts": as_rows(conflicts),
        "statement": statement.id,
        "bank": statement.bank,
        "now": now,
    }
    await session.execute(_TRANSFERS, facts)
    counted = {"incoming": len(plan.rows), "fresh": len(plan.sorted.fresh)}
    aside = as_rows(asdict(one) for one in plan.set_aside)
    await session.execute(_COUNTED, counted | {"statement": statement.id, "set_aside": aside})
    await session.execute(_STAGED_GONE, {"statement": statement.id})


def _said_here(plan: StatementPlan) -> list[UUID]:
    """Known transfers whose whole account this file says too."""
    return [
        plan.sorted.known[row["id"]]
        for row in plan.rows
        if row["id"] in plan.sorted.known and not row["account_key"].startswith("desk:")
    ]


async def _note(
    session: WriteSession,
    actor: Actor,
    action: str,
    statement: Row[Any],
    after: dict[str, Any],
    reason: str | None,
    now: datetime,
) -> None:
    await record_change(
        session,
        actor_id=actor.user_id,
        action=action,
        subject=f"bank_statement:{statement.id}",
        before={"file_sha256": statement.file_sha256},
        after=after,
        reason=reason,
        now=now,
    )
