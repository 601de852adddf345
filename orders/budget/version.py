"""A union's budget of a fiscal year: adopted once, then adjusted and carried over, each time as a new version."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID, uuid5

from sqlalchemy import text

from orders.evidence.cite import cited
from orders.funds.post import Moved, available_fen, post
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Invalid, NotFound, Problem

Kind = Literal["adopted", "adjusted", "carried_in", "carried_out"]


class BudgetAdopted(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "budget_adopted"
    title: ClassVar[str] = "这一年度的预算已经建立"


class NothingToCarry(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "nothing_to_carry"
    title: ClassVar[str] = "没有可以结转的余额"


@dataclass(frozen=True, slots=True)
class Paper:
    """Why, and on which document (its sha256)."""

    reason: str
    document_sha256: str


# Versions of a union's budgets are written one after the other.
_LOCK = text("SELECT id FROM labour_union WHERE id = :union_id FOR NO KEY UPDATE")
_LAST = text(
    "SELECT coalesce(max(version), 0) FROM budget_version WHERE union_id = :union_id AND fiscal_year = :fiscal_year"
)
_ADOPTED = text(
    "SELECT 1 FROM budget_version WHERE union_id = :union_id AND fiscal_year = :fiscal_year AND kind = 'adopted'"
)
_ADD = text("""
INSERT INTO budget_version (union_id, fiscal_year, version, kind, change_fen, reason, document_sha256, actor_id, at)
VALUES (:union_id, :fiscal_year, :version, :kind, :change_fen, :reason, :document_sha256, :actor_id, :now)
""")


def owner(union_id: UUID, fiscal_year: int) -> str:
    """Of the accounts `budget`, `appropriation` and `union_spent`."""
    return f"{union_id}:{fiscal_year}"


async def adopt(
    session: WriteSession,
    *,
    actor: Actor,
    union_id: UUID,
    fiscal_year: int,
    amount_fen: int,
    paper: Paper,
    now: datetime,
) -> int:
    """The year's budget, once: `amount_fen` (> 0), beside what was carried over to it; returns the version.

    Raises BudgetAdopted when there is one, NotFound for an unknown union, EvidenceUnknown.
    """
    if amount_fen <= 0:
        raise Invalid("预算金额必须大于 0。")
    await _last(session, union_id, fiscal_year)
    if await session.scalar(_ADOPTED, {"union_id": union_id, "fiscal_year": fiscal_year}):
        raise BudgetAdopted("请用“调整预算”改变金额。")
    return await _add(session, actor, union_id, fiscal_year, "adopted", amount_fen, paper, now)


async def adjust(
    session: WriteSession,
    *,
    actor: Actor,
    union_id: UUID,
    fiscal_year: int,
    change_fen: int,
    paper: Paper,
    now: datetime,
) -> int:
    """A new version that raises or lowers the budget by `change_fen` (≠ 0); returns its number.

    Raises NotFound where no budget was adopted, FundsShort when less is left than is taken away.
    """
    if change_fen == 0:
        raise Invalid("调整金额不能是 0。")
    if not await _last(session, union_id, fiscal_year):
        raise NotFound("这一年度还没有建立预算。")
    return await _add(session, actor, union_id, fiscal_year, "adjusted", change_fen, paper, now)


async def carry_over(
    session: WriteSession, *, actor: Actor, union_id: UUID, fiscal_year: int, paper: Paper, now: datetime
) -> int:
    """Move all that is neither spent nor encumbered to the next year; returns how much, in fen.

    May be done again: what returned to the old year meanwhile follows. Raises NothingToCarry, NotFound.
    """
    if not await _last(session, union_id, fiscal_year):
        raise NotFound("这一年度还没有建立预算。")
    amount_fen = await available_fen(session, "budget", owner(union_id, fiscal_year))
    if amount_fen == 0:
        raise NothingToCarry("预算已经用完、占用或结转。")
    await _add(session, actor, union_id, fiscal_year, "carried_out", -amount_fen, paper, now)
    await _add(session, actor, union_id, fiscal_year + 1, "carried_in", amount_fen, paper, now)
    return amount_fen


async def _last(session: WriteSession, union_id: UUID, fiscal_year: int) -> int:
    """The newest version's number, 0 for none; whoever else writes versions of this union waits from here on."""
    if await session.scalar(_LOCK, {"union_id": union_id}) is None:
        raise NotFound("没有这个工会。")
    found: int = (await session.execute(_LAST, {"union_id": union_id, "fiscal_year": fiscal_year})).scalar_one()
    return found


async def _add(
    session: WriteSession,
    actor: Actor,
    union_id: UUID,
    fiscal_year: int,
    kind: Kind,
    change_fen: int,
    paper: Paper,
    now: datetime,
) -> int:
    await cited(session, actor, paper.document_sha256, field="document_sha256", day=clock.business_day(now))
    version = await _last(session, union_id, fiscal_year) + 1
    facts = {"kind": kind, "change_fen": change_fen, "document_sha256": paper.document_sha256}
    named = {"union_id": union_id, "fiscal_year": fiscal_year, "version": version}
    await session.execute(_ADD, facts | named | {"reason": paper.reason, "actor_id": actor.user_id, "now": now})
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"budget_{kind}",
        subject=f"union:{union_id}",
        after=facts | {"fiscal_year": fiscal_year, "version": version},
        reason=paper.reason,
        now=now,
    )
    if kind != "carried_in":  # it moved with the row that carried it out
        await post(session, [_move(union_id, fiscal_year, kind, version, change_fen, now)], now=now)
    return version


def _move(union_id: UUID, fiscal_year: int, kind: Kind, version: int, change_fen: int, now: datetime) -> Moved:
    """Out of the appropriation into the budget; back when lowered; into the next year's budget when carried."""
    name = owner(union_id, fiscal_year)
    budget, other = ("budget", name), ("appropriation", name)
    if kind == "carried_out":
        other = ("budget", owner(union_id, fiscal_year + 1))
    key = f"budget:{name}:{version}"
    return Moved(
        key=key,
        kind="budget_carried" if kind == "carried_out" else f"budget_{kind}",
        debit=budget if change_fen > 0 else other,
        credit=other if change_fen > 0 else budget,
        amount_fen=abs(change_fen),
        reference=uuid5(union_id, key),
        occurred_on=clock.business_day(now),
    )
