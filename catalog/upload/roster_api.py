"""`/api/v1/rosters`: a union's lists of people, each at its cut-off day."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, UploadFile
from pydantic import BaseModel
from starlette.responses import Response

from catalog.upload.kind import template
from catalog.upload.kinds.roster import roster_kind
from catalog.upload.roster import BroughtRoster, bring_roster
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_of
from shop.organisation.roster_queries import changes_of, rosters_of, union_for
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, RowsOut, rows_out
from shop.sheet.write import csv_response
from shop.ui.filters import masked_name

routes = APIRouter(prefix="/api/v1", tags=["rosters"])

Keeper = Annotated[Actor, Depends(requires(Permission.ROSTER_IMPORT))]


class RosterChangeOut(BaseModel):
    """kind: joined, left, moved, retired, on_leave, returned. The name is masked."""

    kind: str
    name: str
    staff_number: str | None
    from_unit: str | None
    to_unit: str | None
    from_department: str | None
    to_department: str | None


class ClaimedOut(BaseModel):
    """A row that names somebody who belongs elsewhere, in the list's own words; nothing of the person is told.

    state: open (waiting for confirmation), confirmed, refused, replaced (by a later list), expired. valid_from: since
    when a confirmed one holds. reason: of a refusal.
    """

    staff_number: str
    unit: str
    department: str
    state: str
    reason: str | None
    expires_at: datetime
    valid_from: date | None


class RosterOut(RowsOut):
    """saved and repeated both false: a dry run. changes: at most the first 200; counts has them all.

    waiting: rows that wait for confirmation, and change nothing until then; claims: the first 200 of them.
    acknowledged_columns: what nobody read, as whoever brought the file said.
    """

    union_id: UUID
    as_of: date
    people: int
    saved: bool
    repeated: bool
    roster_id: UUID | None
    previous_as_of: date | None
    counts: dict[str, int]
    changes: list[RosterChangeOut]
    waiting: int
    claims: list[ClaimedOut]
    acknowledged_columns: list[str]


class KnownRosterOut(BaseModel):
    """counts: changes by kind; claims: rows that named somebody of elsewhere, by state; claimed: the first 200."""

    id: UUID
    as_of: date
    people: int
    counts: dict[str, int]
    claims: dict[str, int]
    claimed: list[ClaimedOut]
    acknowledged_columns: list[str]


class RostersOut(BaseModel):
    items: list[KnownRosterOut]
    next_cursor: None = None


@routes.post("/rosters", responses={409: {"description": "已有更晚的名册"}, 413: {"description": "文件太大"}})
async def post_roster(
    database: TheDatabase,
    actor: Keeper,
    file: UploadFile,
    union_id: Annotated[UUID, Form()],
    as_of: Annotated[date, Form()],
    acknowledged_columns: Acknowledged = (),
    dry_run: bool = False,
) -> RosterOut:
    """A csv (UTF-8, GBK) or xlsx of everybody on the cut-off day. `dry_run=true` shows the difference to the last.

    acknowledged_columns: titles that need no reading; 422 `columns_unknown` lists those that are asked about.
    """
    made = await bring_roster(
        database,
        actor=actor,
        union_id=union_id,
        as_of=as_of,
        file_name=file.filename or "",
        data=await file.read(FILE_BYTES_MAX + 1),
        now=clock.now(),
        today=clock.today(),
        acknowledged=acknowledged_columns,
        dry_run=dry_run,
    )
    return roster_out(made)


@routes.get("/rosters")
async def get_rosters(database: TheDatabase, actor: Keeper, union_id: UUID) -> RostersOut:
    """The newest lists of a union, with what each changed."""
    async with database.reading() as session:
        await union_for(session, actor, union_id, clock.today())
        known = []
        for row in await rosters_of(session, union_id):
            counts, _ = await changes_of(session, row.id)
            claims, claimed = await claims_of(session, row.id)
            known.append(
                KnownRosterOut(
                    id=row.id,
                    as_of=row.as_of,
                    people=row.people,
                    counts=counts,
                    claims=claims,
                    claimed=claimed_out(claimed),
                    acknowledged_columns=row.acknowledged_columns,
                )
            )
    return RostersOut(items=known)


@routes.get("/rosters/template", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def get_template(_: Keeper) -> Response:
    """A csv with the header and one example row."""
    kind = roster_kind(UUID(int=0), date(2026, 1, 1), after=None, file_sha256="", found=[])
    return csv_response("roster-template.csv", template(kind))


def roster_out(made: BroughtRoster) -> RosterOut:
    return RosterOut(
        union_id=made.union_id,
        as_of=made.as_of,
        people=made.people,
        saved=made.saved,
        repeated=made.repeated,
        roster_id=made.roster_id,
        previous_as_of=made.previous_as_of,
        counts=made.counts,
        changes=changes_out(made.changes),
        waiting=made.waiting,
        claims=claimed_out(made.claims),
        acknowledged_columns=list(made.acknowledged),
        **rows_out(made.people, made.set_aside, made.asked),
    )


def changes_out(rows: Iterable[Any]) -> list[RosterChangeOut]:
    return [
        RosterChangeOut(
            kind=row.kind,
            name=masked_name(row.name),
            staff_number=row.staff_number,
            from_unit=row.from_unit,
            to_unit=row.to_unit,
            from_department=row.from_department,
            to_department=row.to_department,
        )
        for row in rows
    ]


def claimed_out(rows: Iterable[Any]) -> list[ClaimedOut]:
    return [
        ClaimedOut(
            staff_number=row.staff_number,
            unit=row.unit,
            department=row.department,
            state=row.state,
            reason=row.reason,
            expires_at=row.expires_at,
            valid_from=row.valid_from,
        )
        for row in rows
    ]
