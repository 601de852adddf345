"""Banks' statements as a desk sees them: those that wait for a second person, with what they would do, and the rest."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.plan_statement import StatementPlan, plan_statement
from orders.banking.queries import transfers_of, visible_desks
from orders.banking.schemas import RowPlannedOut, ShareNamedOut, TransferOut
from shop.access.permissions import Actor
from shop.core.database import ReadSession
from shop.core.errors import NotFound

Becomes = Literal["matched", "queued", "known", "conflict", "taken_back"]


@dataclass(frozen=True, slots=True)
class StatementHead:
    """unit_name: whose desk brought it; None: the shop's. total_fen: what its rows brought, less what went back."""

    id: UUID
    bank: str
    file_name: str
    unit_name: str | None
    rows_read: int
    incoming: int
    total_fen: int
    imported_by: UUID
    imported_at: datetime


@dataclass(frozen=True, slots=True)
class StatementSeen:
    """planned: while it waits for a second person, what confirming would do; transfers: what it did."""

    id: UUID
    bank: str
    file_name: str
    file_sha256: str
    state: str
    imported_by: UUID
    imported_at: datetime
    decided_at: datetime | None
    decided_reason: str | None
    rows_read: int
    incoming: int
    fresh: int
    set_aside: list[dict[str, Any]]
    planned: list[RowPlannedOut]
    transfers: list[TransferOut]


@dataclass(frozen=True, slots=True)
class RowsSeen:
    """A statement's rows: read = incoming + set aside; incoming = fresh + those that an earlier file had brought.

    taken_back: those of them in which the bank took money back. Of the fresh ones `matched` have their shares,
    `waiting` are for people. set_aside: (row, reason, said).
    """

    id: UUID
    state: str
    file_name: str
    rows_read: int
    incoming: int
    taken_back: int
    fresh: int
    matched: int
    waiting: int
    set_aside: list[dict[str, Any]]


_REACH = bindparam("units", type_=ARRAY(Uuid))
_WAITING = text("""
SELECT b.id, b.bank, b.file_name, u.name AS unit_name, b.rows_read, b.incoming, b.imported_by, b.imported_at,
    coalesce((SELECT sum(r.amount_fen) FROM bank_statement_row r WHERE r.statement_id = b.id AND NOT r.refunded), 0)
        ::bigint AS total_fen
FROM bank_statement b LEFT JOIN unit u ON u.id = b.unit_id
WHERE b.state = 'imported' AND (:all OR b.unit_id = ANY(:units)) ORDER BY b.imported_at, b.id LIMIT 200
""").bindparams(_REACH)
_STATEMENT = text("""
SELECT id, bank, file_name, file_sha256, state, unit_id, imported_by, imported_at, decided_at, decided_reason,
    rows_read, incoming, fresh, set_aside::text AS set_aside
FROM bank_statement b WHERE id = :statement AND (:all OR b.unit_id = ANY(:units))
""").bindparams(_REACH)
_ROWS = text("""
SELECT id, state, file_name, rows_read, incoming, fresh, set_aside::text AS set_aside,
    (SELECT count(*) FROM bank_transfer t WHERE t.statement_id = b.id AND t.amount_fen < 0)
        + (SELECT count(*) FROM bank_statement_row r WHERE r.statement_id = b.id AND r.amount_fen < 0) AS taken_back,
    (SELECT count(*) FROM bank_transfer t WHERE t.statement_id = b.id AND t.state = 'matched') AS matched,
    (SELECT count(*) FROM bank_transfer t WHERE t.statement_id = b.id AND t.state IN ('queued', 'proposed')) AS waiting
FROM bank_statement b WHERE id = :statement AND (:all OR b.unit_id = ANY(:units))
""").bindparams(_REACH)
_NAMES = text("""
SELECT s.id, o.number, s.payer_name FROM payer_share s JOIN shop_order o ON o.id = s.order_id WHERE s.id = ANY(:shares)
""").bindparams(bindparam("shares", type_=ARRAY(Uuid)))


async def statements_of(session: ReadSession, actor: Actor, *, day: date) -> list[StatementHead]:
    """Those of the actor's desks that wait for a second person, the oldest first."""
    rows = await session.execute(_WAITING, await visible_desks(session, actor, day))
    return [StatementHead(**row) for row in rows.mappings()]


async def statement_seen_by(session: ReadSession, actor: Actor, statement_id: UUID, *, day: date) -> StatementSeen:
    """One statement, with what it would do or did. Raises NotFound out of the actor's reach."""
    visible = await visible_desks(session, actor, day)
    row = (await session.execute(_STATEMENT, visible | {"statement": statement_id})).one_or_none()
    if row is None:
        raise NotFound("没有这份流水。")
    kept = ("id", "bank", "file_name", "file_sha256", "state", "imported_by", "imported_at", "decided_at",
        "decided_reason", "rows_read", "incoming", "fresh")  # fmt: skip
    facts: dict[str, Any] = {name: getattr(row, name) for name in kept}
    facts["set_aside"] = msgspec.json.decode(row.set_aside)
    if row.state != "imported":
        return StatementSeen(**facts, planned=[], transfers=await transfers_of(session, actor, row.id, day=day))
    plan = await plan_statement(session, row, day=day)
    facts |= {"incoming": len(plan.rows), "set_aside": [msgspec.to_builtins(one) for one in plan.set_aside]}
    return StatementSeen(**facts, planned=await _planned(session, plan), transfers=[])


async def rows_of(session: ReadSession, actor: Actor, statement_id: UUID, *, day: date) -> RowsSeen | None:
    """What became of the rows of one statement; None out of the actor's reach."""
    visible = await visible_desks(session, actor, day)
    row = (await session.execute(_ROWS, visible | {"statement": statement_id})).mappings().one_or_none()
    return RowsSeen(**dict(row) | {"set_aside": msgspec.json.decode(row["set_aside"])}) if row else None


async def _planned(session: ReadSession, plan: StatementPlan) -> list[RowPlannedOut]:
    requested = sorted({share_id for match in plan.found.values() for share_id, _ in match.shares})
    names: dict[UUID, Row[Any]] = {row.id: row for row in await session.execute(_NAMES, {"shares": requested})}
    planned = []
    for row in plan.rows:
        becomes, why = _becomes(row, plan)
        match = plan.found.get(row["id"])
        shares = [
            ShareNamedOut(
                payer_share_id=share, order_number=names[share].number, payer_name=names[share].payer_name, fen=fen
            )
            for share, fen in (match.shares if match else ())
        ]
        facts = {key: row[key] for key in ("row", "day", "serial_number", "amount_fen", "payer_name", "remark")}
        planned.append(RowPlannedOut(**facts, becomes=becomes, why=why, shares=shares))
    return planned


def _becomes(row: dict[str, Any], plan: StatementPlan) -> tuple[Becomes, str | None]:
    if row["id"] in plan.sorted.known:
        return "known", None
    if row["id"] in plan.sorted.conflicts:
        return "conflict", "serial_conflict"
    if row["amount_fen"] < 0:
        return "taken_back", "taken_back"
    match = plan.found[row["id"]]
    return ("matched", None) if match.shares else ("queued", match.why)
