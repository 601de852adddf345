"""Development's mail and SMS: kept in a table that `/sandbox/messages` shows. Production has neither."""

from sqlalchemy import text

from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id

_KEEP = text("""
INSERT INTO sandbox_message (id, channel, message_id, address, subject, body, sent_at)
VALUES (:id, :channel, :message_id, :address, :subject, :body, :now)
""")


class SandboxMessages:
    """Takes everything, as often as it is sent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, channel: str, message_id: str, address: str, subject: str, body: str) -> None:
        named = {"channel": channel, "message_id": message_id, "address": address, "subject": subject, "body": body}
        async with self._database.transaction() as session:
            await session.execute(_KEEP, named | {"id": new_id(), "now": clock.wall()})
