"""A copy of everything that the shop keeps about the one who asks (PIPL article 45)."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text

from orders.privacy.personal import PERSONAL
from shop.access.permissions import Actor
from shop.core.audit import record_change
from shop.core.database import WriteSession

_ROWS = "SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]')::text FROM ({copy}) x"


async def copy_data(session: WriteSession, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """By title: rows as they stand. Only one's own: nobody can ask for another's. That it was taken is noted."""
    found: dict[str, Any] = {}
    for one in PERSONAL:
        if one.copy is None:
            continue
        requested = {"person": actor.person_id, "user": actor.user_id}
        asked = {name: value for name, value in requested.items() if f":{name}" in one.copy}
        rows = await session.scalar(text(_ROWS.format(copy=one.copy)), asked)
        found[one.title] = msgspec.json.decode(rows or "[]")
    await record_change(
        session,
        actor_id=actor.user_id,
        action="person.copy_exported",
        subject=f"user_account:{actor.user_id}",
        after={"rows": sum(len(rows) for rows in found.values())},
        now=now,
    )
    return found
