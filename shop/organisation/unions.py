"""Unions: their own money and approval, serving one unit or several."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert as insert_once
from sqlmodel import col

from shop.access.permissions import Actor
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.organisation.models import Union


class UnionCodeTaken(Problem):
    status = 409
    code = "union_code_taken"
    title = "工会代码已被使用"


async def add_union(
    session: WriteSession, *, actor: Actor | None, code: str, name: str, province: str | None = None, now: datetime
) -> UUID:
    """The province decides which caps apply. Raises UnionCodeTaken."""
    row = insert_once(Union).values(id=new_id(), code=code, name=name, province=province, created_at=now)
    union_id: UUID | None = await session.scalar(row.on_conflict_do_nothing().returning(col(Union.id)))
    if union_id is None:
        raise UnionCodeTaken("请换一个代码，或修改已有的工会。")
    await record_changes(
        session,
        [Change("union.added", f"labour_union:{union_id}", None, {"code": code})],
        actor_id=actor.user_id if actor else None,
        now=now,
    )
    return union_id
