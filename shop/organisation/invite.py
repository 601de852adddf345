"""A unit gets a link through which outside buyers come."""

from datetime import date
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

_INVITE = text("""
INSERT INTO invitation_link (code, unit_id, valid_from) VALUES (:code, :unit, :day) ON CONFLICT (code) DO NOTHING
""")


async def invite(session: WriteSession, *, code: str, unit_id: UUID, day: date) -> None:
    """`/join/{code}` introduces whoever joins by it, from a business day on. A code that there is stays whose it is."""
    await session.execute(_INVITE, {"code": code, "unit": unit_id, "day": day})
