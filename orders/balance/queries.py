"""The last comparison, and what differs as the caller may see it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.balance.schemas import BalanceOut, DifferenceOut, RunOut
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.errors import NotFound
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids

State = Literal["open", "closed"]
_LAST = text("SELECT * FROM balance_run ORDER BY balanced_at DESC, id DESC LIMIT 1")
_ONE = text("SELECT * FROM balance_run WHERE id = :id")
_HELD = text("SELECT max(balanced_at) FROM balance_run WHERE holds")
_DIFFERENCES = text("""
SELECT * FROM balance_difference
WHERE (CAST(:state AS text) = 'open') = (closed_at IS NULL)
    AND (CAST(:everything AS bool) OR unit_id = ANY(:units))
    AND (CAST(:before AS timestamptz) IS NULL OR (first_seen_at, id) < (:before, CAST(:before_id AS uuid)))
ORDER BY first_seen_at DESC, id DESC LIMIT :limit
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_HOW_IT_STANDS = text("""
SELECT (SELECT max(balanced_at) FROM balance_run WHERE holds) AS held,
    (SELECT min(balanced_at) FROM balance_run) AS first,
    d.differences, d.waiting
FROM (SELECT count(*) FILTER (WHERE NOT waits) AS differences, count(*) FILTER (WHERE waits) AS waiting
    FROM balance_difference WHERE closed_at IS NULL) d
""")


@dataclass(frozen=True, slots=True)
class Stands:
    """days: business days until today on which the books were not seen to hold, because they differed or nobody looked;
    0 where they held today. differences: what is wrong and not healed; waiting: what only waits for a person.
    """

    days: int
    differences: int
    waiting: int


async def how_it_stands(session: ReadSession, *, today: date) -> Stands:
    found = (await session.execute(_HOW_IT_STANDS)).one()
    if found.held:
        return Stands((today - clock.business_day(found.held)).days, found.differences, found.waiting)
    since = clock.business_day(found.first) if found.first else today
    return Stands((today - since).days + 1, found.differences, found.waiting)


async def balance_of(
    session: ReadSession, actor: Actor, *, day: date, limit: int, cursor: str | None = None, state: State = "open"
) -> BalanceOut:
    """What differs, the newest first; `state` closed: what was healed. The sums of the whole shop are for those whose
    right covers all units; others see whether it held.
    """
    visible = await visible_unit_ids(session, actor, Permission.BALANCE_READ, day)
    before, before_id = read_cursor(cursor, datetime, UUID) if cursor else (None, None)
    named = {
        "state": state,
        "everything": visible is None,
        "units": list(visible or ()),
        "before": before,
        "before_id": before_id,
        "limit": limit + 1,
    }
    rows = (await session.execute(_DIFFERENCES, named)).all()
    last = (await session.execute(_LAST)).one_or_none()
    return BalanceOut(
        run=None if last is None else _seen(last, everything=visible is None),
        balanced_as_of=await session.scalar(_HELD),
        items=[DifferenceOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_of(rows[limit - 1].first_seen_at, rows[limit - 1].id) if len(rows) > limit else None,
    )


async def run_out(session: ReadSession, run_id: UUID, actor: Actor) -> RunOut:
    """Raises NotFound."""
    row = (await session.execute(_ONE, {"id": run_id})).one_or_none()
    if row is None:
        raise NotFound("没有这次对账。")
    return _seen(row, everything=actor.may_everywhere(Permission.BALANCE_READ))


def _seen(row: Row[Any], *, everything: bool) -> RunOut:
    """Without the companies' sums, which tell each of them what the others turn over, unless everything may be seen."""
    run = RunOut.model_validate(row)
    return run if everything else run.model_copy(update={"identities": []})
