"""`/union/roster`: hand in the list, look at what it changes, then save it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request, UploadFile
from starlette.responses import Response

from catalog.upload.kinds.roster import COLUMNS
from catalog.upload.roster import bring_roster
from catalog.upload.roster_api import RosterOut, changes_out, claimed_out, roster_out
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import Database
from shop.core.errors import Detail, Problem
from shop.core.requests import TheDatabase
from shop.organisation.claim_queries import claims_of, claims_waiting
from shop.organisation.roster_queries import changes_of, rosters_of, union_for, unions_of
from shop.sheet.refused import FILE_BYTES_MAX
from shop.sheet.schemas import Acknowledged, columns_asked
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False)

Keeper = Annotated[Actor, Depends(requires(Permission.ROSTER_IMPORT))]


@routes.get("/union/roster")
async def get_roster(request: Request, database: TheDatabase, actor: Keeper, union_id: UUID | None = None) -> Response:
    """The unions one keeps lists for, the newest list and what it changed, and the form for the next."""
    return await _page(request, database, actor, union_id)


@routes.post("/union/roster")
async def post_roster(
    request: Request,
    database: TheDatabase,
    actor: Keeper,
    file: UploadFile,
    union_id: Annotated[UUID, Form()],
    as_of: Annotated[str, Form()] = "",
    do: Annotated[str, Form()] = "show",
    acknowledged_columns: Acknowledged = (),
) -> Response:
    """`do=show` tries the list and shows the difference; `do=save` saves it. What was chosen and ticked stays."""
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        wrong = Problem("请填写截止日。", [Detail("/as_of", "day_wrong", "请填写截止日，例如 2026-11-30")])
        return await _page(
            request, database, actor, union_id, as_of=as_of, acknowledged=acknowledged_columns, problem=wrong
        )
    try:
        made = await bring_roster(
            database,
            actor=actor,
            union_id=union_id,
            as_of=day,
            file_name=file.filename or "",
            data=await file.read(FILE_BYTES_MAX + 1),
            now=clock.now(),
            today=clock.today(),
            acknowledged=acknowledged_columns,
            dry_run=do != "save",
        )
    except Problem as problem:
        return await _page(
            request, database, actor, union_id, as_of=as_of, acknowledged=acknowledged_columns, problem=problem
        )
    return await _page(
        request, database, actor, union_id, as_of=as_of, acknowledged=acknowledged_columns, made=roster_out(made)
    )


async def _page(
    request: Request,
    database: Database,
    actor: Actor,
    union_id: UUID | None,
    *,
    as_of: str = "",
    acknowledged: Sequence[str] = (),
    made: RosterOut | None = None,
    problem: Problem | None = None,
) -> Response:
    today = clock.today()
    async with database.reading() as session:
        unions = await unions_of(session, actor, Permission.ROSTER_IMPORT, today)
        if union_id is not None:
            await union_for(session, actor, union_id, today)
        chosen = union_id or (unions[0].id if unions else None)
        rosters = await rosters_of(session, chosen) if chosen else []
        counts, changes = await changes_of(session, rosters[0].id) if rosters else ({}, [])
        claim_counts, claimed = await claims_of(session, rosters[0].id) if rosters else ({}, [])
        asked_of_us, _ = await claims_waiting(session, actor, now=clock.now())
    errors: Sequence[Detail] = problem.errors if problem else ()
    unknown = problem.extra.get("unknown_columns", []) if problem else []
    return render(
        request,
        "upload/roster.html",
        problem.status if problem else 200,
        unions=[(one.id, one.name) for one in unions],
        union_id=chosen,
        as_of=as_of or today.isoformat(),
        rosters=rosters,
        counts=made.counts if made else counts,
        changes=made.changes if made else changes_out(changes),
        claims=made.claims if made and not made.repeated else claimed_out(claimed),
        claimed=made.waiting if made and not made.repeated else sum(claim_counts.values()),
        asked_of_us=[one for one in asked_of_us if one.person_id != actor.person_id],
        made=made,
        read=made or (rosters[0] if rosters else None),
        problem=problem,
        errors=errors,
        asked_columns=[] if made and (made.saved or made.repeated) else columns_asked(unknown, acknowledged),
        columns=[(one.title, one.example, one.needed) for one in COLUMNS],
    )
