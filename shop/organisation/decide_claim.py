"""A claim is confirmed or refused, by the unit that the person belongs to or by the person."""

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from shop.access.known_people import people_one_by_one
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound, Problem, SecondPersonNeeded
from shop.organisation.authority import may, of_units
from shop.organisation.claim_queries import WORKS
from shop.organisation.members import join_union, join_unit
from shop.organisation.roster_people import bind_numbers


class ClaimDecided(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "claim_decided"
    title: ClassVar[str] = "这条认领已经处理过，或者已经过期"


class PhoneNotVerified(Problem):
    """A name and a number that anybody could have typed do not say who somebody is."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "phone_not_verified"
    title: ClassVar[str] = "请先验证手机号"


_LOCK = text(f"""
SELECT c.id, c.roster_id, c.union_id, c.person_id, c.staff_number, c.unit_id, c.status, c.asked_by, c.state,
    c.expires_at, p.phone_verified_at, {WORKS} AS works_at,
    (SELECT s.number FROM staff_number s WHERE s.union_id = c.union_id AND s.person_id = c.person_id) AS number
FROM membership_claim c JOIN roster r ON r.id = c.roster_id JOIN person p ON p.id = c.person_id
WHERE c.id = :id FOR UPDATE OF c
""")  # noqa: S608  # our own constant
# He may stand there already, in a unit that another keeper speaks for: then until the next list.
_ENTER = text("""
INSERT INTO roster_entry (roster_id, person_id, position, staff_number, unit_id, department, status)
SELECT roster_id, person_id, position, staff_number, unit_id, department, status FROM membership_claim
WHERE id = :id ON CONFLICT DO NOTHING
""")
_DECIDE = text("""
UPDATE membership_claim SET state = :state, reason = :reason, decided_by = :actor, decided_at = :now,
    from_unit_id = :left, valid_from = :day
WHERE id = :id AND state = 'open'
""")


async def confirm_claim(session: WriteSession, *, actor: Actor, claim_id: UUID, now: datetime) -> date:
    """The person stands on the list, belongs to the union, and works in the list's unit from today on: what was bought
    before stays whose it was. Returns that day.

    Raises NotFound for whom it does not wait, ClaimDecided, SecondPersonNeeded, PhoneNotVerified for a person whose
    phone nobody proved, AlreadyPlanned.
    """
    claim = await _open_claim(session, actor, claim_id, now)
    if claim.person_id == actor.person_id and claim.phone_verified_at is None:
        raise PhoneNotVerified("请先在“我的手机号”里验证手机号，再确认；也可以请本单位的名册管理员确认。")
    day = clock.business_day(now)
    if claim.number is None:
        await bind_numbers(session, claim.union_id, [(claim.person_id, claim.staff_number)])
    await session.execute(_ENTER, {"id": claim.id})
    if claim.status != "retired":
        who: dict[str, Any] = {"actor": actor, "person_id": claim.person_id, "day": day, "now": now}
        await join_unit(session, unit_id=claim.unit_id, **who)
        await join_union(session, union_id=claim.union_id, **who)
    await _decide(session, actor, claim, "confirmed", now=now, day=day)
    return day


async def refuse_claim(session: WriteSession, *, actor: Actor, claim_id: UUID, reason: str, now: datetime) -> None:
    """Nothing of the person changes; the claim keeps the reason. Raises NotFound, ClaimDecided, SecondPersonNeeded."""
    claim = await _open_claim(session, actor, claim_id, now)
    await _decide(session, actor, claim, "refused", now=now, reason=reason)


async def _open_claim(session: WriteSession, actor: Actor, claim_id: UUID, now: datetime) -> Row[Any]:
    await people_one_by_one(session)
    claim = (await session.execute(_LOCK, {"id": claim_id})).one_or_none()
    if claim is None or not await _waits_for(session, actor, claim, now):
        raise NotFound("没有找到这条认领，或者它不由您确认。")
    if claim.state != "open" or claim.expires_at <= now:
        raise ClaimDecided("请刷新页面查看结果。过期的认领，请对方工会在下一份名册里再提。")
    if claim.asked_by == actor.user_id:
        raise SecondPersonNeeded("这份名册是您自己交的，请本人或原单位的另一位同事确认。")
    return claim


async def _waits_for(session: ReadSession, actor: Actor, claim: Row[Any], now: datetime) -> bool:
    """The person, or who keeps the lists of the unit where the person works as things stand now."""
    if claim.person_id == actor.person_id:
        return True
    if claim.works_at is None:
        return False
    place = of_units(claim.works_at)
    return await may(session, actor, Permission.ROSTER_IMPORT, place, day=clock.business_day(now))


async def _decide(
    session: WriteSession,
    actor: Actor,
    claim: Row[Any],
    state: str,
    *,
    now: datetime,
    day: date | None = None,
    reason: str | None = None,
) -> None:
    named = {"id": claim.id, "state": state, "reason": reason, "actor": actor.user_id, "now": now, "day": day}
    await session.execute(_DECIDE, named | {"left": claim.works_at})
    await record_change(
        session,
        actor_id=actor.user_id,
        action=f"membership_claim.{state}",
        subject=f"membership_claim:{claim.id}",
        before={"unit_id": str(claim.works_at) if claim.works_at else None},
        after={"union_id": str(claim.union_id), "unit_id": str(claim.unit_id), "roster_id": str(claim.roster_id)}
        | ({"from": str(day)} if day else {}),
        reason=reason,
        now=now,
    )
