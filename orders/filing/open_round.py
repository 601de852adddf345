"""Programme staff open a month's round: one empty filing for each branch of the day."""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from orders.filing.problems import NoBranches, RoundAhead, RoundExists
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound
from shop.core.ids import new_id
from shop.core.window import in_force
from shop.organisation.queries import visible_unit_ids

_OPEN = text("""
INSERT INTO filing_round (id, month, unit_id, unit_name, due_on, opened_by, opened_at)
SELECT :id, :month, id, name, :due_on, :actor, :now FROM unit WHERE id = :unit
ON CONFLICT (unit_id, month) DO NOTHING RETURNING id
""")
_BRANCHES = text(f"""
INSERT INTO filing (id, round_id, unit_id, unit_name, state, is_nil, direct_purchase_fen, assisted_sale_fen,
    credited_fen, unverified_fen, not_counted_fen)
SELECT gen_random_uuid(), :id, u.id, u.name, 'waiting', false, 0, 0, 0, 0, 0
FROM unit_parent p JOIN unit u ON u.id = p.unit_id
WHERE p.parent_id = :unit AND {in_force("p", ":day")}
RETURNING unit_id
""")  # noqa: S608  # our own words


async def open_round(
    session: WriteSession, *, actor: Actor, month: int, unit_id: UUID, due_on: date | None, now: datetime
) -> UUID:
    """month: YYYYMM. The branches are those of its last day, or of today while it lasts. due_on: the 5th after it.

    Raises NotFound for a unit out of reach, RoundAhead, NoBranches, RoundExists.
    """
    today = clock.business_day(now)
    visible = await visible_unit_ids(session, actor, Permission.FILING_WRITE, today)
    if visible is not None and unit_id not in visible:
        raise NotFound("没有找到这个单位，或者它不在您的范围内。", [Detail("/unit", "not_found", "没有找到这个单位")])
    if month > clock.month_of(today):
        raise RoundAhead("请在月份开始之后再发起填报。")
    following = clock.first_of(clock.add_months(month, 1))
    facts = {
        "id": new_id(),
        "month": month,
        "unit": unit_id,
        "due_on": due_on or following + timedelta(days=4),
        "actor": actor.user_id,
        "now": now,
    }
    opened: UUID | None = await session.scalar(_OPEN, facts)
    if opened is None:
        raise RoundExists("请打开已有的那一轮继续。")
    day = min(today, following - timedelta(days=1))
    branches = (await session.execute(_BRANCHES, {"id": opened, "unit": unit_id, "day": day})).all()
    if not branches:
        raise NoBranches("请选择有下级单位的单位。", [Detail("/unit", NoBranches.code, "没有下级单位")])
    await record_change(
        session,
        actor_id=actor.user_id,
        action="filing.open",
        subject=f"filing_round:{opened}",
        after={"month": month, "unit_id": str(unit_id), "branches": len(branches)},
        now=now,
    )
    return opened
