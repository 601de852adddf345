"""`/union/acceptances` and the forms behind it: what waits for a receiver, counting it as two, and the result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy import Row
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from orders.acceptance.answer_as_witness import answer_as_witness, signed_by
from orders.acceptance.received import Acceptors, Delivered
from orders.acceptance.receivers import receivers_for
from orders.bulk.receiving import form
from orders.bulk.receiving.accept_goods import accept_homes, accept_site
from orders.bulk.receiving.form import EXCEPT, PICK, Fields
from orders.bulk.receiving.pending import LineSeen, delivery_seen, homes_seen, pending_deliveries
from orders.evidence.keep import FILE_BYTES_MAX, keep
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.adapters.files.store import FileStore
from shop.core import clock
from shop.core.database import Database, ReadSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.core.requests import TheDatabase
from shop.ui.pages import render

routes = APIRouter(include_in_schema=False, prefix="/union")

Receiver = Annotated[Actor, Depends(requires(Permission.ACCEPTANCE_WRITE))]
EXCEPTIONS_MOST = 50


@routes.get("/acceptances")
async def get_acceptances(request: Request, actor: Receiver, database: TheDatabase) -> Response:
    """What waits to be counted, where one was named as the second person, what one accepted."""
    return await _list(request, database, actor)


@routes.post("/acceptances/{acceptance_id}/answer")
async def post_answer(
    request: Request,
    acceptance_id: UUID,
    actor: Receiver,
    database: TheDatabase,
    answer: Annotated[Literal["confirmed", "not_me"], Form()],
) -> Response:
    """The second person's own word; `not_me` with words."""
    fields, _ = await _sent(request)
    try:
        async with database.transaction() as session:
            await answer_as_witness(
                session,
                actor=actor,
                acceptance_id=acceptance_id,
                answer=answer,
                words=form.plain(fields.get("words", "")),
                now=clock.now(),
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _list(request, database, actor, problem=problem)
    return RedirectResponse("/union/acceptances", 303)


@routes.get("/purchases/{purchase_id}/acceptances/{delivery_id}")
async def get_acceptance(
    request: Request, purchase_id: UUID, delivery_id: UUID, actor: Receiver, database: TheDatabase
) -> Response:
    """The form to count a delivery; once it is accepted, what was counted."""
    return await _site(request, database, actor, purchase_id, delivery_id, {})


@routes.post("/purchases/{purchase_id}/acceptances/{delivery_id}")
async def post_acceptance(
    request: Request, purchase_id: UUID, delivery_id: UUID, actor: Receiver, database: TheDatabase, files: TheFiles
) -> Response:
    """Two people accept a site; the same form again is the same acceptance."""
    (fields, photo), now = await _sent(request), clock.now()
    async with database.reading() as session:
        seen, lines, _ = await delivery_seen(session, actor, purchase_id=purchase_id, delivery_id=delivery_id, now=now)
    try:
        fields["evidence_sha256"] = await _kept(photo, database, files, actor, seen.unit_ids[0], fields)
        counts = form.counts(delivery_id, lines, fields)
        by = _by(actor, fields, now)
        delivered = Delivered(delivery_id, counts, by.truck.delivery_note if by.truck else None)
        async with database.transaction() as session:
            await accept_site(session, purchase_id=purchase_id, delivered=delivered, by=by, now=now)
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _site(request, database, actor, purchase_id, delivery_id, fields, problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}/acceptances/{delivery_id}", 303)


@routes.get("/purchases/{purchase_id}/acceptances/homes/{share_id}")
async def get_homes(
    request: Request, purchase_id: UUID, share_id: UUID, actor: Receiver, database: TheDatabase
) -> Response:
    """Homes of a branch: everything came, but for the exceptions that are picked and counted."""
    return await _homes(request, database, actor, purchase_id, share_id, {})


@routes.post("/purchases/{purchase_id}/acceptances/homes/{share_id}")
async def post_homes(
    request: Request, purchase_id: UUID, share_id: UUID, actor: Receiver, database: TheDatabase, files: TheFiles
) -> Response:
    """`do=find` searches, `do=pick` adds what was ticked, `do=accept` accepts; nothing typed is lost on the way."""
    (fields, photo), now = await _sent(request), clock.now()
    fields |= {f"{EXCEPT}{one}": "1" for one in form.ticked(fields, PICK)}
    if fields.get("do") != "accept":
        return await _homes(request, database, actor, purchase_id, share_id, fields)
    async with database.reading() as session:
        seen = await homes_seen(session, actor, purchase_id=purchase_id, payer_share_id=share_id, q="", now=now)
        lines = await _exceptions(session, actor, purchase_id, fields, now)
    try:
        fields["evidence_sha256"] = await _kept(photo, database, files, actor, seen.share.unit_id, fields)
        exceptions = [Delivered(home.id, form.counts(home.id, theirs, fields)) for home, theirs in lines]
        by = _by(actor, fields, now)
        async with database.transaction() as session:
            await accept_homes(
                session, purchase_id=purchase_id, payer_share_id=share_id, exceptions=exceptions, by=by, now=now
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return await _homes(request, database, actor, purchase_id, share_id, fields, problem)
    return RedirectResponse(f"/union/purchases/{purchase_id}/acceptances/homes/{share_id}", 303)


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    data: bytes


async def _sent(request: Request) -> tuple[dict[str, str], Photo | None]:
    """What was typed, and the photo if one came."""
    async with request.form() as sent:
        fields = {name: said.strip() for name, said in sent.items() if isinstance(said, str)}
        file = sent.get("photo")
        if not isinstance(file, UploadFile) or not file.filename:
            return fields, None
        return fields, Photo(file.filename, await file.read(FILE_BYTES_MAX + 1))


def _by(actor: Actor, fields: Fields, now: datetime) -> Acceptors:
    """Raises Invalid."""
    return Acceptors(
        kind="bulk",
        actor=actor,
        witness_id=form.witness(fields),
        accepted_on=form.day(fields.get("accepted_on", "")) or clock.business_day(now),
        key=fields.get("key", "")[:100].replace("#", "") or str(new_id()),
        truck=form.truck(fields),
        note=form.plain(fields.get("note", ""))[:500] or None,
        evidence_sha256=fields.get("evidence_sha256") or None,
    )


async def _kept(
    photo: Photo | None, database: Database, files: FileStore, actor: Actor, unit_id: UUID, fields: Fields
) -> str:
    """The digest of the photo, kept as evidence of the branch; without one, of the photo that came before."""
    if photo is None:
        said = fields.get("evidence_sha256", "")
        return said if len(said) == 64 and set(said) <= set("0123456789abcdef") else ""
    kept = await keep(
        files, database, data=photo.data, file_name=photo.name, actor=actor, unit_id=unit_id, now=clock.now()
    )
    return kept.sha256


async def _exceptions(
    session: ReadSession, actor: Actor, purchase_id: UUID, fields: Fields, now: datetime
) -> list[tuple[Row[Any], list[LineSeen]]]:
    found = []
    for delivery_id in form.ticked(fields, EXCEPT)[:EXCEPTIONS_MOST]:
        home, lines, _ = await delivery_seen(session, actor, purchase_id=purchase_id, delivery_id=delivery_id, now=now)
        found.append((home, lines))
    return found


async def _list(request: Request, database: Database, actor: Actor, *, problem: Problem | None = None) -> Response:
    async with database.transaction() as session:  # not a replica: one's own step is seen at once
        sites, homes = await pending_deliveries(session, actor, clock.now())
        named = await signed_by(session, actor.user_id, as_witness=True)
        mine = await signed_by(session, actor.user_id, as_witness=False, most=20)
    return render(
        request,
        "bulk/acceptances.html",
        problem.status if problem else 200,
        sites=sites,
        homes=homes,
        named=named,
        mine=mine,
        problem=problem,
    )


async def _site(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    delivery_id: UUID,
    fields: Fields,
    problem: Problem | None = None,
) -> Response:
    now = clock.now()
    async with database.transaction() as session:  # not a replica: one's own acceptance is seen at once
        seen, lines, accepted = await delivery_seen(
            session, actor, purchase_id=purchase_id, delivery_id=delivery_id, now=now
        )
        witnesses = await _witnesses(session, actor, seen.unit_ids, seen.order_id, now)
    facts = {"seen": seen, "lines": lines, "accepted": accepted, "witnesses": witnesses}
    return _render(request, "bulk/acceptance.html", facts, fields, problem)


async def _homes(
    request: Request,
    database: Database,
    actor: Actor,
    purchase_id: UUID,
    share_id: UUID,
    fields: Fields,
    problem: Problem | None = None,
) -> Response:
    now = clock.now()
    q = form.plain(fields.get("q", ""))[:40]
    async with database.transaction() as session:  # not a replica: one's own acceptance is seen at once
        seen = await homes_seen(session, actor, purchase_id=purchase_id, payer_share_id=share_id, q=q, now=now)
        exceptions = await _exceptions(session, actor, purchase_id, fields, now)
        witnesses = await _witnesses(session, actor, [seen.share.unit_id], seen.share.order_id, now)
    facts = {"seen": seen, "exceptions": exceptions, "witnesses": witnesses}
    return _render(request, "bulk/homes.html", facts, fields, problem)


async def _witnesses(
    session: ReadSession, actor: Actor, unit_ids: Sequence[UUID], order_id: UUID, now: datetime
) -> list[tuple[str, str]]:
    """Who may be the second person, for a list to choose from; nobody is chosen beforehand."""
    found = await receivers_for(session, unit_ids, order_id, clock.business_day(now))
    return [("", "—"), *((str(one.user_id), one.name or "—") for one in found if one.user_id != actor.user_id)]


def _render(request: Request, name: str, facts: dict[str, Any], fields: Fields, problem: Problem | None) -> Response:
    return render(
        request,
        name,
        problem.status if problem else 200,
        **facts,
        typed=fields,
        key=fields.get("key") or str(new_id()),
        problem=problem,
        today=clock.today(),
    )
