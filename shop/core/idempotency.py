"""First answers to requests with a key; they may hold an address, so they do not stay."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, ClassVar, Final, Self
from uuid import UUID

import msgspec
from fastapi import Header, Request
from pydantic import BaseModel
from sqlalchemy import delete, text
from sqlmodel import col
from starlette.responses import Response

from shop.core import clock
from shop.core.database import Database, WriteSession
from shop.core.errors import Problem
from shop.core.models import Idempotency
from shop.core.requests import database_of

KEPT = timedelta(hours=72)
IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
"""What a creating route declares, `key: IdempotencyKey`, and hands on to `answer_once`."""


class IdempotencyKeyReused(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "idempotency_key_reused"
    title: ClassVar[str] = "这个请求编号已经用于另一份内容"

    def __init__(self) -> None:
        super().__init__("请换一个新的 Idempotency-Key 再提交。")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time: the body as JSON bytes."""

    status: int
    body: bytes

    @classmethod
    def of(cls, made: object, status: int) -> Self:
        """made: a model of pydantic, or what msgspec writes as JSON."""
        json = made.model_dump_json().encode() if isinstance(made, BaseModel) else msgspec.json.encode(made)
        return cls(status, json)

    def as_response(self) -> Response:
        return Response(self.body, self.status, media_type="application/json")


REMEMBER: Final = """
    INSERT INTO idempotency SELECT * FROM jsonb_populate_record(NULL::idempotency, {answer}) RETURNING 1
"""
"""A step of a statement that keeps its own answer. {answer}: what `remembered` gives, as jsonb."""
_TAKE = text("""
INSERT INTO idempotency (actor_id, key, request_sha256, status, answer, created_at)
VALUES (:actor, :key, :digest, 0, '', :now) ON CONFLICT DO NOTHING RETURNING key
""")
_KNOWN = text("SELECT request_sha256, status, answer FROM idempotency WHERE actor_id = :actor AND key = :key")
_KEEP = text("""
UPDATE idempotency SET status = :status, answer = :answer WHERE actor_id = :actor AND key = :key AND answer = ''
""")


async def answer_once(
    request: Request,
    actor_id: UUID,
    key: str | None,
    verb: Callable[[WriteSession, datetime], Awaitable[object]],
    *,
    status: int = 201,
) -> Response:
    """All that a creating route does: `verb(session, now)` in one transaction, answered with what it returns.

    That is a body for `Answer.of`, or an Answer with a status of its own. Raises what `once` raises.
    """
    now = clock.now()

    async def answer(session: WriteSession) -> Answer:
        made = await verb(session, now)
        return made if isinstance(made, Answer) else Answer.of(made, status)

    digest = await digest_of(request)
    done = await once(database_of(request), answer, actor_id=actor_id, key=key, request_sha256=digest, now=now)
    return done.as_response()


async def once(
    database: Database,
    verb: Callable[[WriteSession], Awaitable[Answer]],
    *,
    actor_id: UUID,
    key: str | None,
    request_sha256: bytes,
    now: datetime,
) -> Answer:
    """Do it in one transaction and keep the answer; the same key and request again get the first answer.

    Two at a time: the second waits for the first one's commit. What the verb raises is not kept: nothing was done.
    Without a key nothing is kept either. Raises IdempotencyKeyReused for another request under the same key.
    """
    if key is None:
        async with database.transaction() as session:
            return await verb(session)
    named = {"actor": actor_id, "key": key}
    async with database.transaction() as session:
        if not await take_key(session, actor_id=actor_id, key=key, request_sha256=request_sha256, now=now):
            known = (await session.execute(_KNOWN, named)).one()
            if known.request_sha256 != request_sha256:
                raise IdempotencyKeyReused
            return Answer(known.status, known.answer.encode())
        answer = await verb(session)
        await keep_answer(session, actor_id=actor_id, key=key, answer=answer)
    return answer


def remembered(*, actor_id: UUID, key: str, request_sha256: bytes, answer: bytes, now: datetime) -> dict[str, object]:
    """The row of a first answer, 201, for REMEMBER."""
    return {
        "actor_id": actor_id,
        "key": key,
        "request_sha256": "\\x" + request_sha256.hex(),
        "status": 201,
        "answer": answer.decode(),
        "created_at": now,
    }


async def take_key(session: WriteSession, *, actor_id: UUID, key: str, request_sha256: bytes, now: datetime) -> bool:
    """The key stands for this request from now on; False where it stood for one before."""
    named = {"actor": actor_id, "key": key, "digest": request_sha256, "now": now}
    return await session.scalar(_TAKE, named) is not None


async def keep_answer(session: WriteSession, *, actor_id: UUID, key: str, answer: Answer) -> None:
    """The first answer under a key that was taken; one that is kept already stays."""
    named = {"actor": actor_id, "key": key, "status": answer.status, "answer": answer.body.decode()}
    await session.execute(_KEEP, named)


async def digest_of(request: Request) -> bytes:
    """What makes two requests the same: method, path, query and body."""
    there = f"{request.url.path}?{request.url.query}".rstrip("?")
    return sha256(f"{request.method} {there}\n".encode() + await request.body()).digest()


async def forget_answers(database: Database) -> None:
    """Hourly: answers older than 72 hours. The order's own key stays UNIQUE for ever."""
    async with database.transaction() as session:
        await session.execute(delete(Idempotency).where(col(Idempotency.created_at) < clock.now() - KEPT))
