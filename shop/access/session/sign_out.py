"""End sessions: one's own, or all of a user's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, update

from shop.access.models import SignInSession
from shop.core.database import WriteSession


async def sign_out(session: WriteSession, *, session_id: UUID, now: datetime) -> None:
    """Already ended is success. now: the machine's time. Every process knows within a second."""
    await session.execute(
        update(SignInSession)
        .where(col(SignInSession.id) == session_id, col(SignInSession.revoked_at).is_(None))
        .values(revoked_at=now)
    )


async def sign_out_everywhere(
    session: WriteSession,
    *,
    user_id: UUID,
    kinds: Sequence[str] = ("page", "api"),
    but: UUID | None = None,
    now: datetime,
) -> None:
    """but: a session that goes on: that of who asked for it."""
    await session.execute(
        update(SignInSession)
        .where(
            col(SignInSession.user_id) == user_id,
            col(SignInSession.kind).in_(kinds),
            col(SignInSession.id).is_distinct_from(but),
            col(SignInSession.revoked_at).is_(None),
            col(SignInSession.expires_at) > now,
        )
        .values(revoked_at=now)
    )
