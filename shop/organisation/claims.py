"""Somebody of another unit on a list: kept as a claim, which that unit or the person confirms."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from shop.core.audit import Change, record_changes
from shop.core.database import Database, ReadSession, WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows
from shop.core.window import in_force, not_ended
from shop.organisation.claim_models import CLAIM_LASTS


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row of the list as its keeper wrote it, and the person it means."""

    person_id: UUID
    position: int
    staff_number: str
    unit_id: UUID
    department: str
    status: str


# He works elsewhere, on the list's day or since, and not here by now. Or he has an account and belongs to the union
# neither by work nor by its last list: then he belongs where his roles hold or who introduced him, and his phone must
# be proven. Or he stands as retired on another union's list: he is that one's still, for what it gives to the retired.
_ELSEWHERE = text(f"""
SELECT p.id FROM unnest(:people) AS w(id) JOIN person p ON p.id = w.id
LEFT JOIN user_account u ON u.person_id = p.id
WHERE EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND {not_ended("m", ":day")}
        AND m.unit_id <> ALL(:keeps))
    AND NOT EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND m.unit_id = ANY(:keeps)
        AND {in_force("m", ":today")})
    OR u.id IS NOT NULL
    AND NOT EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND {not_ended("m", ":day")})
    AND NOT EXISTS (SELECT FROM roster_entry e WHERE e.roster_id = :last AND e.person_id = p.id)
    AND (p.phone_verified_at IS NULL
        OR EXISTS (SELECT FROM introduction i WHERE i.person_id = p.id AND {not_ended("i", ":today")})
        OR EXISTS (SELECT FROM role_grant g WHERE g.user_id = u.id AND {not_ended("g", ":today")}
            AND NOT (g.scope_kind = 'unit' AND g.scope_id = ANY(:scopes))))
    OR EXISTS (SELECT FROM roster_entry e JOIN roster r ON r.id = e.roster_id WHERE e.person_id = p.id
        AND e.status = 'retired' AND e.unit_id <> ALL(:keeps) AND r.id IS DISTINCT FROM :last
        AND NOT EXISTS (SELECT FROM roster n WHERE n.previous_id = r.id))
    AND NOT EXISTS (SELECT FROM roster_entry e WHERE e.roster_id = :last AND e.person_id = p.id)
    AND NOT EXISTS (SELECT FROM membership m WHERE m.person_id = p.id AND m.unit_id = ANY(:keeps)
        AND {in_force("m", ":today")})
""").bindparams(  # noqa: S608  # our own words
    bindparam("people", type_=ARRAY(Uuid)),
    bindparam("keeps", type_=ARRAY(Uuid)),
    bindparam("scopes", type_=ARRAY(Text)),
)
_REPLACE = text("""
UPDATE membership_claim SET state = 'replaced', decided_at = :now WHERE union_id = :union_id AND state = 'open'
""")
_OPEN = text("""
INSERT INTO membership_claim (id, roster_id, union_id, person_id, position, staff_number, unit_id, department, status,
    asked_by, asked_at, expires_at, state)
SELECT id, :roster, :union_id, person_id, position, staff_number, unit_id, department, status, :actor, :now, :expires,
    'open'
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, person_id uuid, position int, staff_number text,
    unit_id uuid, department text, status text)
""")
_EXPIRE = text("""
UPDATE membership_claim SET state = 'expired', decided_at = :now WHERE state = 'open' AND expires_at <= :now
RETURNING id
""")


async def people_elsewhere(
    session: ReadSession,
    people: Collection[UUID],
    *,
    keeps: frozenset[UUID] | None,
    last_roster_id: UUID | None,
    day: date,
    today: date,
) -> set[UUID]:
    """Those whom a keeper of the units `keeps` (None: of all) may only claim; day: the list's."""
    if keeps is None:
        return set()
    named = {"people": list(people), "keeps": list(keeps), "scopes": [str(one) for one in keeps]}
    return set(await session.scalars(_ELSEWHERE, named | {"last": last_roster_id, "day": day, "today": today}))


async def keep_claims(
    session: WriteSession,
    claimed: Sequence[Claimed],
    *,
    union_id: UUID,
    roster_id: UUID,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """The claims of the union's newest list; what an older one left open is replaced."""
    await session.execute(_REPLACE, {"union_id": union_id, "now": now})
    if not claimed:
        return
    rows = [
        {
            "id": str(new_id()),
            "person_id": str(one.person_id),
            "position": one.position,
            "staff_number": one.staff_number,
            "unit_id": str(one.unit_id),
            "department": one.department,
            "status": one.status,
        }
        for one in claimed
    ]
    named = {"rows": as_rows(rows), "roster": roster_id, "union_id": union_id, "actor": actor_id}
    await session.execute(_OPEN, named | {"now": now, "expires": now + CLAIM_LASTS})


async def expire_claims(database: Database, *, now: datetime) -> None:
    """Hourly: what nobody answered for thirty days has not been agreed to."""
    async with database.transaction() as session:
        ended = await session.scalars(_EXPIRE, {"now": now})
        changes = [Change("membership_claim.expired", f"membership_claim:{one}", None, None) for one in ended]
        await record_changes(session, changes, actor_id=None, now=now)
