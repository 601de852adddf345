"""A phone is proven to be somebody's: it is his alone from now on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession

_OWN = text("UPDATE person SET phone = :phone, phone_verified_at = :now WHERE id = :person")


async def own_phone(session: WriteSession, *, person_id: UUID, phone: str, now: datetime) -> None:
    """phone: checked, its proof used, nobody else its holder: the caller looked under `people_one_by_one`."""
    await session.execute(_OWN, {"person": person_id, "phone": phone, "now": now})
