"""Units, and where they stand."""

from datetime import date
from uuid import UUID

from shop.core import clock
from shop.core.database import Database
from shop.organisation.models import InvitationLink
from shop.organisation.units import add_unit

SINCE = date(2021, 1, 1)


async def unit(database: Database, code: str, *, under: UUID | None = None, since: date = SINCE) -> UUID:
    async with database.transaction() as session:
        return await add_unit(
            session, actor=None, code=code, name=f"{code}（虚构）", parent_id=under, valid_from=since, now=clock.now()
        )


async def invitation(
    database: Database, code: str, unit_id: UUID, *, since: date = SINCE, until: date | None = None
) -> None:
    async with database.transaction() as session:
        session.add(InvitationLink(code=code, unit_id=unit_id, valid_from=since, valid_to=until))
