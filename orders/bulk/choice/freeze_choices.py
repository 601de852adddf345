"""The cut-off: what was chosen stands, who did not choose gets the default; from then on one order can be made."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import text

from shop.core.database import Database, WriteSession
from shop.core.errors import Problem

AT_ONCE: Final = 50


class ChoicesStillOpen(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "choices_still_open"
    title: ClassVar[str] = "还没到选择截止时间"


# The purchase's row first: whoever is choosing holds it, and whoever comes later finds it frozen.
_FREEZE = text("""
UPDATE bulk_purchase SET choices_frozen_at = :now, changed_at = :now
WHERE id = :purchase AND choices_frozen_at IS NULL AND choose_until <= :now RETURNING id
""")
_DEFAULT = text("""
UPDATE bulk_member m SET package_id = d.id, chosen_by = 'default', chosen_at = :now
FROM bulk_package d
WHERE m.purchase_id = :purchase AND m.package_id IS NULL AND d.purchase_id = m.purchase_id AND d.is_default
""")
_FROZEN = text("SELECT choices_frozen_at IS NOT NULL FROM bulk_purchase WHERE id = :purchase")
_DUE = text("""
SELECT id FROM bulk_purchase
WHERE choose_until <= :now AND choices_frozen_at IS NULL AND state <> 'cancelled' ORDER BY choose_until, id LIMIT :most
""")


async def freeze_choices(session: WriteSession, *, purchase_id: UUID, now: datetime) -> bool:
    """True when this froze them; frozen before is success. What is approved by its digest stays what it was: the
    digest counted the default for who had not chosen. Raises ChoicesStillOpen.
    """
    if await session.scalar(_FREEZE, {"purchase": purchase_id, "now": now}) is not None:
        await session.execute(_DEFAULT, {"purchase": purchase_id, "now": now})
        return True
    if not await session.scalar(_FROZEN, {"purchase": purchase_id}):
        raise ChoicesStillOpen("到截止时间后会自动截止，不必手动操作。")
    return False


async def freeze_due(database: Database, *, now: datetime) -> int:
    """Every second: purchases whose cut-off has passed, each in a transaction of its own. Returns how many."""
    async with database.reading() as session:
        due = list(await session.scalars(_DUE, {"now": now, "most": AT_ONCE}))
    frozen = 0
    for purchase_id in due:
        async with database.transaction() as session:
            frozen += await freeze_choices(session, purchase_id=purchase_id, now=now)
    return frozen
