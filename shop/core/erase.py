"""What is personal in a row ends with a period: names, phones and addresses go, counts and amounts stay.

Each room erases its own rows, a verb for each kind; when a period is over is not its to decide.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause

from shop.core.database import WriteSession


@dataclass(frozen=True, slots=True)
class Ended:
    """What is erased now: of what had ended before a moment, at most so many rows at a time."""

    before: datetime
    now: datetime
    most: int


async def erase(session: WriteSession, statement: TextClause, ended: Ended) -> int:
    """How many rows it erased, or says that it did. It takes `:before`, `:now` and `:most`."""
    done = await session.execute(statement, {"before": ended.before, "now": ended.now, "most": ended.most})
    count: int = done.rowcount  # type: ignore[attr-defined]  # of what was changed, or of what says so
    return count
