"""`/api/v1/role-grants`, `/password-resets`, `/mandates`: who holds which role where, whose password is void, and who
audits whom. Two people.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from orders.audit.schemas import MandateIn
from orders.evidence.api import download
from orders.evidence.queries import bytes_of
from shop.access.guard import requires
from shop.access.permissions import Actor, Permission
from shop.adapters.files.open import TheFiles
from shop.app.admin import people
from shop.app.admin.ask_api import approved, asked, asked_page, refused
from shop.app.admin.change import approve, letter_of
from shop.app.admin.end_grant import end_grant
from shop.app.admin.kinds import GRANTS, MANDATES, RESETS, PasswordReset, PasswordResetIn, ReinstateIn, RoleGrantIn
from shop.app.admin.schemas import AdminAskedOut, AdminRefuseIn, AskedPage, ResetOut
from shop.core import clock
from shop.core.idempotency import IdempotencyKey
from shop.core.requests import TheDatabase

routes = APIRouter(prefix="/api/v1", tags=["people"])

Administrator = Annotated[Actor, Depends(requires(Permission.USER_ADMINISTER))]


@routes.post("/role-grants", status_code=202, response_model=AdminAskedOut)
async def post_grant(request: Request, body: RoleGrantIn, actor: Administrator, key: IdempotencyKey) -> Response:
    """A role in a scope from a day on; neither asked for nor approved by whoever gets it."""
    return await asked(request, actor, key, "role.grant", body)


@routes.get("/role-grants")
async def get_grants(actor: Administrator, database: TheDatabase) -> AskedPage:
    """What waits for a second person."""
    return await asked_page(database, actor, GRANTS)


@routes.post("/role-grants/{request_id}/approve")
async def post_grant_approve(request_id: UUID, actor: Administrator, database: TheDatabase) -> AdminAskedOut:
    """By another person than who asked. 409 `second_person_needed`, `change_decided`."""
    return await approved(database, actor, request_id, GRANTS)


@routes.post("/role-grants/{request_id}/refuse", status_code=204)
async def post_grant_refuse(request_id: UUID, body: AdminRefuseIn, actor: Administrator, database: TheDatabase) -> None:
    """By another person; who asked takes it back with it."""
    await refused(database, actor, request_id, GRANTS, body)


@routes.post("/role-grants/{grant_id}/end", status_code=204)
async def post_grant_end(grant_id: UUID, body: AdminRefuseIn, actor: Administrator, database: TheDatabase) -> None:
    """A role ends today, by one person: what was given takes two, what is taken away does not wait."""
    async with database.transaction() as session:
        await end_grant(session, actor=actor, grant_id=grant_id, reason=body.reason, now=clock.now())


@routes.post("/users/{user_id}/suspend", status_code=204)
async def post_suspend(user_id: UUID, body: AdminRefuseIn, actor: Administrator, database: TheDatabase) -> None:
    """Nobody signs in with the account from now on."""
    async with database.transaction() as session:
        await people.suspend(session, actor=actor, user_id=user_id, reason=body.reason, now=clock.now())


@routes.post("/users/{user_id}/reinstate", status_code=202, response_model=AdminAskedOut)
async def post_reinstate(
    request: Request,
    user_id: UUID,
    body: AdminRefuseIn,
    actor: Administrator,
    key: IdempotencyKey,
) -> Response:
    """Ask that a suspended account may sign in again; another administrator approves it as he approves a role."""
    asked_for = ReinstateIn(user_id=user_id, reason=body.reason)
    return await asked(request, actor, key, "user.reinstate", asked_for)


@routes.post("/users/{user_id}/password-resets", status_code=202, response_model=AdminAskedOut)
async def post_password_reset(
    request: Request,
    user_id: UUID,
    body: PasswordResetIn,
    actor: Administrator,
    key: IdempotencyKey,
) -> Response:
    """Once approved the password is void, and its owner sets a new one. Neither asked for nor approved by himself."""
    asking = PasswordReset(user_id=user_id, **body.model_dump())
    return await asked(request, actor, key, "password.reset", asking)


@routes.get("/password-resets")
async def get_password_resets(actor: Administrator, database: TheDatabase) -> AskedPage:
    """What waits for a second person."""
    return await asked_page(database, actor, RESETS)


@routes.post("/password-resets/{request_id}/approve")
async def post_password_reset_approve(request_id: UUID, actor: Administrator, database: TheDatabase) -> ResetOut:
    """By another person than who asked. `code` is told here once, where one is to be handed over."""
    async with database.transaction() as session:
        done = await approve(session, actor=actor, request_id=request_id, kinds=RESETS, now=clock.now())
    return ResetOut(id=request_id, kind=done.kind, state="approved", code=done.told)


@routes.post("/password-resets/{request_id}/refuse", status_code=204)
async def post_password_reset_refuse(
    request_id: UUID, body: AdminRefuseIn, actor: Administrator, database: TheDatabase
) -> None:
    """By another person; who asked takes it back with it."""
    await refused(database, actor, request_id, RESETS, body)


@routes.post("/audit/mandates", status_code=202, response_model=AdminAskedOut)
async def post_mandate(request: Request, body: MandateIn, actor: Administrator, key: IdempotencyKey) -> Response:
    """Register an engagement letter: an auditor of units, for business days, until a day."""
    return await asked(request, actor, key, "audit_mandate.grant", body)


@routes.get("/mandates")
async def get_mandates(actor: Administrator, database: TheDatabase) -> AskedPage:
    """Letters that wait for a second person."""
    return await asked_page(database, actor, MANDATES)


@routes.get("/mandates/{request_id}/letter", response_class=Response)
async def get_mandate_letter(
    request_id: UUID, actor: Administrator, database: TheDatabase, files: TheFiles
) -> Response:
    """The letter that a waiting mandate cites, for whoever may approve it; no other paper of the units."""
    async with database.reading() as session:
        paper = await letter_of(session, actor, request_id, now=clock.now())
    return download(paper, await bytes_of(files, paper.sha256))


@routes.post("/mandates/{request_id}/approve")
async def post_mandate_approve(request_id: UUID, actor: Administrator, database: TheDatabase) -> AdminAskedOut:
    """By another person than who asked."""
    return await approved(database, actor, request_id, MANDATES)


@routes.post("/mandates/{request_id}/refuse", status_code=204)
async def post_mandate_refuse(
    request_id: UUID, body: AdminRefuseIn, actor: Administrator, database: TheDatabase
) -> None:
    """By another person; who asked takes it back with it."""
    await refused(database, actor, request_id, MANDATES, body)
