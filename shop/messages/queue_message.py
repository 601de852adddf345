"""Say something to somebody: a row in the caller's transaction, sent after it commits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text

from shop.core import clock
from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.messages.wording import composed
from shop.ui.i18n import Lang

Channel = Literal["mail", "sms"]

_QUEUE: Final = text("""
INSERT INTO message (id, channel, template, lang, address, facts, message_id, state, attempts, created_at,
    next_attempt_at, expires_at)
VALUES (:id, :channel, :template, :lang, :to, CAST(:facts AS jsonb), :message_id, 'waiting', 0, :now, :due, :expires_at)
""")


async def queue_message(
    session: WriteSession,
    *,
    channel: Channel,
    to: str,
    template: str,
    values: Mapping[str, str],
    lang: Lang = "zh",
    expires_at: datetime | None = None,
    now: datetime,
) -> UUID:
    """template: a row of TEMPLATES; values: what its words need, and `opens`, the id of the row whose link or code it
    tells. to: an e-mail address, or a phone as `checked_phone` gives it. expires_at: by the machine's clock, when it
    would say something that is true no longer; it is not sent afterwards.

    Nothing is sent here, and nothing at all if the caller's transaction fails. Raises KeyError on a template or a value
    that is missing, ValueError on a mail without a subject.
    """
    words = composed(template, lang, values, created_at=now, keys=None, public_url="")
    if channel == "mail" and not words.subject:
        raise ValueError(f"{template} has no subject")
    message = new_id()
    await session.execute(
        _QUEUE,
        {
            "id": message,
            "channel": channel,
            "template": template,
            "lang": lang,
            "to": to,
            "facts": msgspec.json.encode(values).decode(),
            "message_id": f"<{message}@bangfu.message>",
            "now": now,
            "due": clock.wall(),  # what waits in a queue must not wait for a set clock to come round
            "expires_at": expires_at,
        },
    )
    return message
