"""Something happened to an account: its owner is told, at the address that is known to be his."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.messages.queue_message import queue_message
from shop.ui.i18n import Lang

_ADDRESS: Final = text("SELECT email FROM user_account WHERE id = :user AND email_verified_at IS NOT NULL")


async def tell_owner(
    session: WriteSession,
    user_id: UUID,
    template: str,
    values: Mapping[str, str] | None = None,
    *,
    lang: Lang = "zh",
    now: datetime,
) -> None:
    """Nobody is told where no address is verified."""
    address = await session.scalar(_ADDRESS, {"user": user_id})
    if address is not None:
        await queue_message(
            session, channel="mail", to=address, template=template, values=values or {}, lang=lang, now=now
        )
