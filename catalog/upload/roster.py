"""Hand in a union's list at a cut-off day: shown as a difference first, saved when asked."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from catalog.upload.kinds.roster import Compared, roster_kind
from catalog.upload.stage import import_file
from shop.access.permissions import Actor
from shop.core.database import Database
from shop.core.errors import Detail, Problem
from shop.organisation.roster_models import CHANGES
from shop.organisation.roster_queries import union_for
from shop.organisation.rosters import last_roster
from shop.sheet.table import SetAside


class DayAhead(Problem):
    """Who will be a member tomorrow is not known today."""

    status = 422
    code = "roster_day_ahead"
    title = "截止日不能晚于今天"


@dataclass(frozen=True, slots=True)
class BroughtRoster:
    """saved False and repeated False: a dry run. repeated: this very list is the newest already.

    people and set_aside add up to the rows read; asked: names that somebody should look at. acknowledged: columns that
    nobody read. waiting: so many of the people belong elsewhere; claims: the first of those rows.
    """

    union_id: UUID
    as_of: date
    people: int
    saved: bool
    repeated: bool
    roster_id: UUID | None
    previous_as_of: date | None
    counts: dict[str, int]
    changes: tuple[Row[Any], ...]
    set_aside: tuple[SetAside, ...] = ()
    asked: tuple[Detail, ...] = ()
    acknowledged: tuple[str, ...] = ()
    waiting: int = 0
    claims: tuple[Row[Any], ...] = ()


async def bring_roster(
    database: Database,
    *,
    actor: Actor,
    union_id: UUID,
    as_of: date,
    file_name: str,
    data: bytes,
    now: datetime,
    today: date,
    acknowledged: Collection[str] = (),
    dry_run: bool = False,
) -> BroughtRoster:
    """The same file for the same day again does nothing. Raises NotFound for a union that is not the actor's,
    DayAhead, and what `import_file` and `save_roster` raise, errors pointing at `/rows/{row}/{column}`.
    """
    if as_of > today:
        raise DayAhead("请填今天或之前的日期。")
    sha = hashlib.sha256(data).hexdigest()
    async with database.transaction() as session:
        await union_for(session, actor, union_id, today)
        last = await last_roster(session, union_id)
    if last and last.file_sha256 == sha and last.as_of == as_of:
        return _repeated(union_id, last)
    found: list[Compared] = []
    kind = roster_kind(union_id, as_of, after=last.id if last else None, file_sha256=sha, found=found)
    done = await import_file(
        database,
        kind=kind,
        file_name=file_name,
        data=data,
        actor=actor,
        now=now,
        acknowledged=acknowledged,
        dry_run=dry_run,
    )
    if done.repeated:  # somebody handed in the same list a moment ago
        async with database.transaction() as session:
            newest = await last_roster(session, union_id)
        if newest is None:
            raise AssertionError("a confirmed list is a list")
        return _repeated(union_id, newest)
    made = found[0].made
    return BroughtRoster(
        union_id,
        as_of,
        made.people,
        saved=done.saved,
        repeated=False,
        roster_id=made.roster_id if done.saved else None,
        previous_as_of=last.as_of if last else None,
        counts=made.counts(),
        changes=found[0].shown,
        set_aside=done.set_aside,
        asked=done.asked,
        acknowledged=done.acknowledged,
        waiting=made.claims,
        claims=found[0].claims,
    )


def _repeated(union_id: UUID, last: Row[Any]) -> BroughtRoster:
    return BroughtRoster(
        union_id,
        last.as_of,
        last.people,
        saved=False,
        repeated=True,
        roster_id=last.id,
        previous_as_of=last.as_of,
        counts=dict.fromkeys(CHANGES, 0),
        changes=(),
        acknowledged=tuple(last.acknowledged_columns),
    )
