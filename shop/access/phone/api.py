"""`/api/v1/phone-proofs`: a code to a phone, and back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.access.address import address_of
from shop.access.phone.proof import confirm_code, send_code
from shop.core import clock
from shop.core.paging import NO_NUL
from shop.core.requests import TheDatabase, TheKeys
from shop.ui.pages import lang_of

routes = APIRouter(prefix="/api/v1", tags=["auth"])

Phone = Annotated[str, StringConstraints(min_length=5, max_length=40, pattern=NO_NUL)]


class PhoneIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    phone: Phone


class SentOut(BaseModel):
    """id: for `…/{id}/confirm`, until expires_at."""

    id: UUID
    expires_at: datetime


class CodeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=NO_NUL)]


class ProofOut(BaseModel):
    """proof: good once and for an hour, to join or for one's own account (`POST /me/phone`)."""

    proof: str


@routes.post("/phone-proofs", status_code=202)
async def post_proof(request: Request, body: PhoneIn, database: TheDatabase, keys: TheKeys) -> SentOut:
    """A code of six digits, for ten minutes. The same answer for every number, whoever has it."""
    sent = await send_code(
        database,
        keys=keys,
        phone=body.phone,
        address=address_of(request),
        lang=lang_of(request),
        now=clock.now(),
    )
    return SentOut(id=sent.id, expires_at=sent.expires_at)


@routes.post("/phone-proofs/{proof_id}/confirm")
async def post_confirm(proof_id: UUID, body: CodeIn, database: TheDatabase, keys: TheKeys) -> ProofOut:
    """The code that came by SMS. Five tries: 422 `code_wrong`, which says the same of an unknown id."""
    proof = await confirm_code(database, keys=keys, proof_id=proof_id, code=body.code)
    return ProofOut(proof=proof)
